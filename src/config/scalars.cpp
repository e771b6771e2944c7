// Scalars of the tree to values. Quoted scalars are text and never numbers or booleans.
#include "config/scalars.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "config/number_text.h"
#include "core/text.h"

namespace moesim {
namespace {

constexpr std::size_t kQuotedCharacters = 60;  // of a long text in a message

bool refuse(const Node& node, ScalarProblem& problem, std::string help = {}) {
  problem.got = "got " + describe_node(node);
  problem.help = std::move(help);
  return false;
}

bool refuse_range(const Node& node, ScalarProblem& problem) {
  problem.out_of_range = true;
  return refuse(node, problem);
}

bool read_magnitude(const Node& node, WholeValue& value, ScalarProblem& problem) {
  if (node.kind != Node::Kind::scalar) {
    return refuse(node, problem);
  }
  const NumberForm form = number_form(node.text);
  const bool is_number = form == NumberForm::decimal || form == NumberForm::hexadecimal;
  if (node.quoted) {
    return refuse(node, problem, is_number ? "write " + shorten(node.text) + " without quotes" : "");
  }
  if (!is_number) {
    return refuse(node, problem, whole_advice(node.text));
  }
  value = whole_value(node.text);
  switch (value.state) {
    case WholeValue::State::ok:
      return true;
    case WholeValue::State::fraction:
      return refuse(node, problem);
    case WholeValue::State::too_large:
      return refuse_range(node, problem);
  }
  return false;
}

}  // namespace

bool read_whole(const Node& node, std::int64_t& value, ScalarProblem& problem) {
  WholeValue whole;
  if (!read_magnitude(node, whole, problem)) {
    return false;
  }
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  if (whole.magnitude > kMost + (whole.negative ? 1 : 0)) {
    return refuse_range(node, problem);
  }
  // Negation in unsigned arithmetic, so that the smallest int64 is reached without overflow.
  value = static_cast<std::int64_t>(whole.negative ? 0 - whole.magnitude : whole.magnitude);
  return true;
}

bool read_unsigned(const Node& node, std::uint64_t& value, ScalarProblem& problem) {
  WholeValue whole;
  if (!read_magnitude(node, whole, problem)) {
    return false;
  }
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  if (whole.magnitude > kMost || (whole.negative && whole.magnitude != 0)) {
    return refuse_range(node, problem);
  }
  value = whole.magnitude;
  return true;
}

bool read_real(const Node& node, double& value, ScalarProblem& problem) {
  if (node.kind != Node::Kind::scalar) {
    return refuse(node, problem);
  }
  const bool is_number = number_form(node.text) == NumberForm::decimal;
  if (node.quoted) {
    return refuse(node, problem, is_number ? "write " + shorten(node.text) + " without quotes" : "");
  }
  if (!is_number) {
    return refuse(node, problem, real_advice(node.text));
  }
  const std::optional<double> read = real_value(node.text);
  if (!read) {
    return refuse_range(node, problem);
  }
  value = *read;
  return true;
}

bool read_bool(const Node& node, bool& value, ScalarProblem& problem) {
  if (node.kind != Node::Kind::scalar) {
    return refuse(node, problem);
  }
  const std::string& text = node.text;
  if (text == "true" || text == "false") {
    if (node.quoted) {
      return refuse(node, problem, "write " + text + " without quotes");
    }
    value = text == "true";
    return true;
  }
  std::string lower = text.substr(0, 6);
  for (char& c : lower) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  for (const char* word : {"true", "yes", "on", "y", "1"}) {
    if (lower == word) {
      return refuse(node, problem, "write true");
    }
  }
  for (const char* word : {"false", "no", "off", "n", "0"}) {
    if (lower == word) {
      return refuse(node, problem, "write false");
    }
  }
  return refuse(node, problem);
}

bool read_text(const Node& node, std::string& value, ScalarProblem& problem) {
  if (node.kind != Node::Kind::scalar) {
    return refuse(node, problem);
  }
  value = node.text;
  return true;
}

std::string describe_node(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "nothing";
    case Node::Kind::list:
      return "a list";
    case Node::Kind::map:
      return "a map";
    case Node::Kind::scalar:
      break;
  }
  const bool bare = !node.quoted && (number_form(node.text) != NumberForm::none || node.text == "true" ||
                                     node.text == "false");
  return bare ? shorten(node.text) : "the text \"" + shorten(node.text) + "\"";
}

std::string shorten(const std::string& text) {
  std::size_t offset = 0;
  for (std::size_t count = 0; offset < text.size(); ++count) {
    if (count == kQuotedCharacters) {
      return text.substr(0, offset) + "…";
    }
    const CodePoint c = decode_utf8(text, offset);
    offset += c.bytes == 0 ? 1 : static_cast<std::size_t>(c.bytes);
  }
  return text;
}

std::string print_real(double value) {
  if (!std::isfinite(value)) {
    return std::isnan(value) ? ".nan" : value > 0 ? ".inf" : "-.inf";
  }
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value);
  std::string text(buffer, end.ptr);
  // "1e+06" and "1e-07" as people write them.
  const std::size_t e = text.find('e');
  if (e != std::string::npos) {
    const std::string sign = text[e + 1] == '-' ? "-" : "";
    const std::size_t digits = text.find_first_not_of('0', e + 2);
    text = text.substr(0, e + 1) + sign + text.substr(digits);
  }
  return text;
}

}  // namespace moesim
