// Reading, printing and naming of each field type.
#include "config/fields.h"

#include <fmt/format.h>

#include <cmath>

#include "config/number_text.h"
#include "config/suggest.h"
#include "core/text.h"

namespace moesim::field_detail {
namespace {

// Largest range end that a double still names exactly; beyond it only the lower end is printed.
constexpr double kExactWhole = 9007199254740992.0;
constexpr double kMostUnsigned = 9223372036854775807.0;  // its double is one more; of signed numbers no bound

template <class V, class ReadItem>
bool read_list(const Node& node, std::vector<V>& value, ScalarProblem& problem, ReadItem read_item) {
  if (node.kind != Node::Kind::list) {
    problem.got = "got " + describe_node(node);
    if (node.kind == Node::Kind::scalar && node.text.size() <= 60) {
      problem.help = "write [" + print(node.text) + "] for a list of one";
    }
    return false;
  }
  std::vector<V> items;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    V item{};
    if (!read_item(node.items[i], item, problem)) {
      problem.got += fmt::format(" as item {}", i + 1);
      problem.where = node.items[i].where;
      return false;
    }
    items.push_back(std::move(item));
  }
  value = std::move(items);
  return true;
}

template <class V>
std::string print_list(const std::vector<V>& value) {
  std::string text = "[";
  for (const V& item : value) {
    text += (text.size() > 1 ? ", " : "") + print(item);
  }
  return text + "]";
}

// Characters that are safe anywhere in a plain YAML scalar, in block and in flow style.
bool is_plain(char32_t c) {
  return is_word_character(c) || c == U'.' || c == U'/' || c == U'+' || c == U'-';
}

// What YAML 1.1 or 1.2 readers may take for null, a boolean, a number or a date.
bool reads_as_other(const std::string& text) {
  for (const char* word :
       {"null", "Null", "NULL", "true", "True", "TRUE", "false", "False", "FALSE", "yes", "Yes", "YES", "no",
        "No",   "NO",   "on",   "On",   "ON",   "off",  "Off",   "OFF",   "y",     "Y",   "n",   "N"}) {
    if (text == word) {
      return true;
    }
  }
  const char first = text[0];
  return (first >= '0' && first <= '9') || first == '.' || first == '+' || first == '-';
}

bool needs_quotes(const std::string& text) {
  if (text.empty() || text.front() == ' ' || text.back() == ' ' || reads_as_other(text)) {
    return true;
  }
  std::size_t offset = 0;
  while (offset < text.size()) {
    const CodePoint c = decode_utf8(text, offset);
    if (c.bytes == 0 || !(is_plain(c.value) || c.value == U' ')) {
      return true;
    }
    offset += static_cast<std::size_t>(c.bytes);
  }
  return false;
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += std::string("\\") + c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string bound_text(const FieldInfo& info, double bound) {
  if (info.type == "whole number" && bound == kMostUnsigned) {
    return "9223372036854775807";
  }
  return info.type == "whole number" && std::abs(bound) <= kExactWhole ? fmt::format("{:.0f}", bound)
                                                                       : print_real(bound);
}

std::string range_text(const FieldInfo& info) {
  const double open = info.type == "whole number" ? kExactWhole : 1e300;
  const bool has_low = info.low >= -open;
  const bool has_high =
      info.high <= open || (info.type == "whole number" && info.high == kMostUnsigned && info.low == 0);
  if (has_low && has_high) {
    return " from " + bound_text(info, info.low) + " to " + bound_text(info, info.high);
  }
  if (has_low) {
    return " of at least " + bound_text(info, info.low);
  }
  return has_high ? " of at most " + bound_text(info, info.high) : "";
}

}  // namespace

bool read(const Node& node, bool& value, ScalarProblem& problem) {
  return read_bool(node, value, problem);
}

bool read(const Node& node, std::int64_t& value, ScalarProblem& problem) {
  return read_whole(node, value, problem);
}

bool read(const Node& node, std::uint64_t& value, ScalarProblem& problem) {
  return read_unsigned(node, value, problem);
}

bool read(const Node& node, double& value, ScalarProblem& problem) {
  return read_real(node, value, problem);
}

bool read(const Node& node, std::string& value, ScalarProblem& problem) {
  return read_text(node, value, problem);
}

bool read(const Node& node, std::vector<std::string>& value, ScalarProblem& problem) {
  return read_list(node, value, problem, read_text);
}

bool read(const Node& node, std::vector<double>& value, ScalarProblem& problem) {
  return read_list(node, value, problem, read_real);
}

std::string print(bool value) {
  return value ? "true" : "false";
}
std::string print(std::int64_t value) {
  return std::to_string(value);
}
std::string print(std::uint64_t value) {
  return std::to_string(value);
}
std::string print(double value) {
  return print_real(value);
}
std::string print(const std::string& value) {
  return needs_quotes(value) ? quoted(value) : value;
}
std::string print(const std::vector<std::string>& value) {
  return print_list(value);
}
std::string print(const std::vector<double>& value) {
  return print_list(value);
}

std::string_view type_name(bool) {
  return "true or false";
}
std::string_view type_name(std::int64_t) {
  return "whole number";
}
std::string_view type_name(std::uint64_t) {
  return "whole number";
}
std::string_view type_name(double) {
  return "number";
}
std::string_view type_name(const std::string&) {
  return "text";
}
std::string_view type_name(const std::vector<std::string>&) {
  return "list of texts";
}
std::string_view type_name(const std::vector<double>&) {
  return "list of numbers";
}

std::string expected_text(const FieldInfo& info) {
  const std::string choices = list_choices(info.choices);
  if (info.type == "one of") {
    return choices.empty() ? fmt::format("one of its {} choices", info.choices.size()) : "one of " + choices;
  }
  if (info.type == "true or false") {
    return info.type;
  }
  const std::string range = info.has_range ? range_text(info) : "";
  return "a " + info.type + range + (choices.empty() ? "" : ", or " + choices);
}

}  // namespace moesim::field_detail
