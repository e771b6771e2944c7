#pragma once
// The policy that chooses. A router is a pure function of its inputs: no clock, no shared generator, no state
// of its own; const after construction. Ties everywhere: lowest expert index, then lowest token index.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/binder.h"
#include "core/catalogue.h"
#include "core/parallel.h"
#include "core/shape.h"
#include "router/routing.h"
#include "workload/token_batch.h"

namespace moesim {

enum class Choice { token, expert, soft, fixed };  // who chooses: tokens, experts, nobody (mixing), a table
enum class BiasUnit { score, logit };              // what a selection bias is added to

// Declared facts of a built router; they may depend on its parameters. They choose the laws the tests apply.
struct RouterTraits {
  Choice choice = Choice::token;
  Index top_k = 1;          // experts per token: exact where exact_k, else the nominal number
  bool exact_k = true;      // every token gets exactly top_k
  bool causal = true;       // later tokens do not change earlier ones
  bool row_local = true;    // a token's routing depends on its own row alone
  bool normalised = false;  // a token's weights sum to weight_sum …
  double weight_sum = 1.0;
  double normalised_above = 0.0;  // … where its scores sum to more than this (norm_eps and underflow)
  bool stochastic = false;        // draws random numbers
  bool uses_bias = false;         // RouterState acts
  BiasUnit bias_unit = BiasUnit::score;
  bool shift_invariant = false;  // adding a constant to a token's logits changes nothing
  bool expert_symmetric = true;  // renaming experts renames the choices
  bool needs_logits = true;      // false: hash, random
  bool takes_capacity = true;    // false: balanced by construction, a capacity section has no effect
};

// The only feedback from one step to the next. Both act on scores or logits, as traits().bias_unit says, for
// selection and never for weighting: value · expert_scale + expert_bias.
struct RouterState {
  std::vector<float> expert_bias{};   // [E], or empty for none
  std::vector<float> expert_scale{};  // [E], or empty for none
};

struct RouterInput {
  const TokenBatch& batch;
  MatrixView logits;  // [T,E]; no rows when the router does not need them
  const RouterState& state;
  std::uint64_t seed = 0;
  std::uint32_t layer = 0;
  const Context& context;
};

class Router {
 public:
  virtual ~Router() = default;
  virtual RouterTraits traits() const = 0;
  // The bias the config gives at the start ([E] or empty).
  virtual std::vector<float> initial_bias() const { return {}; }
  // A token's unbiased scores [E], from its logits [E]. Only where traits().uses_bias.
  virtual void score(std::span<const float> logits, std::span<float> scores) const;
  // Whether the gate that makes the logits has a bias of its own (router.logit: linear_bias).
  virtual bool gate_has_bias() const { return false; }

  // Checks sizes and that every logit is finite, routes, checks that every weight is finite, and with
  // MOESIM_CHECKS runs check_routing on the result. Throws Error(bad_data) naming the first token (its place
  // in the stream) and its expert where a number is not finite.
  Routing route(const RouterInput& input) const;

  Index num_experts() const { return num_experts_; }

 protected:
  explicit Router(Index num_experts) : num_experts_(num_experts) {}

 private:
  virtual Routing do_route(const RouterInput& input) const = 0;
  Index num_experts_;
};

// The contract, executable: ids in range and distinct within a token, counts, finite weights, order, sums as
// the traits say. Throws Error(internal) naming the token (its row).
void check_routing(const Routing& routing, const RouterTraits& traits, Index num_tokens, Index num_experts);

struct RouterFamily {
  std::string name;     // the value of router.kind
  std::string summary;  // one line
  std::string origin;   // paper and equation
  std::vector<FieldInfo> (*fields)();
  // Binds `section` (preset already merged in), reports problems and returns the router, or nullptr.
  std::unique_ptr<Router> (*make)(Binder& binder, const Node& section, const LayerShape& shape);
};

const Catalogue<RouterFamily>& router_families();

// A named router: a family and its stage values, from configs/presets/routers.yaml.
struct RouterPreset {
  std::string name;
  std::string summary;
  std::string used_by;
  std::string origin;
  Node section;   // kind and stage values, each located at "preset <name>"
  Node capacity;  // the preset's own capacity section, or null
};

const Catalogue<RouterPreset>& router_presets();

// The `router:` section of a config → the router. `kind` or `preset` (exactly one) names it; keys given
// beside a preset replace single stages. nullptr when there were problems. The effective section's values all
// appear in binder.resolved.
std::unique_ptr<Router> make_router(Binder& binder, const Node* section, const LayerShape& shape);

// The capacity section of the preset that a config's `router:` section names; nullptr when it names none, or
// the preset has none. Lives as long as the program.
const Node* preset_capacity(const Node& router_section);

}  // namespace moesim
