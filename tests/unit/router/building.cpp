#include "building.h"

#include <gtest/gtest.h>

#include "config/yaml.h"
#include "core/random.h"

namespace moesim::testing {

std::string Built::errors() const {
  std::string all;
  for (const Diagnostic& problem : binder.diagnostics.list()) {
    all += (all.empty() ? "" : "\n") + render(problem);
  }
  return all;
}

std::string Built::resolved(const std::string& path) const {
  for (const ResolvedValue& value : binder.resolved) {
    if (value.path == path) {
      return value.value + " from " + value.origin;
    }
  }
  return "";
}

Built build(const std::string& yaml, Index num_experts) {
  Built built;
  built.binder.source.directory = MOESIM_SOURCE_DIR "/configs";
  const Node root = parse_yaml(yaml, "x.yaml", built.binder.diagnostics);
  bind_places(built.binder, root, "");
  built.router = make_router(built.binder, root.child("router"), {.num_experts = num_experts});
  return built;
}

std::unique_ptr<Router> router_of(const std::string& section, Index num_experts) {
  Built built = build("router: " + section, num_experts);
  EXPECT_EQ(built.errors(), "") << section;
  EXPECT_NE(built.router, nullptr) << section;
  return std::move(built.router);
}

Routing Scene::route_any(const Router& router, const ContextOptions& options) const {
  const Context context(options);
  return router.route({.batch = batch,
                       .logits = logits.view(),
                       .state = state,
                       .seed = seed,
                       .layer = layer,
                       .context = context,
                       .noise_deviation = noise_deviation.view()});
}

Assignments Scene::route(const Router& router, const ContextOptions& options) const {
  const Routing routing = route_any(router, options);
  const auto* mix = std::get_if<SoftMix>(&routing);
  return mix != nullptr ? as_choices(*mix) : std::get<Assignments>(routing);
}

Assignments as_choices(const SoftMix& mix) {
  Assignments all;
  all.num_experts = mix.combine.cols();
  all.begin = {0};
  for (Index t = 0; t < mix.combine.rows(); ++t) {
    for (Index slot = 0; slot < mix.combine.cols(); ++slot) {
      all.expert.push_back(static_cast<std::int32_t>(slot));
      all.weight.push_back(mix.combine.row(t)[static_cast<std::size_t>(slot)]);
      all.score.push_back(mix.dispatch.row(t)[static_cast<std::size_t>(slot)]);
    }
    all.begin.push_back(all.size());
  }
  return all;
}

namespace {

Scene empty_scene(Index num_tokens, Index num_logits) {
  Scene scene;
  scene.batch.hidden.resize(num_tokens, 1);
  scene.batch.hidden.fill(0.0F);
  scene.logits.resize(num_tokens, num_logits);
  for (Index t = 0; t < num_tokens; ++t) {
    scene.batch.token_id.push_back(static_cast<std::uint32_t>(t));
    scene.batch.sequence_id.push_back(0);
    scene.batch.position.push_back(static_cast<std::uint64_t>(t));
  }
  return scene;
}

}  // namespace

Scene scene_of(const std::vector<std::vector<float>>& rows, Index num_logits) {
  Scene scene = empty_scene(static_cast<Index>(rows.size()), num_logits);
  for (std::size_t t = 0; t < rows.size(); ++t) {
    EXPECT_EQ(rows[t].size(), static_cast<std::size_t>(num_logits));
    std::copy(rows[t].begin(), rows[t].end(), scene.logits.row(static_cast<Index>(t)).begin());
  }
  return scene;
}

Scene random_scene(Index num_tokens, Index num_logits, std::uint64_t seed) {
  Scene scene = empty_scene(num_tokens, num_logits);
  const RandomKey key{.seed = seed, .stream = Stream::test};
  for (Index t = 0; t < num_tokens; ++t) {
    fill_normal(key, static_cast<std::uint64_t>(t), 1.0F, scene.logits.row(t));
    scene.batch.token_id[static_cast<std::size_t>(t)] =
        random_bits({.seed = seed + 1, .stream = Stream::test}, static_cast<std::uint64_t>(t))[0] % 50;
  }
  return scene;
}

Scene pick(const Scene& scene, const std::vector<Index>& order) {
  Scene picked = empty_scene(static_cast<Index>(order.size()), scene.logits.cols());
  picked.state = scene.state;
  picked.seed = scene.seed;
  picked.layer = scene.layer;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto from = scene.logits.row(order[i]);
    std::copy(from.begin(), from.end(), picked.logits.row(static_cast<Index>(i)).begin());
    picked.batch.token_id[i] = scene.batch.token_id[static_cast<std::size_t>(order[i])];
  }
  return picked;
}

TokenChoices choices_of(const Assignments& assignments, Index token) {
  const auto first = static_cast<std::ptrdiff_t>(assignments.begin[static_cast<std::size_t>(token)]);
  const auto last = static_cast<std::ptrdiff_t>(assignments.begin[static_cast<std::size_t>(token) + 1]);
  return {{assignments.expert.begin() + first, assignments.expert.begin() + last},
          {assignments.weight.begin() + first, assignments.weight.begin() + last},
          {assignments.score.begin() + first, assignments.score.begin() + last}};
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const RouterPreset& preset : router_presets().entries()) {
    cases.push_back({preset.name, "{preset: " + preset.name + "}"});
  }
  for (const RouterFamily& family : router_families().entries()) {
    cases.push_back({family.name, print_yaml_value(example_section(family))});
  }
  for (const char* settings :
       {"top_k: 1, route_norm: true",
        "top_k: 32, score_func: relu",
        "score_func: raw, top_k: 3",
        "score_func: sqrt_softplus, route_norm: true, norm_eps: 0.001",
        "score_func: relu, route_norm: true",
        "score_func: sigmoid, num_expert_groups: 8, num_limited_groups: 2, mask_fill: zero, top_k: 4",
        "score_func: raw, softmax_after_top_k: true, num_expert_groups: 4, num_limited_groups: 2, "
        "group_score: sum_top_k_over_groups, mask_fill: zero, top_k: 6, route_scale: 3",
        "score_func: raw, softmax_after_top_k: true, num_expert_groups: 4, num_limited_groups: 2, top_k: 6",
        "num_expert_groups: 4, num_limited_groups: 4",
        "select: top_p, top_p: 0.7, route_norm: true",
        "select: threshold, threshold: 0.04",
        "select: positive, score_func: raw, route_scale: 2",
        "select_on: logit, score_func: sigmoid, route_norm: true, norm_floor: clamp, norm_eps: 0.001",
        "select_on: logit, select: threshold, threshold: 1.5",
        "weightless_experts: 8, route_norm: true, top_k: 3",
        "noise: gumbel, noise_for: selection",
        "noise: uniform, norm_single: false, route_norm: true, top_k: 1",
        "second_policy: none",
        "second_policy: threshold, second_threshold: 0.1",
        "second_policy: random, route_norm: true",
        "second_policy: sampling",
        "second_policy: gumbel"}) {
    cases.push_back(
        {std::string("token_choice ") + settings, std::string("{kind: token_choice, ") + settings + "}"});
  }
  for (const char* settings :
       {"factor: 0.5", "factor: 32", "score_func: sigmoid, factor: 3.7", "max_experts_per_token: 2",
        "max_experts_per_token: 3, factor: 1.5, rounding: lingvo, cap_lambda: 0.01",
        "softmax_over: tokens, divide_by_takers: true, rounding: mesh"}) {
    cases.push_back(
        {std::string("expert_choice ") + settings, std::string("{kind: expert_choice, ") + settings + "}"});
  }
  for (const char* settings :
       {"kind: base_assignment, mode: eval", "kind: soft, slots_per_expert: 3", "kind: sinkhorn, top_k: 4",
        "kind: expert_threshold, threshold: [0.1], score_func: softmax",
        "kind: expert_threshold, threshold: [1.5], score_func: raw, top_k: 3", "kind: qb_dynamic, top_k: 32",
        "kind: qb_dynamic, score_func: softmax, top_k: 5", "kind: sinkhorn, stop: gpt_neox",
        "kind: sinkhorn, stop: gpt_neox, mode: eval, top_k: 3", "kind: sinkhorn, stop: lucidrains",
        "kind: sinkhorn, stop: lucidrains, gumbel: true, competitive: false",
        "kind: sinkhorn, stop: lucidrains, mode: eval", "kind: hash, top_k: 32",
        "kind: hash, method: modulo, top_k: 3", "kind: hash, weights: gate, top_k: 3",
        "kind: random, top_k: 32", "kind: random, replacement: true", "kind: sparsemixer, jitter_eps: 0.5",
        "kind: top_any, fallback: none"}) {
    cases.push_back({settings, std::string("{") + settings + "}"});
  }
  return cases;
}

}  // namespace moesim::testing
