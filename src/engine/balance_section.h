#pragma once
// The `balance:` section of a config: what steers the router, and the closed loop in which it is watched.

#include <optional>
#include <string>
#include <vector>

#include "balance/controller.h"
#include "engine/logit_stream.h"

namespace moesim {

// What a config is loaded for. A run applies one controller between its recorded steps; a closed loop
// compares any number of them on a stream of logits. Keys that act only in the other are without effect.
enum class Purpose { run, closed_loop, check };

struct BalanceParams {
  std::int64_t steps = 0;
};
void describe(Fields<BalanceParams>& fields);

struct BalanceSection {
  std::vector<ControllerChoice> controllers;  // the one of `controller`, or those of `controllers`
  LogitStreamChoice stream;                   // none in a run
  Index steps = 0;                            // of the closed loop
};

struct BalanceScene {
  Purpose purpose = Purpose::run;
  const ConfigSource& source;
  const Workload* workload = nullptr;  // nullptr, like the router, when it had problems of its own
  const Router* router = nullptr;
  std::uint64_t seed = 0;
  LayerShape shape{};
  const GivenLayer* given = nullptr;

  Index top_k() const { return router == nullptr ? 0 : router->traits().top_k; }  // 0: not known
};

// Nothing when the config has no such section, or it had problems: the binder has them.
std::optional<BalanceSection> bind_balance(Binder& binder, const Node& root, const BalanceScene& scene);

}  // namespace moesim
