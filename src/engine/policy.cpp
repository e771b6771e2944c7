#include "engine/policy.h"

#include <fmt/format.h>

#include <limits>

#include "config/load.h"
#include "config/merge.h"
#include "config/overrides.h"
#include "core/text.h"
#include "dispatch/capacity_relations.h"

namespace moesim {
namespace {

const std::vector<std::string> kSections = {"extends",   "name",     "layer",    "workload",
                                            "router",    "capacity", "executor", "execute",
                                            "baselines", "measure",  "sweep",    "balance"};

struct SeedParams {
  std::uint64_t seed = 42;
};
void describe(Fields<SeedParams>& f) {
  f.add("seed", &SeedParams::seed).doc("everything random follows from it");
}

Node preset_tree(const std::string& preset) {
  const Location where{.source = "--preset " + display_safe(preset)};
  Node name;
  name.kind = Node::Kind::scalar;
  name.text = preset;
  name.quoted = true;
  name.where = where;
  Node router;
  router.kind = Node::Kind::map;
  router.where = where;
  router.entries.push_back({"preset", where, name});
  Node root;
  root.kind = Node::Kind::map;
  root.where = where;
  root.entries.push_back({"router", where, router});
  return root;
}

Node load_tree(const PolicySource& source, Binder& binder) {
  if (!source.config.empty()) {
    LoadedConfig loaded = load_config(source.config, source.overrides, binder.diagnostics);
    if (!loaded.complete) {
      throw ConfigError(binder.diagnostics);
    }
    binder.source = loaded.source;
    return std::move(loaded.root);
  }
  Node root = preset_tree(source.preset);
  apply_overrides(source.overrides, root, binder.diagnostics);
  return root;
}

// The value of a key of `layer` that counts experts, or 0.
std::int64_t given_count(Binder& binder, const Node& root, const std::string& key, std::int64_t low) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();  // experts are numbered by int32
  const Node* layer = root.child("layer");
  const Node* value = layer == nullptr ? nullptr : layer->child(key);
  std::int64_t count = 0;
  ScalarProblem problem;
  if (value != nullptr && (!read_whole(*value, count, problem) || count < low || count > kMost)) {
    binder.error("layer." + key, "got " + describe_node(*value),
                 fmt::format("a whole number from {} to {}", low, kMost), "wrong-type");
    return 0;
  }
  return count;
}

// The whole pool the router chooses from: the experts that multiply and, behind them, those that do not.
Index find_experts(Binder& binder, const Node& root, const std::optional<FixedExperts>& fixed,
                   Index& num_zero_experts) {
  std::int64_t others = 0;
  for (const char* key : {"zero_experts", "copy_experts", "constant_experts"}) {
    others += given_count(binder, root, key, 0);
  }
  num_zero_experts = others;
  if (fixed && others >= fixed->num_experts()) {
    binder.error("layer", fmt::format("{} zero, copy and constant experts", others),
                 fmt::format("fewer than {}, as {}", fixed->num_experts(), fixed->because), "bad-relation");
    return fixed->num_experts();
  }
  const std::int64_t multiplying = given_count(binder, root, "num_experts", 1);
  const std::int64_t given = multiplying == 0 ? 0 : multiplying + others;
  if (!fixed && given == 0) {
    binder.error("layer.num_experts", "missing", "the number of experts, as nothing given says it",
                 "missing-key", "--set layer.num_experts=8");
  }
  if (fixed && given != 0 && given != fixed->num_experts()) {
    const std::string with = others == 0 ? "" : fmt::format(" and {} zero, copy or constant experts", others);
    binder.error("layer.num_experts", fmt::format("got {}{}", multiplying, with),
                 fmt::format("{}, as {}", fixed->num_experts() - others, fixed->because), "bad-relation",
                 fmt::format("--set layer.num_experts={}, or leave it out", fixed->num_experts() - others));
  }
  if (fixed) {  // so that errors about the router say where E comes from
    binder.remember("layer.num_experts", {.source = fixed->because});
  }
  return fixed ? fixed->num_experts() : std::max<Index>(1, given);
}

}  // namespace

std::optional<CapacityRule> bind_capacity(Binder& binder, const Node& root, const Router* router,
                                          Index num_experts) {
  const Node* section = root.child("capacity");
  const bool from_config = section != nullptr;
  const Node* of_preset = root.child("router") == nullptr ? nullptr : preset_capacity(*root.child("router"));
  Node merged;
  if (section == nullptr) {
    section = of_preset;
  } else if (section->partial && of_preset != nullptr) {
    merged = merge(*of_preset, *section);
    section = &merged;
  }
  if (section == nullptr || section->kind == Node::Kind::null) {
    binder.resolved.push_back({"capacity", "none", from_config ? section->where.text() : "default"});
    return std::nullopt;
  }
  CapacityRule rule;
  bind_section(binder, section, "capacity", rule);
  if (router != nullptr && !router->traits().takes_capacity) {
    if (from_config) {
      binder.inert("capacity", "this router never overfills an expert");
    }
    return std::nullopt;
  }
  check_capacity(
      binder, rule,
      {.num_experts = num_experts, .has_gate = router == nullptr || router->traits().needs_logits});
  return rule;
}

Policy load_policy(const PolicySource& source, const std::optional<FixedExperts>& fixed) {
  Binder binder;
  const Node root = load_tree(source, binder);
  bind_places(binder, root, "");
  SeedParams seed;
  bind_section(binder, &root, "", seed, kSections);
  Policy policy;
  policy.title = source.title();
  policy.seed = seed.seed;
  const LayerShape shape{.num_experts = find_experts(binder, root, fixed, policy.num_zero_experts)};
  policy.router = make_router(binder, root.child("router"), shape);
  const Index slots =
      policy.router == nullptr ? 1 : policy.router->num_logits() / policy.router->num_experts();
  if (fixed && slots != fixed->slots) {
    if (fixed->num_logits % slots != 0) {
      binder.error("router",
                   fmt::format("{} logits do not divide among experts of {} slots", fixed->num_logits, slots),
                   fmt::format("a multiple of {}, as {}", slots, fixed->because), "not-divisible");
    } else {
      return load_policy(source, FixedExperts{fixed->num_logits, fixed->because, slots});
    }
  }
  policy.capacity = bind_capacity(binder, root, policy.router.get(), shape.num_experts);
  if (!binder.diagnostics.empty()) {
    throw ConfigError(binder.diagnostics);
  }
  policy.router_name = router_name_of(binder.resolved);
  policy.resolved = std::move(binder.resolved);
  return policy;
}

}  // namespace moesim
