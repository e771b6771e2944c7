#pragma once
// Binds a tree to described structs: collects every problem, remembers where each key stands, and records
// each resolved value with its origin (default, file:line:column, --set …, preset …).

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "config/diagnostics.h"
#include "config/fields.h"
#include "config/load.h"
#include "config/node.h"
#include "config/suggest.h"

namespace moesim {

struct ResolvedValue {
  std::string path;    // "router.top_k"
  std::string value;   // as one would write it in YAML
  std::string origin;  // "default", "quickstart.yaml:9:26", "--set router.top_k=4", "preset mixtral"
};

class Binder {
 public:
  Diagnostics diagnostics;
  std::vector<ResolvedValue> resolved;
  ConfigSource source;  // what relative paths are relative to

  // In a sweep a key that has no effect at one point may have one at another: then it is put aside here.
  bool tolerate_inert = false;
  std::vector<Diagnostic> inert_keys;

  // The place of a key; of the nearest enclosing section when the key is not given. The path "" is the file.
  Location locate(const std::string& path) const;
  bool given(const std::string& path) const;  // by the user: in a file or with --set, not by a preset
  void remember(const std::string& path, const Location& key_where);
  void forget(const std::string& path);  // a key that the tree lost: given no longer

  // An error at the key's place. short_name as in Diagnostic.
  void error(const std::string& path, std::string what, std::string expected, std::string short_name,
             std::string help = {}, std::vector<std::pair<Location, std::string>> notes = {});
  // "has no effect because <why>" [no-effect].
  void inert(const std::string& path, const std::string& why);

  // Reports every key of `section` that is neither in `known` nor in `reserved`; `belongs` may say to which
  // variant an unknown key belongs ("" if none) and becomes the help text.
  void report_unknown_keys(const Node& section, const std::string& path,
                           const std::vector<std::string>& known,
                           const std::function<std::string(const std::string&)>& belongs = {});

 private:
  std::map<std::string, Location> places_;
  friend void bind_places(Binder&, const Node&, const std::string&);
};

// Remembers the places of all keys below `node`, so that locate() works everywhere; in lists those of maps:
// "controllers[1].rate".
void bind_places(Binder& binder, const Node& node, const std::string& path);

namespace binder_detail {
void report_missing(Binder& binder, const std::string& path, const FieldInfo& info);
struct BadValue {
  const FieldInfo& info;
  const Node& node;
  const ScalarProblem& problem;
  ReadOutcome outcome;
};
void report_bad_value(Binder& binder, const std::string& path, const BadValue& bad);
std::string join(const std::string& path, const std::string& key);
}  // namespace binder_detail

// Reads the fields of T from `section` (nullptr: all defaults) into `out`. Keys that T does not have are
// reported unless they are in `reserved` ("kind", "preset"). Values that came from a preset or default are
// not checked for having an effect; values the user gave are.
template <class T>
void bind_section(Binder& binder, const Node* section, const std::string& path, T& out,
                  const std::vector<std::string>& reserved = {},
                  const std::function<std::string(const std::string&)>& belongs = {}) {
  const Fields<T> fields = fields_of<T>();
  if (section != nullptr && section->kind != Node::Kind::map && section->kind != Node::Kind::null) {
    binder.error(path, "got " + describe_node(*section), "a section (a map of keys)", "wrong-type");
    section = nullptr;
  }
  std::vector<std::string> known = reserved;
  for (const Field<T>& field : fields.list()) {
    known.push_back(field.info.name);
    const std::string key = binder_detail::join(path, field.info.name);
    const Node* value = section == nullptr ? nullptr : section->child(field.info.name);
    std::string origin = "default";
    if (value != nullptr) {
      origin = value->where.text();
      ScalarProblem problem;
      const ReadOutcome outcome = field.read(*value, out, problem);
      if (outcome != ReadOutcome::ok) {
        binder_detail::report_bad_value(
            binder, key, {.info = field.info, .node = *value, .problem = problem, .outcome = outcome});
      }
    } else if (field.info.required) {
      binder_detail::report_missing(binder, key, field.info);
    }
    binder.resolved.push_back({key, field.print(out), origin});
  }
  if (section != nullptr) {
    binder.report_unknown_keys(*section, path, known, belongs);
  }
  for (const Field<T>& field : fields.list()) {
    const std::string key = binder_detail::join(path, field.info.name);
    if (field.effective && binder.given(key) && !field.effective(out)) {
      binder.inert(key, field.why_inert);
    }
  }
}

}  // namespace moesim
