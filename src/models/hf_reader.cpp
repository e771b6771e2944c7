#include "models/hf_reader.h"

#include <fmt/format.h>

#include "config/scalars.h"
#include "core/error.h"
#include "core/text.h"
#include "models/hf_keys.h"

namespace moesim {
namespace {

std::string range_text(HfReader::Range range) {
  return range.low == range.high ? fmt::format("{}", range.low)
                                 : fmt::format("a whole number from {} to {}", range.low, range.high);
}

}  // namespace

void HfReader::refuse(const std::string& path, const Refusal& refusal) const {
  throw Error(ErrorKind::bad_data,
              display_safe(fmt::format("{}: error: {}: {}; expected {} [{}]", where_, path, refusal.what,
                                       refusal.expected, refusal.short_name)),
              display_safe(refusal.help));
}

const Node* HfReader::at(const std::string& path) const {
  const Node* node = &root_;
  std::size_t begin = 0;
  while (true) {
    const std::size_t dot = path.find('.', begin);
    const bool last = dot == std::string::npos;
    const std::string key = path.substr(begin, last ? dot : dot - begin);
    const Node* child = node->child(key);
    if (child == nullptr || child->kind == Node::Kind::null) {
      return nullptr;
    }
    if (last) {
      return child;
    }
    if (child->kind != Node::Kind::map) {
      refuse(path.substr(0, dot),
             {.what = "got " + describe_node(*child), .expected = "an object", .short_name = "wrong-type"});
    }
    node = child;
    begin = dot + 1;
  }
}

HfReader::Found HfReader::find(const char* meaning) const {
  Found found;
  for (const std::string& key : hf_keys(meaning)) {
    const std::string path = prefix_ + key;
    const Node* value = at(path);
    if (value == nullptr) {
      continue;
    }
    if (found.value == nullptr) {
      found = {path, value};
    } else if (value->kind == Node::Kind::scalar && found.value->kind == Node::Kind::scalar &&
               value->text != found.value->text) {
      refuse(path, {.what = fmt::format("got {}, but {} is {}", shorten(value->text), found.path,
                                        shorten(found.value->text)),
                    .expected = "two names of one number to agree",
                    .short_name = "bad-relation"});
    }
  }
  return found;
}

bool HfReader::is_null(const char* meaning) const {
  if (has(meaning)) {
    return false;
  }
  for (const std::string& key : hf_keys(meaning)) {
    const std::string path = prefix_ + key;
    const std::size_t dot = path.rfind('.');
    const Node* section = dot == std::string::npos ? &root_ : at(path.substr(0, dot));
    if (section != nullptr &&
        section->child(dot == std::string::npos ? path : path.substr(dot + 1)) != nullptr) {
      return true;
    }
  }
  return false;
}

bool HfReader::is_word(const char* meaning, const std::string& word) const {
  const Found found = find(meaning);
  return found.value != nullptr && found.value->kind == Node::Kind::scalar && found.value->quoted &&
         found.value->text == word;
}

std::string HfReader::path(const char* meaning) const {
  const Found found = find(meaning);
  return found.value == nullptr ? prefix_ + hf_keys(meaning).front() : found.path;
}

void HfReader::report(const char* meaning, const std::string& path, const std::string& value) {
  if (keys_ != nullptr) {
    keys_->push_back({meaning, path, value});
  }
}

void HfReader::report_default(const char* meaning, const std::string& value) {
  report(meaning, "default of " + family_, value);
}

std::int64_t HfReader::whole_of(const Node& node, const std::string& path, Range range) const {
  std::int64_t value = 0;
  ScalarProblem problem;
  if (!read_whole(node, value, problem)) {
    refuse(path, {.what = problem.got,
                  .expected = range_text(range),
                  .short_name = problem.out_of_range ? "out-of-range" : "wrong-type"});
  }
  if (value < range.low || value > range.high) {
    refuse(
        path,
        {.what = fmt::format("got {}", value), .expected = range_text(range), .short_name = "out-of-range"});
  }
  return value;
}

std::optional<std::int64_t> HfReader::whole_or_none(const char* meaning, Range range) {
  const Found found = find(meaning);
  if (found.value == nullptr) {
    return std::nullopt;
  }
  const std::int64_t value = whole_of(*found.value, found.path, range);
  report(meaning, found.path, std::to_string(value));
  return value;
}

std::int64_t HfReader::whole(const char* meaning, Range range, std::int64_t fallback) {
  const std::optional<std::int64_t> value = whole_or_none(meaning, range);
  if (!value) {
    report_default(meaning, std::to_string(fallback));
  }
  return value.value_or(fallback);
}

std::optional<std::int64_t> HfReader::uniform_whole_or_none(const char* meaning, Range range) {
  const Found found = find(meaning);
  if (found.value == nullptr || found.value->kind != Node::Kind::list) {
    return whole_or_none(meaning, range);
  }
  std::optional<std::int64_t> all;
  for (std::size_t i = 0; i < found.value->items.size(); ++i) {
    const std::string path = fmt::format("{}[{}]", found.path, i);
    const std::int64_t value = whole_of(found.value->items[i], path, range);
    if (value != all.value_or(value)) {
      refuse(path, {.what = fmt::format("got {}, but [0] is {}", value, *all),
                    .expected = "the same number for all layers",
                    .short_name = "bad-relation"});
    }
    all = value;
  }
  if (!all) {
    refuse(found.path,
           {.what = "an empty list", .expected = range_text(range), .short_name = "wrong-length"});
  }
  report(meaning, found.path, std::to_string(*all));
  return all;
}

std::int64_t HfReader::uniform_whole(const char* meaning, Range range, std::int64_t fallback) {
  const std::optional<std::int64_t> value = uniform_whole_or_none(meaning, range);
  if (!value) {
    report_default(meaning, std::to_string(fallback));
  }
  return value.value_or(fallback);
}

std::optional<double> HfReader::real_or_none(const char* meaning, double low, double high) {
  const Found found = find(meaning);
  if (found.value == nullptr) {
    return std::nullopt;
  }
  const std::string expected = fmt::format("a number from {} to {}", low, high);
  double value = 0.0;
  ScalarProblem problem;
  if (!read_real(*found.value, value, problem)) {
    refuse(found.path, {.what = problem.got,
                        .expected = expected,
                        .short_name = problem.out_of_range ? "out-of-range" : "wrong-type"});
  }
  if (value < low || value > high) {
    refuse(found.path,
           {.what = "got " + shorten(found.value->text), .expected = expected, .short_name = "out-of-range"});
  }
  report(meaning, found.path, found.value->text);
  return value;
}

double HfReader::real(const char* meaning, double low, double high, double fallback) {
  const std::optional<double> value = real_or_none(meaning, low, high);
  if (!value) {
    report_default(meaning, print_real(fallback));
  }
  return value.value_or(fallback);
}

bool HfReader::flag(const char* meaning, bool fallback) {
  const Found found = find(meaning);
  if (found.value == nullptr) {
    report_default(meaning, fallback ? "true" : "false");
    return fallback;
  }
  bool value = false;
  ScalarProblem problem;
  if (!read_bool(*found.value, value, problem)) {
    refuse(found.path, {.what = problem.got, .expected = "true or false", .short_name = "wrong-type"});
  }
  report(meaning, found.path, value ? "true" : "false");
  return value;
}

std::string HfReader::word(const char* meaning, const std::string& fallback) {
  const Found found = find(meaning);
  if (found.value == nullptr) {
    report_default(meaning, fallback);
    return fallback;
  }
  if (found.value->kind != Node::Kind::scalar || !found.value->quoted) {
    refuse(found.path, {.what = "got " + describe_node(*found.value),
                        .expected = "a word in quotes",
                        .short_name = "wrong-type"});
  }
  report(meaning, found.path, found.value->text);
  return found.value->text;
}

std::optional<std::vector<std::int64_t>> HfReader::whole_list(const char* meaning, Range range) {
  const Found found = find(meaning);
  if (found.value == nullptr) {
    return std::nullopt;
  }
  if (found.value->kind != Node::Kind::list) {
    refuse(found.path, {.what = "got " + describe_node(*found.value),
                        .expected = "a list of whole numbers",
                        .short_name = "wrong-type"});
  }
  std::vector<std::int64_t> list;
  for (std::size_t i = 0; i < found.value->items.size(); ++i) {
    list.push_back(whole_of(found.value->items[i], fmt::format("{}[{}]", found.path, i), range));
  }
  report(meaning, found.path, fmt::format("a list of {}", list.size()));
  return list;
}

std::optional<std::vector<std::string>> HfReader::word_list(const char* meaning) {
  const Found found = find(meaning);
  if (found.value == nullptr) {
    return std::nullopt;
  }
  if (found.value->kind != Node::Kind::list) {
    refuse(found.path, {.what = "got " + describe_node(*found.value),
                        .expected = "a list of words",
                        .short_name = "wrong-type"});
  }
  std::vector<std::string> list;
  for (std::size_t i = 0; i < found.value->items.size(); ++i) {
    const Node& item = found.value->items[i];
    if (item.kind != Node::Kind::scalar || !item.quoted) {
      refuse(
          fmt::format("{}[{}]", found.path, i),
          {.what = "got " + describe_node(item), .expected = "a word in quotes", .short_name = "wrong-type"});
    }
    list.push_back(item.text);
  }
  report(meaning, found.path, fmt::format("a list of {}", list.size()));
  return list;
}

}  // namespace moesim
