#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "cli/session.h"
#include "config/scalars.h"
#include "config/suggest.h"
#include "core/error.h"
#include "core/text.h"

namespace moesim {
namespace {

[[noreturn]] void bad_option(const std::string& option, const std::string& got, const std::string& expected,
                             const std::string& help = {}) {
  throw Error(ErrorKind::usage,
              fmt::format("{}: error: got {}; expected {} [bad-option]", display_safe(option),
                          display_safe(got), expected),
              help);
}

Node scalar(const std::string& text) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.text = text;
  return node;
}

}  // namespace

std::int64_t parse_whole_option(const std::string& option, const std::string& text, std::int64_t low,
                                std::int64_t high) {
  std::int64_t value = 0;
  ScalarProblem problem;
  if (!read_whole(scalar(text), value, problem) || value < low || value > high) {
    bad_option(option, fmt::format("'{}'", text), fmt::format("a whole number from {} to {}", low, high),
               problem.help);
  }
  return value;
}

double parse_seconds_option(const std::string& option, const std::string& text, double low, double high) {
  constexpr std::pair<std::string_view, double> kUnits[] = {{"min", 60}, {"s", 1}, {"m", 60}, {"h", 3600}};
  std::string number = text;
  double unit = 1;
  for (const auto& [name, seconds] : kUnits) {
    if (number.ends_with(name)) {
      number.resize(number.size() - name.size());
      unit = seconds;
      break;
    }
  }
  double value = 0;
  ScalarProblem problem;
  const bool is_number = read_real(scalar(number), value, problem);
  value *= unit;
  if (!is_number || value < low || value > high) {
    bad_option(option, fmt::format("'{}'", text),
               fmt::format("seconds from {:g} to {:g}, as 30, 30s, 5min or 1h", low, high), problem.help);
  }
  return value;
}

std::string parse_choice_option(const std::string& option, const std::string& text,
                                const std::vector<std::string>& choices) {
  for (const std::string& choice : choices) {
    if (choice == text) {
      return text;
    }
  }
  const std::string near = suggest(text, choices);
  bad_option(option, fmt::format("'{}'", text), "one of " + list_choices(choices),
             near.empty() ? "" : fmt::format("did you mean '{}'?", near));
}

}  // namespace moesim
