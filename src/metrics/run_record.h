#pragma once
// Everything a report needs about one run. Stored first, rendered second; plain values only.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/binder.h"
#include "core/build_info.h"
#include "core/machine.h"
#include "core/shape.h"
#include "metrics/interval.h"
#include "metrics/load.h"
#include "metrics/noise_floor.h"
#include "metrics/parameters.h"
#include "metrics/predict.h"
#include "metrics/run_detail.h"
#include "metrics/step_record.h"

namespace moesim {

constexpr const char* kRunSchema = "moesim.run/1";

enum class Verdict { not_timed, ok, noisy, invalid };
enum class WeightState { warm, cold };

// One timed call: `repeats` steps in a row where a single step would be too short to time.
struct Sample {
  double seconds = 0;  // per step
  int cycle = 0;       // which round of the interleaving
  int place = 0;       // place inside the round
};

// Something that was timed: the MoE stack, a dense stack, or the yardstick.
struct VariantResult {
  std::string name;      // "moe", "dense_same_active", …, "yardstick"
  std::string skipped;   // why there are no figures; empty: there are
  Index width = 0;       // hidden width of a dense layer; 0 for the MoE
  int width_trials = 0;  // dense_same_time: trials of widths to find its own
  Index narrowest = 0;   // and the bounds of what was tried
  Index widest = 0;
  std::uint64_t total_params = 0;  // one layer
  std::uint64_t weight_bytes = 0;  // all layers
  double weight_bytes_read = 0;    // per step, all layers
  double flops_per_token = 0;      // one layer
  Index tokens = 0;                // per step
  Index layers = 1;
  double warm_up_seconds = 0;  // of the first, untimed call, per step
  std::vector<Sample> samples;
  Interval seconds;       // of a step
  Interval tokens_per_s;  // through all layers
  double gflops = 0;
  double limit_seconds = 0;      // of a dense step, at the machine's limits; 0: not known
  double predicted_seconds = 0;  // 0: not predicted
  Interval ratio;                // tokens/s of this variant over tokens/s of the MoE, round by round
  int outliers = 0;
};

// One layer over all steps of the run.
struct LayerResult {
  LayerCounts counts;
  LoadStats routed;                    // of routed_per_expert
  LoadStats processed;                 // of tokens_per_expert
  double mean_step_max_violation = 0;  // max_violation of each batch, averaged
};

// A step of the run, all layers together; kept for the first kMaxStepRows steps only.
struct StepRow {
  Index step = 0;
  double max_violation = 0;  // mean over layers
  double load_cv = 0;
  double dropped_fraction = 0;
  double seconds = 0;
};
constexpr std::size_t kMaxStepRows = 512;

struct DomainLoad {
  std::string name;
  std::vector<std::uint64_t> routed_per_expert;  // first layer
};

// What the machine allowed in the rounds, and what was expected of a MoE step.
struct Roofline {
  MachineRates rates;      // measured between the rounds, medians
  StageLimits limits;      // of a step; a stage that is not modelled has none
  std::string shares;      // where the kernels' shares of the peak come from; "": nothing is predicted
  StageSeconds predicted;  // of a step
};

struct TimingResult {
  Verdict verdict = Verdict::not_timed;
  std::vector<std::string> reasons;  // why not ok, in words
  double budget_s = 0;
  double spent_s = 0;
  int rounds = 0;
  int repeats = 1;
  int threads = 1;
  int participants = 0;        // threads that took part in the timed steps
  double effective_cores = 0;  // 1→n scaling of a register-only loop, measured in the same run
  double worker_balance = 0;   // mean busy time of the threads over the busiest's, in MoE steps
  double yardstick_ratio = 0;  // GFLOP/s of the MoE over GFLOP/s of the yardstick
  WeightState weights = WeightState::warm;
  double coldest_bytes_read = 0;  // fewest bytes of weights read per step by any compared variant
  double cold_threshold_bytes = 0;
  Index layers_for_cold = 1;  // num_layers that would make the weights cold
  StageSeconds stages;        // of one MoE step, medians
  std::optional<Roofline> roofline;
  bool interrupted = false;
};

// The stages that have a limit or a prediction, in order, with what was measured.
struct StageOfRoofline {
  const char* name;
  double seconds;
  StageLimit limit;
  double predicted;  // 0: not predicted
};
inline std::vector<StageOfRoofline> stages_of(const TimingResult& timing) {
  const Roofline none;
  const Roofline& r = timing.roofline ? *timing.roofline : none;
  const StageSeconds& s = timing.stages;
  const StageSeconds& p = r.predicted;
  return {{"gate", s.gate, r.limits.gate, p.gate},
          {"route", s.route, {}, 0},
          {"plan", s.plan, {}, 0},
          {"dispatch", s.dispatch, r.limits.dispatch, p.dispatch},
          {"experts", s.experts, r.limits.experts, p.experts},
          {"combine", s.combine, r.limits.combine, p.combine},
          {"norm", s.norm, r.limits.norm, p.norm}};
}

// What a controller made of the balance: MaxVio of the first and of the last recorded step, mean over layers.
struct SteeringResult {
  std::string controller;  // kind and keys
  double first_max_violation = 0;
  double last_max_violation = 0;
};

struct RunRecord {
  std::string name;
  std::string config_source;
  bool as_sweep_point = false;  // loaded without its sweep section: another run of it needs that option again
  std::vector<ResolvedValue> resolved;
  BuildInfo build;
  MachineInfo machine;
  LayerShape shape;
  std::string router;  // preset or family
  Index top_k = 1;     // nominal
  bool exact_k = true;
  Index slots = 0;           // S of a soft router, which assigns no tokens; 0: assignments
  bool expert_side = false;  // experts choose: a noise floor would mean nothing
  bool executed = true;
  double record_seconds = 0;  // of all recorded steps, making and counting their tokens included
  bool has_gate = true;       // false: hash, random
  std::string executor;       // kind
  std::string layout;         // of the experts' weights, with the products it is made for: Executor::layout()
  Index tokens = 0;           // T
  Index steps = 0;
  std::optional<Index> capacity;
  std::uint64_t tokens_before_repeat = 0;  // of the workload's stream; 0: it never repeats

  std::vector<LayerResult> layers;
  std::vector<StepRow> step_rows;
  std::vector<DomainLoad> domains;
  std::optional<SteeringResult> steering;
  std::optional<NoiseFloor> noise_floor;  // of mean_routed, all steps together
  LoadStats mean_routed;                  // mean over layers
  LoadStats mean_processed;
  double worst_max_violation = 0;
  LayerCost nominal;                 // one layer, nominal K
  LayerCost realised;                // one layer, mean kept ffn experts, mean over layers
  double mean_kept_experts = 0;      // ffn experts a token really used, mean over tokens and layers
  double mean_distinct_experts = 0;  // ffn experts with at least one row, mean over steps and layers
  std::uint64_t weight_bytes = 0;
  double dropped_fraction = 0;
  double computed_rows_fraction = 1;  // kept over routed
  double ffn_rows_fraction = 1;       // of the kept ones, those on experts that multiply
  std::string routing_hash;
  std::string output_hash;  // empty when not executed

  std::vector<VariantResult> variants;  // moe first
  TimingResult timing;
  std::uint64_t estimated_bytes = 0;
  std::uint64_t peak_rss_bytes = 0;
  std::vector<ShownToken> shown_tokens;
  RunDetail detail;  // empty unless asked for

  const VariantResult* find_variant(const std::string& variant) const {
    for (const VariantResult& v : variants) {
      if (v.name == variant) {
        return &v;
      }
    }
    return nullptr;
  }
};

}  // namespace moesim
