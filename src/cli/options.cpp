#include <fmt/format.h>

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

double parse_real_option(const std::string& option, const std::string& text, double low, double high) {
  double value = 0;
  ScalarProblem problem;
  if (!read_real(scalar(text), value, problem) || value < low || value > high) {
    bad_option(option, fmt::format("'{}'", text), fmt::format("a number from {:g} to {:g}", low, high),
               problem.help);
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
