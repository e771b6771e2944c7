// The list of logit streams, and the choice among them. To add one: write its file, declare its entry in
// engine/logit_stream_variants.h, name it here.

#include "engine/logit_stream.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/logit_stream_variants.h"

namespace moesim {

const Catalogue<LogitStreamEntry>& logit_streams() {
  static const Catalogue<LogitStreamEntry> list(
      {logit_stream_drifting(), logit_stream_replayed(), logit_stream_stationary(), logit_stream_workload()});
  return list;
}

LogitStreamChoice make_logit_stream(Binder& binder, const Node* section, const LogitStreamScene& scene) {
  const std::string path = kLogitStreamPath;
  const std::string kind_path = path + ".kind";
  if (section == nullptr || section->kind == Node::Kind::null) {
    binder.resolved.push_back({kind_path, "workload", "default"});
    Node all_defaults;
    all_defaults.kind = Node::Kind::map;
    return {logit_streams().find("workload")->make(binder, all_defaults, scene), "workload"};
  }
  const std::string choices = "one of " + list_choices(logit_streams().names());
  if (section->kind != Node::Kind::map) {
    binder.error(path, "got " + describe_node(*section), "a section such as {kind: stationary}",
                 "wrong-type");
    return {};
  }
  const Node* kind = section->child("kind");
  if (kind == nullptr) {
    binder.error(path, "missing key 'kind'", choices, "missing-key", "write {kind: stationary}");
    return {};
  }
  const LogitStreamEntry* entry = logit_streams().find(kind->text);
  if (entry == nullptr) {
    const std::string near = suggest(kind->text, logit_streams().names());
    binder.error(kind_path, fmt::format("unknown stream of logits '{}'", shorten(kind->text)), choices,
                 "unknown-variant", near.empty() ? "" : fmt::format("did you mean '{}'?", near));
    return {};
  }
  binder.resolved.push_back({kind_path, entry->name, kind->where.text()});
  return {entry->make(binder, *section, scene), entry->name};
}

std::string logit_streams_with_key(const std::string& key) {
  std::string kinds;
  for (const LogitStreamEntry& entry : logit_streams().entries()) {
    const std::vector<FieldInfo> fields = entry.fields();
    if (std::any_of(fields.begin(), fields.end(), [&](const FieldInfo& f) { return f.name == key; })) {
      kinds += (kinds.empty() ? "" : ", ") + entry.name;
    }
  }
  return kinds.empty() ? "" : fmt::format("'{}' is a key of stream kind {}", key, kinds);
}

}  // namespace moesim
