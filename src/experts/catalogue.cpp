// The list of executors, and the choice among them. To add one: write its file, declare its entry in
// experts/variants.h, name it here.

#include "experts/variants.h"

namespace moesim {
namespace {

struct ExecutorParams {
  std::string kind = "tiled";
  std::int64_t threads = 0;
};
void describe(Fields<ExecutorParams>& f) {
  f.add("kind", &ExecutorParams::kind).doc("how experts are run");
  f.add("threads", &ExecutorParams::threads).range(1, 1024).word("auto", 0).doc("threads of the run");
}

}  // namespace

const Catalogue<ExecutorEntry>& executors() {
  static const Catalogue<ExecutorEntry> list(
      {executor_check(), executor_onednn(), executor_serial(), executor_tiled()});
  return list;
}

ExecutorChoice make_executor(Binder& binder, const Node* section) {
  ExecutorParams params;
  std::vector<std::string> other_keys;
  if (section != nullptr) {
    for (const Node::Entry& entry : section->entries) {
      other_keys.push_back(entry.key);
    }
  }
  bind_section(binder, section, "executor", params, other_keys);
  const ExecutorEntry* entry = executors().find(params.kind);
  if (entry == nullptr) {
    const std::string near = suggest(params.kind, executors().names());
    binder.error("executor.kind", "unknown executor '" + params.kind + "'",
                 "one of " + list_choices(executors().names()), "unknown-variant",
                 near.empty() ? "" : "did you mean '" + near + "'?");
    return {nullptr, params.kind, params.threads};
  }
  return {entry->make(binder, section, "executor"), params.kind, params.threads};
}

}  // namespace moesim
