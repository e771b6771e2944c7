// The files of a route, read and judged: what each router needs, what has no effect, what does not fit
// together.

#include "engine/route.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/text.h"
#include "io/npy.h"

namespace moesim {
namespace {

std::string shown(const std::string& path) {
  return display_safe(path);
}

[[noreturn]] void missing_option(const Policy& policy, const std::string& why, const std::string& option) {
  throw Error(ErrorKind::usage, fmt::format("moesim route: error: {} {}; expected {} [missing-option]",
                                            policy.router_name, why, option));
}

[[noreturn]] void no_effect(const std::string& option, const std::string& why) {
  throw Error(ErrorKind::usage,
              fmt::format("moesim route: error: {} has no effect because {} [no-effect]", option, why),
              "leave it out");
}

[[noreturn]] void wrong_count(const std::string& path, const std::string& got, const std::string& expected) {
  throw Error(ErrorKind::bad_data,
              fmt::format("{}: error: {}; expected {} [wrong-length]", shown(path), got, expected));
}

Matrix read_matrix(const std::string& path) {
  const NpyFile file(path);
  Matrix matrix(file.header().rows, file.header().cols);
  file.read_rows(0, matrix.view());
  return matrix;
}

// One token's numbers would otherwise pass for many tokens of one number.
void check_two_dimensions(const std::string& path) {
  if (path.empty()) {
    return;
  }
  const NpyHeader header = NpyFile(path).header();
  if (header.dimensions != 2) {
    throw Error(ErrorKind::bad_data,
                fmt::format("{}: error: an array of {} numbers in one dimension; expected two dimensions, a "
                            "row for each token (or, of a gate, each expert) [wrong-length]",
                            shown(path), header.rows),
                "of one token: np.save(\"array.npy\", a[None, :])");
  }
}

// A one-dimensional array, or one of a single row or column.
std::vector<float> read_vector(const std::string& path) {
  const Matrix matrix = read_matrix(path);
  if (matrix.rows() != 1 && matrix.cols() != 1) {
    wrong_count(path, fmt::format("an array of {} x {}", matrix.rows(), matrix.cols()),
                "one number per expert");
  }
  return {matrix.data(), matrix.data() + matrix.rows() * matrix.cols()};
}

std::vector<std::uint32_t> read_ids(const std::string& path) {
  const WholeTable table = read_npy_whole(path);
  if (table.cols != 1 && table.rows != 1) {
    wrong_count(path, fmt::format("an array of {} x {}", table.rows, table.cols), "one id per token");
  }
  std::vector<std::uint32_t> ids;
  for (std::size_t i = 0; i < table.values.size(); ++i) {
    if (table.values[i] < 0 || table.values[i] > std::int64_t{0xffffffff}) {
      throw Error(ErrorKind::bad_data,
                  fmt::format("{}: error: row {} (from 0): the id is {}; expected 0 to 4294967295 "
                              "[out-of-range]",
                              shown(path), i, table.values[i]));
    }
    ids.push_back(static_cast<std::uint32_t>(table.values[i]));
  }
  return ids;
}

// A router of cosines is asked for vectors; a soft router's logits are told apart from others by their slots.
bool needs_hidden_for_logits(const Policy& policy) {
  return policy.router->gate_rule().logit == Logit::cosine && policy.router->traits().choice != Choice::soft;
}

// Whether the vectors do anything beside given logits.
bool uses_hidden(const Policy& policy) {
  return policy.router->traits().needs_hidden || policy.router->gate_rule().learned_noise ||
         needs_hidden_for_logits(policy);
}

// Every option that must be there is, and none that does nothing.
void check_options(const RouteFiles& files, const Policy& policy) {
  const RouterTraits traits = policy.router->traits();
  const GateRule rule = policy.router->gate_rule();
  if (traits.needs_token_ids && files.token_ids.empty()) {
    missing_option(policy, "looks at token ids", "--token-ids I.npy");
  }
  if (traits.needs_hidden && files.hidden.empty()) {
    missing_option(policy, "looks at the tokens' vectors", "--hidden X.npy");
  }
  if (needs_hidden_for_logits(policy) && files.hidden.empty()) {
    missing_option(
        policy,
        fmt::format("makes its logits from the tokens' vectors (router.logit is {})", enum_text(rule.logit)),
        "--hidden X.npy, and --gate W.npy for given weights");
  }
  if (rule.learned_noise && files.hidden.empty()) {
    missing_option(policy, "makes the deviation of its noise from the tokens' vectors (router.noise)",
                   "--hidden X.npy, or --set router.noise=none");
  }
  if (traits.needs_logits && files.logits.empty() && files.hidden.empty()) {
    missing_option(policy, "looks at logits", "--logits L.npy, or --hidden X.npy (and --gate W.npy)");
  }
  if (!files.logits.empty() && needs_hidden_for_logits(policy)) {
    no_effect("--logits", fmt::format("{} makes its logits from the tokens' vectors", policy.router_name));
  }
  if (!files.gate.empty() && files.hidden.empty()) {
    missing_option(policy, "has a gate to be multiplied with", "--hidden X.npy beside --gate");
  }
  if (!files.hidden.empty() && !files.logits.empty() && !uses_hidden(policy)) {
    no_effect("--hidden", "--logits is given");
  }
  if (!files.gate.empty() && !files.logits.empty()) {
    no_effect("--gate", "--logits is given");
  }
  if (!files.gate_bias.empty() && (files.gate.empty() || rule.logit != Logit::linear_bias)) {
    no_effect("--gate-bias", files.gate.empty() ? "--gate is not given" : "router.logit is not linear_bias");
  }
  if (!files.projection.empty() &&
      (files.gate.empty() || projection_rows(rule, {policy.router->num_logits(), 1}) == 0)) {
    no_effect("--projection", files.gate.empty() ? "--gate is not given" : "the gate is a single matrix");
  }
  if (!files.table.empty() && !traits.needs_token_ids) {
    no_effect("--table", policy.router_name + " does not look at token ids");
  }
  if (!files.token_ids.empty() && !traits.needs_token_ids) {
    no_effect("--token-ids", policy.router_name + " does not look at them");
  }
  if (!files.bias.empty() && !traits.uses_bias) {
    no_effect("--bias", policy.router_name + " has no selection bias");
  }
}

Matrix read_projection(const RouteFiles& files, const Gate& gate) {
  Matrix projection = read_matrix(files.projection);
  if (projection.rows() != gate.projection.rows() || projection.cols() != gate.projection.cols()) {
    wrong_count(files.projection, fmt::format("an array of {} x {}", projection.rows(), projection.cols()),
                fmt::format("{} x {}", gate.projection.rows(), gate.projection.cols()));
  }
  return projection;
}

// Logits (and the deviations of their noise) from hidden states.
void run_gate(const RouteFiles& files, const Policy& policy, const Context& context, RouteNumbers& numbers) {
  const Matrix& hidden = numbers.batch.hidden;
  const GateRule rule = policy.router->gate_rule();
  const Index num_logits = policy.router->num_logits();
  Gate gate;
  if (files.gate.empty()) {
    gate = make_gate(policy.seed, 0, num_logits, hidden.cols(), rule);
  } else {
    Matrix weight = read_matrix(files.gate);
    const GateShape shape{num_logits, hidden.cols()};
    if (weight.cols() != gate_width(rule, shape)) {
      wrong_count(files.gate, fmt::format("{} columns", weight.cols()),
                  fmt::format("{}, the width of {}", gate_width(rule, shape),
                              projection_rows(rule, shape) > 0 ? "the gate's first layer (router.gate_dim)"
                                                               : shown(files.hidden)));
    }
    gate = make_gate_of(std::move(weight), policy.seed, hidden.cols(), rule);
    if (!files.projection.empty()) {
      gate.projection = read_projection(files, gate);
    }
    if (rule.logit == Logit::linear_bias) {
      gate.bias = files.gate_bias.empty() ? std::vector<float>(static_cast<std::size_t>(num_logits))
                                          : read_vector(files.gate_bias);
    }
  }
  Matrix logits(hidden.rows(), num_logits);
  numbers.noise_deviation.resize(rule.learned_noise ? hidden.rows() : 0, num_logits);
  gate_logits(gate, {.hidden = hidden.view(), .seed = policy.seed},
              {logits.view(), numbers.noise_deviation.view()}, context);
  if (files.logits.empty()) {
    numbers.logits = std::move(logits);
  }
}

// The rows of the ids at hand, each with top_k experts.
TokenTable read_table(const RouteFiles& files, const Policy& policy, const std::vector<std::uint32_t>& ids) {
  WholeTable table = read_npy_whole(files.table);
  const RouterTraits traits = policy.router->traits();
  if (table.cols != traits.top_k) {
    wrong_count(files.table, fmt::format("{} columns", table.cols),
                fmt::format("{}, as router.top_k says", traits.top_k));
  }
  for (std::size_t i = 0; i < table.values.size(); ++i) {
    if (table.values[i] < 0 || table.values[i] >= policy.router->num_experts()) {
      const auto cols = static_cast<std::size_t>(table.cols);
      throw Error(
          ErrorKind::bad_data,
          fmt::format("{}: error: row {}, column {} (from 0): expert {}; expected 0 to {} [out-of-range]",
                      shown(files.table), i / cols, i % cols, table.values[i],
                      policy.router->num_experts() - 1));
    }
  }
  for (Index row = 0; row < table.rows; ++row) {
    const auto first = table.values.begin() + static_cast<std::ptrdiff_t>(row * table.cols);
    std::vector<std::int64_t> experts(first, first + static_cast<std::ptrdiff_t>(table.cols));
    std::sort(experts.begin(), experts.end());
    const auto twice = std::adjacent_find(experts.begin(), experts.end());
    if (twice != experts.end()) {
      throw Error(
          ErrorKind::bad_data,
          fmt::format("{}: error: row {} (from 0): expert {} stands there twice; expected {} different "
                      "experts [out-of-range]",
                      shown(files.table), row, *twice, table.cols));
    }
  }
  for (std::size_t t = 0; t < ids.size(); ++t) {
    if (static_cast<Index>(ids[t]) >= table.rows) {
      throw Error(ErrorKind::bad_data,
                  fmt::format("{}: error: row {} (from 0): the id is {}; expected below {}, the "
                              "rows of {} [out-of-range]",
                              shown(files.token_ids), t, ids[t], table.rows, shown(files.table)));
    }
  }
  return {table.cols, {table.values.begin(), table.values.end()}};
}

// Before the router refuses the batch: here its tokens come from files.
void check_token_multiple(const RouteFiles& files, const Policy& policy, Index tokens) {
  const Index multiple = policy.router->traits().token_multiple;
  if (tokens % multiple == 0) {
    return;
  }
  const std::string& path = !files.logits.empty()   ? files.logits
                            : !files.hidden.empty() ? files.hidden
                                                    : files.token_ids;
  const Index lower = tokens / multiple * multiple;
  throw Error(
      ErrorKind::bad_data,
      fmt::format("{}: error: {} tokens do not divide among {} experts, to which {} gives equally many; "
                  "expected a multiple of {} [not-divisible]",
                  shown(path), tokens, multiple, policy.router_name, multiple),
      lower > 0 ? fmt::format("cut the array to {} rows, or pad it to {}", lower, lower + multiple)
                : fmt::format("pad the array to {} rows", multiple));
}

Index common_rows(const RouteFiles& files, const RouteNumbers& numbers,
                  const std::vector<std::uint32_t>& ids) {
  struct Named {
    const std::string& path;
    Index rows;
  };
  std::vector<Named> given;
  if (!files.logits.empty()) {
    given.push_back({files.logits, numbers.logits.rows()});
  }
  if (!files.hidden.empty()) {
    given.push_back({files.hidden, numbers.batch.hidden.rows()});
  }
  if (!files.token_ids.empty()) {
    given.push_back({files.token_ids, static_cast<Index>(ids.size())});
  }
  for (const Named& other : given) {
    if (other.rows != given.front().rows) {
      wrong_count(other.path, fmt::format("{} tokens", other.rows),
                  fmt::format("{}, as {} has", given.front().rows, shown(given.front().path)));
    }
  }
  return given.front().rows;
}

}  // namespace

std::optional<FixedExperts> experts_of(const RouteFiles& files) {
  if (files.logits.empty() && files.hidden.empty() && files.token_ids.empty()) {
    throw Error(
        ErrorKind::usage,
        "moesim route: error: no numbers are given; expected --logits L.npy, --hidden X.npy or --token-ids "
        "I.npy [missing-option]");
  }
  for (const std::string* path : {&files.logits, &files.hidden, &files.gate}) {
    check_two_dimensions(*path);
  }
  std::optional<FixedExperts> fixed;
  const auto say = [&fixed](const std::string& path, Index experts, const char* unit) {
    if (fixed && fixed->num_logits != experts) {
      wrong_count(path, fmt::format("{} {}", experts, unit),
                  fmt::format("{}, as {}", fixed->num_logits, fixed->because));
    }
    if (!fixed) {
      fixed = {experts, fmt::format("{} has {} {}", shown(path), experts, unit)};
    }
  };
  if (!files.logits.empty()) {
    say(files.logits, NpyFile(files.logits).header().cols, "columns");
  }
  if (!files.gate.empty()) {
    say(files.gate, NpyFile(files.gate).header().rows, "rows");
  }
  for (const std::string* path : {&files.gate_bias, &files.bias}) {
    if (!path->empty()) {
      const NpyHeader header = NpyFile(*path).header();
      say(*path, header.rows * header.cols, "numbers");
    }
  }
  return fixed;
}

RouteFiles usable_files(RouteFiles files, const Policy& policy) {
  const RouterTraits traits = policy.router->traits();
  const GateRule rule = policy.router->gate_rule();
  if (!traits.uses_bias) {
    files.bias.clear();
  }
  if (!traits.needs_token_ids) {
    files.token_ids.clear();
    files.table.clear();
  }
  if (needs_hidden_for_logits(policy)) {
    files.logits.clear();
  } else if (!files.logits.empty() && !uses_hidden(policy)) {
    files.hidden.clear();
  }
  if (!files.logits.empty() || files.hidden.empty()) {
    files.gate.clear();
  }
  if (files.gate.empty() || rule.logit != Logit::linear_bias) {
    files.gate_bias.clear();
  }
  if (files.gate.empty() || projection_rows(rule, {policy.router->num_logits(), 1}) == 0) {
    files.projection.clear();
  }
  return files;
}

RouteNumbers read_route_numbers(const RouteFiles& files, const Policy& policy, const Context& context) {
  check_options(files, policy);
  RouteNumbers numbers;
  std::vector<std::uint32_t> ids;
  if (!files.logits.empty()) {
    numbers.logits = read_matrix(files.logits);
  }
  if (!files.hidden.empty()) {
    numbers.batch.hidden = read_matrix(files.hidden);
  }
  if (!files.token_ids.empty()) {
    ids = read_ids(files.token_ids);
  }
  const Index tokens = common_rows(files, numbers, ids);
  check_token_multiple(files, policy, tokens);
  if (files.hidden.empty()) {
    numbers.batch.hidden.resize(tokens, 0);
  } else if (files.logits.empty() || policy.router->gate_rule().learned_noise) {
    run_gate(files, policy, context, numbers);
  }
  ids.resize(static_cast<std::size_t>(tokens));
  numbers.batch.token_id = std::move(ids);
  numbers.batch.sequence_id.resize(static_cast<std::size_t>(tokens));
  for (Index t = 0; t < tokens; ++t) {
    numbers.batch.position.push_back(static_cast<std::uint64_t>(t));
  }
  if (!files.table.empty()) {
    numbers.state.token_experts = read_table(files, policy, numbers.batch.token_id);
  }
  numbers.state.threshold = policy.router->initial_threshold();
  numbers.state.expert_bias = files.bias.empty() ? policy.router->initial_bias() : read_vector(files.bias);
  if (!policy.router->traits().needs_logits) {
    numbers.logits.resize(0, 0);
  }
  return numbers;
}

}  // namespace moesim
