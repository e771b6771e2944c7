// `where` expressions, evaluated by muParser.
#include <fmt/format.h>
#include <muParser.h>

#include <cmath>
#include <map>
#include <string_view>

#include "config/scalars.h"
#include "core/error.h"
#include "core/text.h"
#include "engine/sweep_axes.h"

namespace moesim {
namespace {

struct Variables {
  const ValueOf& value_of;
  std::map<std::string, double> values;  // stable addresses
  std::string problem;
};

double* find_variable(const char* name, void* data) {
  auto& variables = *static_cast<Variables*>(data);
  double& value = variables.values[name];
  const std::string text = variables.value_of(name);
  Node node;
  node.kind = Node::Kind::scalar;
  node.text = text;
  ScalarProblem problem;
  if (text == "true" || text == "false") {
    value = text == "true" ? 1 : 0;
  } else if (std::int64_t whole = 0; read_whole(node, whole, problem)) {
    value = static_cast<double>(whole);
  } else if (!read_real(node, value, problem) && variables.problem.empty()) {
    variables.problem = text.empty() ? fmt::format("there is no key '{}'", name)
                                     : fmt::format("'{}' is {}, not a number", name, text);
  }
  return &value;
}

// A single = would give a key a value.
bool assigns(const std::string& expression) {
  for (std::size_t i = 0; i < expression.size(); ++i) {
    const bool compares =
        (i > 0 && std::string_view("<>!=").find(expression[i - 1]) != std::string_view::npos) ||
        (i + 1 < expression.size() && expression[i + 1] == '=');
    if (expression[i] == '=' && !compares) {
      return true;
    }
  }
  return false;
}

}  // namespace

bool holds(const std::string& expression, const ValueOf& value_of) {
  constexpr std::size_t kLongest = 1000;
  Variables variables{value_of, {}, {}};
  double result = 0;
  if (expression.size() > kLongest) {
    variables.problem = fmt::format("more than {} characters", kLongest);
  } else if (assigns(expression)) {
    variables.problem = "a single '='; equality is written ==";
  } else {
    try {
      mu::Parser parser;
      parser.DefineNameChars("0123456789_.abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
      parser.SetVarFactory(find_variable, &variables);
      parser.SetExpr(expression);
      parser.DefineConst("true", 1);
      parser.DefineConst("false", 0);
      result = parser.Eval();
      if (parser.GetNumResults() != 1) {
        variables.problem = "several conditions; one is written with &&";
      }
    } catch (const mu::Parser::exception_type& error) {
      if (variables.problem.empty()) {
        variables.problem = error.GetMsg();
      }
    }
  }
  if (!variables.problem.empty()) {
    throw Error(ErrorKind::config,
                fmt::format("sweep.where: error: '{}': {}; expected a condition on numbers [bad-where]",
                            display_safe(shorten(expression)), display_safe(variables.problem)),
                "for example \"router.top_k <= layer.num_experts\"");
  }
  return result != 0 && !std::isnan(result);
}

}  // namespace moesim
