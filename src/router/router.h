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
#include "router/gate.h"
#include "router/routing.h"
#include "router/score.h"
#include "workload/token_batch.h"

namespace moesim {

enum class Choice { token, expert, soft, fixed };  // who chooses: tokens, experts, nobody (mixing), a table
enum class BiasUnit { score, logit };              // what a selection bias is added to

// Declared facts of a built router; they may depend on its parameters. They choose the laws the tests apply.
struct RouterTraits {
  Choice choice = Choice::token;
  Index top_k = 1;          // experts per token: exact where exact_k, else the nominal number
  bool exact_k = true;      // every token gets exactly top_k
  bool any_number = false;  // the assignments of a batch have no bound but T·E
  bool distinct = true;     // no token takes an expert twice
  Index most_experts = 0;   // no token gets more; 0: no bound but top_k or the number of experts
  bool causal = true;       // later tokens do not change earlier ones
  bool row_local = true;    // a token's routing depends on its own row alone
  bool normalised = false;  // a token's weights sum to weight_sum …
  double weight_sum = 1.0;
  double normalised_above = 0.0;  // … where its scores sum to more than this (norm_eps and underflow)
  bool stochastic = false;        // draws random numbers, keyed by the token's place in the stream
  bool by_place = false;          // looks at that place without drawing
  double gaussian_noise = 0.0;   // deviation of what is added to each logit, or what multiplies a learned one
  bool limits_groups = false;    // whole groups of experts are left out for a token
  Index weightless_experts = 0;  // so many of the last experts weigh nothing whenever they are chosen
  bool uses_bias = false;        // RouterState::expert_bias and selection_scale act …
  BiasUnit bias_unit = BiasUnit::score;       // … on this
  bool shift_invariant = false;               // adding a constant to a token's logits changes nothing
  bool expert_symmetric = true;               // renaming experts renames the choices
  ScoreFunc score_func = ScoreFunc::softmax;  // of its logits: what balancing losses call scores
  bool needs_logits = true;                   // false: hash, random
  bool needs_token_ids = false;               // hash
  bool needs_hidden = false;   // the output holds a part of the token's own vector (BASE layers)
  bool takes_capacity = true;  // false: balanced by construction, a capacity section has no effect
  Index token_multiple = 1;    // a batch must hold a multiple of so many tokens
};

// A given map of token ids to experts (DeepSeek-V4's hash layers keep one with their weights).
struct TokenTable {
  Index top_k = 0;
  std::vector<std::int32_t> expert;  // [V,top_k], all below E; empty: no table
};

// What a router is given beside its config; bias and scale are the only feedback from one step to the next.
// Both act for selection and never for weighting: value · selection_scale + expert_bias.
struct RouterState {
  std::vector<float> expert_bias{};      // [E], or empty for none
  std::vector<float> selection_scale{};  // [E], or empty for none
  TokenTable token_experts{};            // of hash routers
  // [E], or empty for the router's own: the score a token must exceed to go to that expert
  // (expert_threshold).
  std::vector<float> threshold{};
};

struct RouterInput {
  const TokenBatch& batch;
  MatrixView logits;  // [T, num_logits()]; no rows when the router does not need them
  const RouterState& state;
  std::uint64_t seed = 0;
  std::uint32_t layer = 0;
  const Context& context;
  MatrixView noise_deviation = {};  // [T,E] of learned noise, or no rows: 1 everywhere
};

// One stage of one token's routing, for people: numbers of all experts, or of the chosen ones.
struct StageValues {
  std::string stage;  // "scores"
  std::vector<double> values;
};

class Router {
 public:
  virtual ~Router() = default;
  virtual RouterTraits traits() const = 0;
  // The bias the config gives at the start ([E] or empty).
  virtual std::vector<float> initial_bias() const { return {}; }
  // Of the contents of the files it was made from; 0: of none. Part of what an experiment is.
  virtual std::uint64_t input_hash() const { return 0; }
  // How the gate makes this router's logits from hidden states.
  virtual GateRule gate_rule() const { return {}; }
  // A token's way through the stages, in order; empty for routers that have none of their own.
  virtual std::vector<StageValues> trace(const RouterInput& input, Index token) const;
  // The thresholds the config gives at the start ([E] or empty).
  virtual std::vector<float> initial_threshold() const { return {}; }
  // Logits per token: one for each expert, or for each slot of a soft router (expert e owns a run of them).
  virtual Index num_logits() const { return num_experts_; }

  // Checks sizes and that every logit is finite, routes, checks that every weight is finite, and with
  // MOESIM_CHECKS runs check_routing on the result. Throws Error(bad_data) naming the first token (its place
  // in the stream) and its expert where a number is not finite, and where the number of tokens is not a
  // multiple of traits().token_multiple.
  Routing route(const RouterInput& input) const;
  // The same into `routing`, whose memory is used again: routers that give each token top_k experts then ask
  // for none.
  void route_into(const RouterInput& input, Routing& routing) const;

  Index num_experts() const { return num_experts_; }

 protected:
  explicit Router(Index num_experts) : num_experts_(num_experts) {}

 private:
  virtual Routing do_route(const RouterInput& input) const = 0;
  virtual void do_route_into(const RouterInput& input, Routing& routing) const { routing = do_route(input); }
  // Whether do_route_into marks a token whose logits are not all finite by weights that are not, and so saves
  // a pass over them.
  virtual bool marks_bad_logits() const { return false; }
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
  // Values of the keys that have no default, with which it builds for any number of experts from its top_k
  // on.
  std::vector<std::pair<std::string, std::string>> example = {};
  // What holds of it whatever file it is made from; null: of its example.
  RouterTraits (*nominal)() = nullptr;
};

// The smallest section that names the family: its kind and its example.
Node example_section(const RouterFamily& family);

const Catalogue<RouterFamily>& router_families();

// A named router: a family and its stage values, from configs/presets/routers.yaml.
struct RouterPreset {
  std::string name;
  std::string summary;
  std::string used_by;
  std::string origin;
  std::string variant_of;  // the preset of the model that another program runs, or trains, this way; or empty
  Node section;            // kind and stage values, each located at "preset <name>"
  Node capacity;           // the preset's own capacity section, or null
};

const Catalogue<RouterPreset>& router_presets();

// The `router:` section of a config → the router. `kind` or `preset` (exactly one) names it; keys given
// beside a preset replace single stages. nullptr when there were problems. The effective section's values all
// appear in binder.resolved.
std::unique_ptr<Router> make_router(Binder& binder, const Node* section, const LayerShape& shape);

// How a bound router is called: its preset, else its family.
std::string router_name_of(const std::vector<ResolvedValue>& resolved);

// The capacity section of the preset that a config's `router:` section names; nullptr when it names none, or
// the preset has none. Lives as long as the program.
const Node* preset_capacity(const Node& router_section);

}  // namespace moesim
