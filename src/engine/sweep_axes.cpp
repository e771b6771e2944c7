#include "engine/sweep_axes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <set>

#include "config/scalars.h"
#include "config/yaml.h"
#include "core/random.h"

namespace moesim {
namespace {

constexpr std::size_t kMostValues = 10'000;
constexpr const char* kReserved[] = {"where", "zip", "sample", "sample_seed"};

class Reader {
 public:
  explicit Reader(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void read_section(const Node& section);
  void read_option(const std::string& option);
  SweepSpec finish();

 private:
  struct Problem {
    Location where;
    std::string key;
    std::string what;
    std::string expected;
    std::string help;
  };
  void report(Problem problem, const std::string& short_name = "bad-axis") {
    diagnostics_.add({.where = std::move(problem.where),
                      .key = "sweep" + (problem.key.empty() ? "" : "." + problem.key),
                      .what = std::move(problem.what),
                      .expected = std::move(problem.expected),
                      .short_name = short_name,
                      .help = std::move(problem.help),
                      .notes = {}});
  }
  void set_axis(const std::string& key, std::vector<std::string> values, const Location& where);
  void read_axis(const Node::Entry& entry);
  void read_zip(const Node& value);
  void read_reserved(const Node::Entry& entry);
  // "4..16:4" as its values; nothing when the text is no range.
  std::optional<std::vector<std::string>> read_range(const std::string& key, const std::string& text,
                                                     const Location& where);

  Diagnostics& diagnostics_;
  SweepSpec spec_;
  std::vector<std::pair<std::vector<std::string>, Location>> zipped_;
};

bool is_reserved(const std::string& key) {
  return std::find(std::begin(kReserved), std::end(kReserved), key) != std::end(kReserved);
}

bool is_plain(const Node& node) {
  return node.kind == Node::Kind::scalar && !node.quoted;
}

Node scalar(const std::string& text) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.text = text;
  return node;
}

std::optional<std::vector<std::string>> Reader::read_range(const std::string& key, const std::string& text,
                                                           const Location& where) {
  const std::size_t dots = text.find("..");
  if (dots == std::string::npos || text.find_first_not_of("0123456789.:eE+-x ") != std::string::npos) {
    return std::nullopt;
  }
  const std::size_t colon = text.find(':', dots);
  const std::string step_text = colon == std::string::npos ? "1" : text.substr(colon + 1);
  const std::string end_text = text.substr(dots + 2, colon == std::string::npos ? colon : colon - dots - 2);
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t step = 0;
  ScalarProblem problem;
  const bool good = read_whole(scalar(text.substr(0, dots)), begin, problem) &&
                    read_whole(scalar(end_text), end, problem) &&
                    read_whole(scalar(step_text), step, problem) && step > 0 && begin <= end;
  const auto count = good ? (static_cast<std::uint64_t>(end) - static_cast<std::uint64_t>(begin)) /
                                static_cast<std::uint64_t>(step)
                          : 0;
  std::vector<std::string> values;
  if (!good || count >= kMostValues) {
    report({where, key, fmt::format("got '{}'", shorten(text)),
            good ? fmt::format("at most {} values", kMostValues)
                 : "a range of whole numbers, first..last or first..last:step",
            "for example 1..4 or 8..64:8"});
    return values;
  }
  for (std::uint64_t i = 0; i <= count; ++i) {
    values.push_back(std::to_string(begin + static_cast<std::int64_t>(i) * step));
  }
  return values;
}

void Reader::set_axis(const std::string& key, std::vector<std::string> values, const Location& where) {
  if (values.empty()) {
    return;  // reported where it was read
  }
  if (key == "sweep" || key.rfind("sweep.", 0) == 0) {
    report({where, key, "a sweep cannot vary itself", "a key of the experiment", ""});
    return;
  }
  std::set<std::string> seen;
  for (const std::string& value : values) {
    if (!seen.insert(value).second) {
      report({where, key, fmt::format("'{}' stands twice", shorten(value)), "", "remove one of the two"},
             "duplicate-key");
      return;
    }
  }
  const auto old = std::find_if(spec_.axes.begin(), spec_.axes.end(),
                                [&](const SweepAxis& axis) { return axis.key == key; });
  if (old != spec_.axes.end()) {
    old->values = std::move(values);
  } else {
    spec_.axes.push_back({key, std::move(values)});
  }
}

void Reader::read_axis(const Node::Entry& entry) {
  const Node& value = entry.value;
  std::vector<std::string> values;
  if (value.kind == Node::Kind::scalar) {
    if (auto range = read_range(entry.key, value.text, value.where)) {
      set_axis(entry.key, *range, entry.where);
      return;
    }
  }
  if (value.kind != Node::Kind::list || value.items.empty() || value.items.size() > kMostValues) {
    report({value.where, entry.key,
            value.kind == Node::Kind::list ? fmt::format("a list of {} values", value.items.size())
                                           : "got " + describe_node(value),
            fmt::format("a list of 1 to {} values, or a range", kMostValues),
            fmt::format("{}: [4, 8], or {}: 1..4", entry.key, entry.key)});
    return;
  }
  for (const Node& item : value.items) {
    values.push_back(print_yaml_value(item));
  }
  set_axis(entry.key, std::move(values), entry.where);
}

void Reader::read_zip(const Node& value) {
  const auto is_list = [](const Node& node) { return node.kind == Node::Kind::list && !node.items.empty(); };
  if (!is_list(value) || !std::all_of(value.items.begin(), value.items.end(), is_list)) {
    report({value.where, "zip", "got " + describe_node(value), "a list of lists of axes",
            "zip: [[layer.num_experts, layer.d_ff]]"});
    return;
  }
  for (const Node& group : value.items) {
    std::vector<std::string> keys;
    for (const Node& key : group.items) {
      keys.push_back(key.text);
    }
    zipped_.emplace_back(std::move(keys), group.where);
  }
}

void Reader::read_reserved(const Node::Entry& entry) {
  ScalarProblem problem;
  const Node& value = entry.value;
  bool good = true;
  if (entry.key == "where") {
    good = read_text(value, spec_.where, problem);
  } else if (entry.key == "zip") {
    read_zip(value);
  } else if (entry.key == "sample") {
    good = read_whole(value, spec_.sample, problem) && spec_.sample >= 1;
  } else {
    good = read_unsigned(value, spec_.sample_seed, problem);
  }
  if (!good) {
    report({value.where, entry.key, problem.got.empty() ? "got " + describe_node(value) : problem.got,
            entry.key == "where"    ? "a condition as a text"
            : entry.key == "sample" ? "a whole number of at least 1"
                                    : "a whole number from 0 to 9223372036854775807",
            problem.help});
  }
}

void Reader::read_section(const Node& section) {
  if (section.kind != Node::Kind::map) {
    report({section.where, "", "got " + describe_node(section), "a section of axes",
            "sweep: {layer.num_experts: [4, 8, 16], router.top_k: [1, 2]}"});
    return;
  }
  for (const Node::Entry& entry : section.entries) {
    if (is_reserved(entry.key)) {
      read_reserved(entry);
    } else {
      read_axis(entry);
    }
  }
}

void Reader::read_option(const std::string& option) {
  const Location where{.source = "-p " + option};
  const std::size_t equals = option.find('=');
  const std::string key = option.substr(0, equals);
  if (equals == std::string::npos || equals == 0 || equals + 1 == option.size()) {
    report({where, "", "this is no axis", "key=values",
            "for example -p layer.num_experts=4,8,16 or -p router.top_k=1..4"});
    return;
  }
  // As the inside of a list, so that commas in quotes and brackets part nothing.
  const std::size_t problems = diagnostics_.list().size();
  const Node list = parse_yaml_value("[" + option.substr(equals + 1) + "]", where, diagnostics_);
  if (diagnostics_.list().size() != problems) {
    return;
  }
  if (list.items.empty()) {
    report({where, key, "no value", "values between commas", "for example 4,8,16"});
  }
  std::vector<std::string> values;
  for (const Node& value : list.items) {
    if (const auto range = is_plain(value) ? read_range(key, value.text, where) : std::nullopt) {
      values.insert(values.end(), range->begin(), range->end());
    } else {
      values.push_back(print_yaml_value(value));
    }
  }
  set_axis(key, std::move(values), where);
}

SweepSpec Reader::finish() {
  std::set<std::size_t> grouped;
  for (const auto& [keys, where] : zipped_) {
    std::vector<std::size_t> group;
    for (const std::string& key : keys) {
      const auto axis = std::find_if(spec_.axes.begin(), spec_.axes.end(),
                                     [&](const SweepAxis& a) { return a.key == key; });
      const auto place = static_cast<std::size_t>(axis - spec_.axes.begin());
      if (axis == spec_.axes.end() || !grouped.insert(place).second) {
        report({where, "zip",
                fmt::format("'{}' is {}", key, axis == spec_.axes.end() ? "no axis" : "named twice"),
                "axes of this sweep, each once", ""});
        return spec_;
      }
      if (axis->values.size() != spec_.axes[group.empty() ? place : group.front()].values.size()) {
        report({where, "zip",
                fmt::format("'{}' has {} values, '{}' has {}", key, axis->values.size(), keys.front(),
                            spec_.axes[group.front()].values.size()),
                "axes of the same length", ""});
        return spec_;
      }
      group.push_back(place);
    }
    spec_.groups.push_back(std::move(group));
  }
  for (std::size_t i = 0; i < spec_.axes.size(); ++i) {
    if (grouped.count(i) == 0) {
      spec_.groups.push_back({i});
    }
  }
  std::sort(spec_.groups.begin(), spec_.groups.end());
  return spec_;
}

}  // namespace

SweepSpec read_sweep(const Node* section, const std::vector<std::string>& options, Diagnostics& diagnostics) {
  Reader reader(diagnostics);
  if (section != nullptr && section->kind != Node::Kind::null) {
    reader.read_section(*section);
  }
  for (const std::string& option : options) {
    reader.read_option(option);
  }
  return reader.finish();
}

std::vector<std::vector<std::size_t>> combinations(const SweepSpec& spec) {
  std::uint64_t total = 1;
  for (const std::vector<std::size_t>& group : spec.groups) {
    const std::uint64_t count = spec.axes[group.front()].values.size();
    if (total > kMostCombinations / count) {
      throw Error(ErrorKind::config,
                  fmt::format("sweep: error: more than {} combinations; expected fewer [bad-axis]",
                              kMostCombinations),
                  "take fewer values, or zip axes that belong together");
    }
    total *= count;
  }
  std::vector<std::vector<std::size_t>> all;
  for (std::uint64_t place = 0; place < total; ++place) {
    std::uint64_t number = place;
    std::vector<std::size_t> choice(spec.axes.size());
    for (std::size_t g = spec.groups.size(); g-- > 0;) {
      const std::uint64_t count = spec.axes[spec.groups[g].front()].values.size();
      for (const std::size_t axis : spec.groups[g]) {
        choice[axis] = static_cast<std::size_t>(number % count);
      }
      number /= count;
    }
    all.push_back(std::move(choice));
  }
  return all;
}

std::vector<std::vector<std::size_t>> draw_sample(const SweepSpec& spec,
                                                  std::vector<std::vector<std::size_t>> all) {
  const auto wanted = static_cast<std::uint64_t>(spec.sample);
  if (wanted == 0 || wanted >= all.size()) {
    return all;
  }
  std::vector<std::size_t> order(all.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  RandomSequence random({.seed = spec.sample_seed, .stream = Stream::sweep}, 0);
  for (std::uint64_t i = 0; i < wanted; ++i) {  // Fisher and Yates
    std::swap(order[i], order[i + random.next_below(static_cast<std::uint32_t>(all.size() - i))]);
  }
  order.resize(static_cast<std::size_t>(wanted));
  std::sort(order.begin(), order.end());
  std::vector<std::vector<std::size_t>> sample;
  for (const std::size_t place : order) {
    sample.push_back(std::move(all[place]));
  }
  return sample;
}

}  // namespace moesim
