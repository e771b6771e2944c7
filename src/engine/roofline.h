#pragma once
// Private to this room: how near a run comes to the machine's limits, and how long it should have taken.

#include "core/build_info.h"
#include "engine/contest.h"
#include "engine/run_state.h"

namespace moesim {

// What a layer does in one step, as its plan says.
LayerWork work_of_layer(const Experiment& experiment, const MoeLayer& layer, const LayerEvent& event);
// Of a dense layer.
LayerWork work_of_dense(const Executor& executor, const ExpertBank& bank, Index tokens);

// After a MoE step: plain reads of its rows, as it left them and once more. The first is what the stages met,
// the second the limit.
void sample_rows(RunState& state);

// Between two rounds: the register loop on one thread and on all, and a plain read of some weights of each
// variant.
void sample_limits(RunState& state, const std::vector<Contestant>& contestants);

// Reads some of a variant's weights, beginning where the last call ended: bytes a second.
std::function<double()> weights_reader(const RunState& state, const std::vector<const ExpertBank*>& banks);
std::vector<const ExpertBank*> banks_of(const MoeStack& stack);
std::vector<const ExpertBank*> banks_of(const DenseStack& stack);

// What measuring the kernels' shares takes, by the forecast of all else; 0: they are known, nobody asked for
// them, or budget or memory have no room.
struct SharesScene {
  const Experiment& experiment;
  const RunOptions& options;
  const MachineInfo& machine;
  const BuildInfo& build;
};
std::uint64_t share_bytes(const SharesScene& scene, const RunForecast& forecast);
// The shares that the kernels reach: as given with the options, or measured now where the forecast says so;
// nullopt otherwise. Sets state.shares_source, which says which.
std::optional<MachineLimits> kernel_shares(RunState& state, const RunForecast& forecast);

// Fills record.timing.roofline and the limits of the dense variants.
void fill_roofline(const RunState& state, const std::optional<MachineLimits>& shares,
                   std::vector<Contestant>& contestants, RunRecord& record);

}  // namespace moesim
