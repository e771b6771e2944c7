// The words of the binder's errors.
#include "config/binder.h"

#include <algorithm>

namespace moesim {
namespace {

std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates) {
  const std::string nearest = suggest(word, candidates);
  return nearest.empty() ? "" : "did you mean '" + nearest + "'?";
}

// "d_model:256" is one text in YAML, and so becomes a key.
std::string space_missing(const std::string& key, const std::vector<std::string>& known) {
  const std::size_t colon = key.find(':');
  if (colon == std::string::npos ||
      std::find(known.begin(), known.end(), key.substr(0, colon)) == known.end()) {
    return "";
  }
  return "write a space behind the colon: '" + key.substr(0, colon) + ": " + key.substr(colon + 1) + "'";
}

}  // namespace

Location Binder::locate(const std::string& path) const {
  std::string prefix = path;
  while (true) {
    const auto place = places_.find(prefix);
    if (place != places_.end()) {
      return place->second;
    }
    if (prefix.empty()) {
      return {};
    }
    const std::size_t dot = prefix.find_last_of(".[");
    prefix.erase(dot == std::string::npos ? 0 : dot);
  }
}

bool Binder::given(const std::string& path) const {
  const auto place = places_.find(path);
  return place != places_.end() && place->second.source.rfind("preset ", 0) != 0 &&
         place->second.source != "default";
}

void Binder::remember(const std::string& path, const Location& key_where) {
  places_[path] = key_where;
}

void Binder::forget(const std::string& path) {
  places_.erase(path);
}

void Binder::error(const std::string& path, std::string what, std::string expected, std::string short_name,
                   std::string help, std::vector<std::pair<Location, std::string>> notes) {
  Diagnostic diagnostic{.where = locate(path),
                        .key = path,
                        .what = std::move(what),
                        .expected = std::move(expected),
                        .short_name = std::move(short_name),
                        .help = std::move(help),
                        .notes = std::move(notes)};
  if (tolerate_inert && diagnostic.short_name == "no-effect") {
    inert_keys.push_back(std::move(diagnostic));
  } else {
    diagnostics.add(std::move(diagnostic));
  }
}

void Binder::inert(const std::string& path, const std::string& why) {
  error(path, "has no effect because " + why, "", "no-effect");
}

void Binder::report_unknown_keys(const Node& section, const std::string& path,
                                 const std::vector<std::string>& known,
                                 const std::function<std::string(const std::string&)>& belongs) {
  const std::string choices = list_keys(known, path.substr(0, path.find_first_of(".[")));
  for (const Node::Entry& entry : section.entries) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) {
      continue;
    }
    std::string help = space_missing(entry.key, known);
    if (help.empty() && belongs) {
      help = belongs(entry.key);
    }
    if (help.empty()) {
      help = did_you_mean(entry.key, known);
    }
    diagnostics.add({.where = entry.where,
                     .key = binder_detail::join(path, entry.key),
                     .what = "unknown key",
                     .expected = "one of " + choices,
                     .short_name = "unknown-key",
                     .help = help,
                     .notes = {}});
  }
}

void bind_places(Binder& binder, const Node& node, const std::string& path) {
  if (path.empty()) {
    binder.places_[path] = node.where;
  }
  for (const Node::Entry& entry : node.entries) {
    const std::string key = binder_detail::join(path, entry.key);
    binder.places_[key] = entry.where;
    bind_places(binder, entry.value, key);
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    if (node.items[i].kind == Node::Kind::map) {
      const std::string item = path + "[" + std::to_string(i) + "]";
      binder.places_[item] = node.items[i].where;
      bind_places(binder, node.items[i], item);
    }
  }
}

namespace binder_detail {

std::string join(const std::string& path, const std::string& key) {
  return path.empty() ? key : path + "." + key;
}

void report_missing(Binder& binder, const std::string& path, const FieldInfo& info) {
  const std::size_t dot = path.rfind('.');
  const std::string section = dot == std::string::npos ? "" : path.substr(0, dot);
  binder.error(section, "missing key '" + info.name + "'", info.expected, "missing-key",
               info.doc.empty() ? "" : info.name + ": " + info.doc);
}

void report_bad_value(Binder& binder, const std::string& path, const BadValue& bad) {
  std::string short_name;
  switch (bad.outcome) {
    case ReadOutcome::ok:
      return;
    case ReadOutcome::wrong_type:
      short_name = "wrong-type";
      break;
    case ReadOutcome::out_of_range:
      short_name = "out-of-range";
      break;
    case ReadOutcome::unknown_choice:
      short_name = "unknown-choice";
      break;
  }
  std::string help = bad.problem.help;
  if (help.empty() && bad.node.kind == Node::Kind::scalar && bad.outcome != ReadOutcome::out_of_range) {
    help = did_you_mean(bad.node.text, bad.info.choices);
  }
  if (help.empty() && bad.outcome == ReadOutcome::unknown_choice && list_choices(bad.info.choices).empty()) {
    for (const std::string& choice : bad.info.choices) {
      help += (help.empty() ? "the choices are " : ", ") + choice;
    }
  }
  binder.diagnostics.add({.where = bad.problem.where.source.empty() ? bad.node.where : bad.problem.where,
                          .key = path,
                          .what = bad.problem.got,
                          .expected = bad.info.expected,
                          .short_name = short_name,
                          .help = help,
                          .notes = {}});
}

}  // namespace binder_detail
}  // namespace moesim
