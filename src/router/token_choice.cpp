// Token choice: every token takes its best experts.
//
//   logit z (+ noise) → score s → selection score (s + bias, or the score of z + bias, or z + bias)
//     → group limits → selection → second-expert policy → weights
//
// Where a state scales too, s·scale + bias and z·scale + bias stand for the sums.
//
// Shazeer et al. 2017 (arXiv:1701.06538), GShard (arXiv:2006.16668), Switch (arXiv:2101.03961, top_k 1),
// Mixtral (arXiv:2401.04088), DeepSeek-V2 and V3 (arXiv:2405.04434, 2412.19437 eq. 12-16: sigmoid, selection
// bias, groups), ReMoE (arXiv:2412.14711: relu, positive), Huang et al. 2024 (arXiv:2403.07652: top_p). Rules
// stated once for all stages:
// - the bias chooses and never weighs: weights and `score` are of the unbiased logits;
// - assignments stand in selection order, best selection score first, ties by the lowest expert; a drawn
//   second expert comes second;
// - renormalising comes before the second policy and before any drop.

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <iterator>
#include <limits>

#include "core/error.h"
#include "router/kernels/choose.h"
#include "router/row_blocks.h"
#include "router/rows.h"
#include "router/token_choice_params.h"
#include "router/variants.h"

namespace moesim {
namespace {

GroupLimits limits_of(const TokenChoiceParams& p) {
  GroupLimits limits{.num_groups = p.num_expert_groups, .kept_groups = 1, .summed = 1, .fill = p.mask_fill};
  limits.kept_groups = p.grouped() ? p.num_limited_groups : 1;
  switch (p.group_score) {
    case GroupScore::max:
      limits.summed = 1;
      break;
    case GroupScore::sum_top_2:
      limits.summed = 2;
      break;
    case GroupScore::sum_top_k_over_groups:
      limits.summed = p.top_k / limits.kept_groups;
      break;
  }
  return limits;
}

WeightRule weight_rule_of(const TokenChoiceParams& p, Index num_experts) {
  return {.softmax_selected = p.softmax_after_top_k,
          .renormalise = p.renormalised(),
          .norm_floor = p.norm_floor,
          .norm_eps = p.norm_eps,
          .norm_single = p.norm_single,
          .route_scale = p.route_scale,
          .first_weightless = p.weightless_experts > 0
                                  ? static_cast<std::int32_t>(num_experts - p.weightless_experts)
                                  : std::numeric_limits<std::int32_t>::max(),
          .expert_scale = {p.expert_scale.begin(), p.expert_scale.end()}};
}

// The numbers of one row, stage by stage, and their memory.
struct Row {
  void resize(Index num_experts) {
    const auto size = static_cast<std::size_t>(num_experts);
    noisy_memory.resize(size);
    scores.resize(size);
    selection_memory.resize(size);
  }

  std::vector<float> skew;           // [E] of replaced logits, or empty
  std::span<const float> noisy;      // [E] logits with noise
  std::vector<float> scores;         // [E]
  std::span<const float> selection;  // [E] what experts are chosen by: biased, and masked in the end
  SelectScratch select;              // .chosen
  std::vector<float> chosen_scores, chosen_logits, weights;  // [K]
  std::vector<float> noisy_memory, selection_memory;  // [E], where they differ from what they are made of
};

class TokenChoice final : public Router {
 public:
  TokenChoice(const TokenChoiceParams& params, Index num_experts)
      : Router(num_experts),
        params_(params),
        limits_(limits_of(params)),
        weights_(weight_rule_of(params, num_experts)) {
    if (params_.noise_scale == 0.0) {
      params_.noise_scale = natural_noise_scale(params_.noise, num_experts);
    }
  }

  RouterTraits traits() const override {
    const bool may_lose_second =
        params_.has_second_policy() &&
        (params_.second_policy == SecondPolicy::threshold || params_.second_policy == SecondPolicy::random);
    RouterTraits traits;
    traits.top_k = only_first() ? 1 : params_.top_k;
    traits.exact_k = params_.select == Select::top_k && !may_lose_second;
    traits.any_number = params_.select != Select::top_k;
    traits.normalised = sums_to_scale() && !may_lose_second && !only_first();
    traits.weight_sum = params_.route_scale;
    // A millionth of the sum is what norm_eps may take before it counts.
    traits.normalised_above =
        params_.softmax_after_top_k ? -std::numeric_limits<double>::infinity() : params_.norm_eps * 1e6;
    traits.stochastic = params_.draws();
    const bool gaussian = params_.noise == Noise::gaussian || params_.noise == Noise::gaussian_learned;
    traits.gaussian_noise = gaussian ? params_.noise_scale : 0.0;
    traits.limits_groups = params_.limited();
    traits.weightless_experts = params_.weightless_experts;
    traits.uses_bias = params_.expert_bias_on != BiasOn::none;
    traits.bias_unit = selects_by_biased_logit() ? BiasUnit::logit : BiasUnit::score;
    traits.score_func = params_.score_func;
    traits.shift_invariant = shift_invariant();
    traits.expert_symmetric = !params_.limited() && params_.expert_scale.empty() &&
                              params_.weightless_experts == 0 && !params_.draws();
    return traits;
  }

  std::vector<float> initial_bias() const override {
    return {params_.expert_bias.begin(), params_.expert_bias.end()};
  }

  GateRule gate_rule() const override {
    GateRule rule = params_.rule();
    rule.learned_noise = params_.noise == Noise::gaussian_learned;
    return rule;
  }

  std::vector<StageValues> trace(const RouterInput& input, Index token) const override {
    Row row;
    prepare(input, row);
    make_scores(input, token, row);
    std::vector<StageValues> stages;
    const auto add = [&stages](const char* stage, std::span<const float> values) {
      stages.push_back({stage, {values.begin(), values.end()}});
    };
    add("logits", input.logits.row(token));
    add("noise", row.noisy);
    add("scores", row.scores);
    add("selection scores", row.selection);
    choose(input, token, row);
    add("group limits", row.selection);
    stages.push_back({"selection", {row.select.chosen.begin(), row.select.chosen.end()}});
    add("weights", row.weights);
    return stages;
  }

 private:
  bool only_first() const {
    return params_.has_second_policy() && params_.second_policy == SecondPolicy::none;
  }

  bool sums_to_scale() const {
    const bool may_be_none = params_.select == Select::threshold || params_.select == Select::positive;
    const bool single_is_left =
        !params_.norm_single && (params_.select != Select::top_k || params_.top_k == 1);
    return params_.expert_scale.empty() && params_.weightless_experts == 0 && !may_be_none &&
           (params_.softmax_after_top_k || (params_.renormalised() && !single_is_left));
  }

  // Whether only differences of logits count.
  bool shift_invariant() const {
    const bool zero_means_something = params_.limited() && params_.mask_fill == MaskFill::zero;
    const bool by_level = params_.select == Select::threshold || params_.select == Select::positive;
    const bool selects_by_logit =
        params_.select_on == SelectOn::logit || params_.score_func == ScoreFunc::raw;
    if (selects_by_logit && (zero_means_something || by_level)) {
      return false;
    }
    return params_.score_func == ScoreFunc::softmax ||
           (params_.score_func == ScoreFunc::raw && params_.softmax_after_top_k);
  }

  Routing do_route(const RouterInput& input) const override {
    Routing routing;
    do_route_into(input, routing);
    return routing;
  }

  bool marks_bad_logits() const override { return gives_each_top_k(); }
  bool gives_each_top_k() const { return traits().exact_k; }

  void do_route_into(const RouterInput& input, Routing& routing) const override {
    if (!gives_each_top_k()) {
      routing = route_by_blocks(input);
      return;
    }
    if (!std::holds_alternative<Assignments>(routing)) {
      routing.emplace<Assignments>();
    }
    auto& out = std::get<Assignments>(routing);
    const Index tokens = input.batch.num_tokens();
    const Index top_k = traits().top_k;
    const auto size = static_cast<std::size_t>(tokens * top_k);
    out.num_experts = num_experts();
    out.begin.resize(static_cast<std::size_t>(tokens) + 1);
    out.begin[0] = 0;
    out.expert.resize(size);
    out.weight.resize(size);
    out.score.resize(size);
    out.pass_through.clear();
    out.weight_on = params_.weight_on;
    std::atomic<Index> tied = 0;
    for_each_row_block(input.context, tokens, [&](Index first, Index last) {
      // Kept, so that no block asks for memory; holds nothing that is read again.
      static thread_local Row row;
      prepare(input, row);
      std::array<bool, kRowsPerBlock> done{};
      if (only_softmax(input.state)) {
        write_clear_rows(input, first, last, done, out);
      }
      Index block_tied = 0;
      for (Index t = first; t < last; ++t) {
        out.begin[static_cast<std::size_t>(t) + 1] = (t + 1) * top_k;
        if (done[static_cast<std::size_t>(t - first)]) {
          continue;
        }
        block_tied += write_row(input, t, row, static_cast<std::size_t>(t * top_k), out) ? 1 : 0;
      }
      tied.fetch_add(block_tied, std::memory_order_relaxed);
    });
    out.tied = tied;
  }

  // Whether a row is its highest softmax scores and nothing else, few enough for a kernel.
  bool only_softmax(const RouterState& state) const {
    return params_.score_func == ScoreFunc::softmax && params_.select_on == SelectOn::score &&
           params_.noise == Noise::none && params_.select == Select::top_k && !steered(state) &&
           !params_.limited() && !params_.has_second_policy() && params_.top_k >= 1 &&
           params_.top_k <= BestInput::kMostBest && num_experts() <= BestInput::kMostExperts;
  }

  // Those of the rows [first, last) whose choice is clear. Sets done [last − first].
  void write_clear_rows(const RouterInput& input, Index first, Index last, std::span<bool> done,
                        Assignments& out) const {
    const auto top_k = static_cast<std::size_t>(params_.top_k);
    const std::size_t at = static_cast<std::size_t>(first) * top_k;
    const std::size_t size = static_cast<std::size_t>(last - first) * top_k;
    const std::span<std::int32_t> expert = std::span(out.expert).subspan(at, size);
    const std::span<float> score = std::span(out.score).subspan(at, size);
    row_kernels().softmax_best({input.logits.row(first).data(), last - first, num_experts(), params_.top_k},
                               {expert.data(), score.data(), done.data()});
    const std::span<float> weight = std::span(out.weight).subspan(at, size);
    if (leaves_scores(weights_)) {
      std::copy(score.begin(), score.end(), weight.begin());
      return;
    }
    std::array<float, BestInput::kMostBest> memory{};
    const std::span<float> logits = std::span(memory).first(top_k);
    for (Index t = first; t < last; ++t) {
      if (!done[static_cast<std::size_t>(t - first)]) {
        continue;
      }
      const std::size_t row = static_cast<std::size_t>(t - first) * top_k;
      for (std::size_t j = 0; j < top_k; ++j) {
        logits[j] = input.logits.row(t)[static_cast<std::size_t>(expert[row + j])];
      }
      make_weights(weights_, {score.subspan(row, top_k), logits, expert.subspan(row, top_k)},
                   weight.subspan(row, top_k));
    }
  }

  // Token t's assignments, at `at`. Returns whether the choice was tied.
  bool write_row(const RouterInput& input, Index t, Row& row, std::size_t at, Assignments& out) const {
    const std::span<const float> logits = input.logits.row(t);
    const auto place = static_cast<std::ptrdiff_t>(at);
    if (!row_kernels().all_finite(logits.data(), std::ssize(logits))) {
      const auto top_k = traits().top_k;
      std::fill_n(out.expert.begin() + place, top_k, 0);
      std::fill_n(out.weight.begin() + place, top_k, std::numeric_limits<float>::quiet_NaN());
      std::fill_n(out.score.begin() + place, top_k, 0.0F);
      return false;
    }
    make_scores(input, t, row);
    if (!params_.limited() && !params_.has_second_policy()) {
      return write_best(logits, t, row, out);
    }
    choose(input, t, row);
    std::copy(row.select.chosen.begin(), row.select.chosen.end(), out.expert.begin() + place);
    std::copy(row.weights.begin(), row.weights.end(), out.weight.begin() + place);
    std::copy(row.chosen_scores.begin(), row.chosen_scores.end(), out.score.begin() + place);
    return row.select.tied;
  }

  // The same where nothing stands between selection scores, choice and weights: no copies.
  bool write_best(std::span<const float> logits, Index t, Row& row, Assignments& out) const {
    const auto top_k = static_cast<std::size_t>(params_.top_k);
    const std::size_t at = static_cast<std::size_t>(t) * top_k;
    const std::span<std::int32_t> expert = std::span(out.expert).subspan(at, top_k);
    const std::span<float> score = std::span(out.score).subspan(at, top_k);
    const bool tied = select_top_k(row.selection, expert, row.select);
    for (std::size_t j = 0; j < top_k; ++j) {
      score[j] = row.scores[static_cast<std::size_t>(expert[j])];
    }
    if (params_.softmax_after_top_k) {
      const std::span<const float> scored = params_.noise_for == NoiseFor::scores ? row.noisy : logits;
      row.chosen_logits.resize(top_k);
      for (std::size_t j = 0; j < top_k; ++j) {
        row.chosen_logits[j] = scored[static_cast<std::size_t>(expert[j])];
      }
    }
    make_weights(weights_, {score, row.chosen_logits, expert}, std::span(out.weight).subspan(at, top_k));
    return tied;
  }

  Routing route_by_blocks(const RouterInput& input) const {
    const Index num_tokens = input.batch.num_tokens();
    std::vector<RowBlock> blocks(static_cast<std::size_t>(count_row_blocks(num_tokens)));
    for_each_row_block(input.context, num_tokens, [&](Index first, Index last) {
      RowBlock& block = blocks[static_cast<std::size_t>(first / kRowsPerBlock)];
      Row row;
      prepare(input, row);
      for (Index t = first; t < last; ++t) {
        make_scores(input, t, row);
        choose(input, t, row);
        block.add(row.select.chosen, row.weights, row.chosen_scores);
        block.tied += row.select.tied ? 1 : 0;
      }
    });
    Assignments out = join_blocks(num_experts(), num_tokens, blocks);
    out.weight_on = params_.weight_on;
    return out;
  }

  void prepare(const RouterInput& input, Row& row) const {
    row.resize(num_experts());
    if (params_.noise == Noise::replace) {
      row.skew = expert_skew({.seed = input.seed, .stream = Stream::router_skew, .layer = input.layer},
                             params_.noise_skew, num_experts());
    }
  }

  NoisePlace place_of(const RouterInput& input, Index token) const {
    return {{.seed = input.seed, .stream = Stream::router_noise, .layer = input.layer},
            input.batch.first_token + static_cast<std::uint64_t>(token)};
  }

  // What scores and weights are made of.
  std::span<const float> scored_logits(const RouterInput& input, Index token, const Row& row) const {
    return params_.noise_for == NoiseFor::scores ? row.noisy : input.logits.row(token);
  }

  // noisy, scores, selection (before group limits).
  void make_scores(const RouterInput& input, Index token, Row& row) const {
    row.noisy = input.logits.row(token);
    if (params_.noise != Noise::none) {
      const std::span<const float> deviation = params_.noise == Noise::gaussian_learned
                                                   ? input.noise_deviation.row(token)
                                                   : std::span<const float>();
      add_noise({.noise = params_.noise, .scale = params_.noise_scale, .skew = row.skew},
                place_of(input, token), deviation, row.noisy, row.noisy_memory);
      row.noisy = row.noisy_memory;
    }
    score_row(params_.score_func, scored_logits(input, token, row), row.scores);
    make_selection(input.state, row);
  }

  bool selects_by_biased_logit() const {
    return params_.select_on == SelectOn::logit || params_.expert_bias_on == BiasOn::logit;
  }

  bool steered(const RouterState& state) const {
    return params_.expert_bias_on != BiasOn::none &&
           (!state.expert_bias.empty() || !state.selection_scale.empty());
  }

  void make_selection(const RouterState& state, Row& row) const {
    const bool on_logit = selects_by_biased_logit();
    const bool is_steered = steered(state);
    const bool on_scores = params_.select_on == SelectOn::score && params_.noise_for == NoiseFor::scores &&
                           (!is_steered || !on_logit);
    row.selection = on_scores ? std::span<const float>(row.scores) : row.noisy;
    if (!on_scores) {
      if (on_logit && is_steered) {
        steer(state, own_selection(row));
      }
      if (params_.select_on == SelectOn::score) {
        score_row(params_.score_func, row.selection, row.selection_memory);
        row.selection = row.selection_memory;
      }
    }
    if (!on_logit && is_steered) {
      steer(state, own_selection(row));
    }
  }

  // The selection scores in the row's own memory, to be changed.
  std::vector<float>& own_selection(Row& row) const {
    std::vector<float>& own = row.selection_memory;
    if (row.selection.data() != own.data()) {
      std::copy(row.selection.begin(), row.selection.end(), own.begin());
      row.selection = own;
    }
    return own;
  }

  void steer(const RouterState& state, std::vector<float>& values) const {
    if (params_.expert_bias_on == BiasOn::none) {
      return;
    }
    const std::vector<float>& scale = state.selection_scale;
    std::transform(scale.begin(), scale.end(), values.begin(), values.begin(), std::multiplies<>());
    const std::vector<float>& bias = state.expert_bias;
    std::transform(bias.begin(), bias.end(), values.begin(), values.begin(), std::plus<>());
  }

  // Group limits, the choice and its weights.
  void choose(const RouterInput& input, Index token, Row& row) const {
    if (params_.limited()) {
      limit_groups(limits_, own_selection(row), row.select);
    }
    select_experts({.select = params_.select,
                    .top_k = params_.top_k,
                    .top_p = params_.top_p,
                    .threshold = params_.threshold},
                   row.selection, row.scores, row.select);
    RandomSequence luck({.seed = input.seed, .stream = Stream::second_expert, .layer = input.layer},
                        input.batch.first_token + static_cast<std::uint64_t>(token));
    const bool is_drawn = params_.has_second_policy() && (params_.second_policy == SecondPolicy::sampling ||
                                                          params_.second_policy == SecondPolicy::gumbel);
    const std::span<const float> logits = scored_logits(input, token, row);
    std::vector<std::int32_t>& chosen = row.select.chosen;
    if (is_drawn) {
      chosen[1] = drawn_second(params_.second_policy, {row.scores, logits, chosen[0]}, luck);
    }
    row.chosen_scores.resize(chosen.size());
    row.chosen_logits.resize(chosen.size());
    row.weights.resize(chosen.size());
    for (std::size_t j = 0; j < chosen.size(); ++j) {
      row.chosen_scores[j] = row.scores[static_cast<std::size_t>(chosen[j])];
      row.chosen_logits[j] = logits[static_cast<std::size_t>(chosen[j])];
    }
    make_weights(weights_, {row.chosen_scores, row.chosen_logits, chosen}, row.weights);
    if (params_.has_second_policy() && !is_drawn &&
        !second_is_asked(params_.second_policy, params_.second_threshold, row.weights[1], luck)) {
      chosen.resize(1);
      row.weights.resize(1);
      row.chosen_scores.resize(1);
    }
  }

  TokenChoiceParams params_;
  GroupLimits limits_;
  WeightRule weights_;
};

std::unique_ptr<Router> make_token_choice(Binder& binder, const Node& section, const LayerShape& shape) {
  const std::size_t problems = binder.diagnostics.list().size();
  TokenChoiceParams params;
  bind_section(binder, &section, "router", params, kRouterReserved, families_with_key);
  check_relations(binder, section, params, shape.num_experts);
  if (binder.diagnostics.list().size() != problems) {
    return nullptr;
  }
  return std::make_unique<TokenChoice>(params, shape.num_experts);
}

}  // namespace

RouterFamily router_token_choice() {
  return {.name = "token_choice",
          .summary = "every token takes its best experts",
          .origin = "Shazeer et al. 2017, arXiv:1701.06538; DeepSeek-V3, arXiv:2412.19437, eq. 12-16",
          .fields = [] { return fields_of<TokenChoiceParams>().infos(); },
          .make = make_token_choice};
}

}  // namespace moesim
