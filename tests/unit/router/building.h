#pragma once
// What the tests of this room share: configs to routers, numbers to batches.

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "core/parallel.h"
#include "router/router.h"

namespace moesim::testing {

// The outcome of a config such as "layer: {num_experts: 8}\nrouter: {preset: mixtral}".
struct Built {
  Binder binder;
  std::unique_ptr<Router> router;

  std::string errors() const;                           // rendered, one after the other
  std::string resolved(const std::string& path) const;  // "8 from x.yaml:1:2", or "" when absent
};

Built build(const std::string& yaml, Index num_experts);

// The router of a section that has no problems, for example "{preset: mixtral}".
std::unique_ptr<Router> router_of(const std::string& section, Index num_experts);

// Memory of one call of route().
struct Scene {
  TokenBatch batch;
  Matrix logits;
  Matrix noise_deviation;
  RouterState state;
  std::uint64_t seed = 7;
  std::uint32_t layer = 0;

  // Of a soft router: as_choices.
  Assignments route(const Router& router, const ContextOptions& options = {}) const;
  Routing route_any(const Router& router, const ContextOptions& options = {}) const;
};

// A soft routing read as choices: of every slot, as if it were an expert, weighted as in combine, the
// dispatch weight its score.
Assignments as_choices(const SoftMix& mix);

// Rows of logits, all of the same length. Token ids count up from 0.
Scene scene_of(const std::vector<std::vector<float>>& rows, Index num_logits);

// Seeded logits with about N(0, 1) entries; token ids repeat.
Scene random_scene(Index num_tokens, Index num_logits, std::uint64_t seed);

// The rows `order` of a scene.
Scene pick(const Scene& scene, const std::vector<Index>& order);

// One token's assignments.
struct TokenChoices {
  std::vector<std::int32_t> expert;
  std::vector<float> weight;
  std::vector<float> score;
  bool operator==(const TokenChoices&) const = default;
};
TokenChoices choices_of(const Assignments& assignments, Index token);

// All routers the laws are checked on: every preset, and every family with several settings. `name` is that
// of the catalogue entry, followed by the settings.
struct Case {
  std::string name;
  std::string section;
};
inline void PrintTo(const Case& c, std::ostream* out) {
  *out << c.section;
}
std::vector<Case> all_cases();
constexpr Index kCaseExperts = 32;  // all cases fit this many

}  // namespace moesim::testing
