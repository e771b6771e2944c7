#pragma once
// What closes the loop of load balancing: a controller maps (its state, the record of step t) to its state
// for step t+1, and that state changes what the router chooses. Nothing is trained, no gradient is touched. A
// controller is a pure function: no clock, no random numbers, const after construction.
//
// Words: n_i the assignments expert i received (before drops, over the global batch), n̄ their mean Σn/E,
// e_i = (n̄ − n_i)/n̄ the relative error: positive where an expert has too little.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "config/binder.h"
#include "core/catalogue.h"
#include "core/matrix.h"
#include "router/router.h"

namespace moesim {

// All a controller keeps from one step to the next; what it has no use for stays empty or 0. A bias is in the
// router's unit (RouterTraits::bias_unit): scores or logits.
struct ControllerState {
  std::vector<double> bias{};            // [E] added to the selection value, or its factor (Acts::multiplies)
  std::vector<double> momentum{};        // [E]
  std::vector<double> previous_error{};  // [E] e of the step before; empty before the first
  std::vector<double> thresholds{};  // [E] least selection value an expert accepts; empty before the first
  double coefficient = 0;            // what a servo moves: a rate, or the coefficient of a loss
  std::uint64_t step = 0;            // records learnt from
};

// What a step showed, borrowed for the call.
struct ControlRecord {
  std::span<const std::uint64_t> loads;  // [E] n
  Index tokens = 0;                      // T, of the global batch
  Index top_k = 1;                       // K, nominal
  // Of the E experts, how many at the end compute nothing (identity, zero, constant). The others are real.
  Index num_zero_experts = 0;
  // [T,E] what the bias is added to, rows in order of the ranks that hold them; only for controllers that
  // ask.
  MatrixView values{};
};

// How a state reaches the router.
enum class Acts {
  adds,         // bias added to the selection value
  multiplies,   // bias multiplies the selection value
  thresholds,   // an expert takes every token whose selection value reaches its threshold
  coefficient,  // the weight of a loss: nothing changes until something is trained
};

struct ControllerTraits {
  Acts acts = Acts::adds;
  bool needs_values = false;     // ControlRecord::values must be given
  bool rests_at_balance = true;  // after equal loads, step after step, the bias stays where it is
  bool centred = false;          // each update leaves the mean of the bias at 0
  bool whole_rows = false;  // takes every expert to compete with every other: no groups of experts, no draws
};

class Controller {
 public:
  virtual ~Controller() = default;
  virtual ControllerTraits traits() const = 0;
  // Before the first step: the router's own bias ([E] or empty: 0), or factors of 1.
  virtual ControllerState start(Index num_experts, std::span<const float> bias) const;
  // The state of step t+1. A record to learn nothing from (no assignment; no token, for controllers that need
  // values) leaves the state as it is.
  ControllerState next(const ControllerState& state, const ControlRecord& record) const;

 private:
  // `state` is that of step t and becomes that of step t+1; `step` is counted already. Loads are not all 0;
  // for controllers that need values there is a token instead.
  virtual void update(const ControlRecord& record, ControllerState& state) const = 0;
};

// The state as the router takes it; `before` is what the router has from its config. Thresholds and
// coefficients leave it as it is.
RouterState steered(const Controller& controller, const ControllerState& state, const RouterState& before);

// A section of the config that names a controller, and what its keys are checked against.
struct ControllerSection {
  const Node& node;
  std::string path;       // "balance.controller"
  Index num_experts = 0;  // E
  Index top_k = 0;        // K
};

struct ControllerEntry {
  std::string name;         // the value of `kind`
  std::string summary;      // one line
  std::string origin;       // paper and section, code and path
  std::string source_kind;  // "paper", "code", "paper and code", or "secondary source" where neither was read
  std::string unit;  // in which unit the source's default rates are: "score", "logit", "probability" …
  std::vector<FieldInfo> (*fields)();
  // Binds the section, reports problems and returns the controller, or nullptr.
  std::unique_ptr<Controller> (*make)(Binder& binder, const ControllerSection& section);
};

const Catalogue<ControllerEntry>& controllers();

struct ControllerChoice {
  std::unique_ptr<Controller> controller;  // nullptr when there were problems
  std::string kind;
  std::string title;  // the kind and the keys given: "loss_free_sign rate=0.01"
  std::string path;   // of its section
};
ControllerChoice make_controller(Binder& binder, const ControllerSection& section);

}  // namespace moesim
