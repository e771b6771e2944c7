#pragma once
// A config, checked and turned into the parts that run. The one place that knows all sections.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/binder.h"
#include "config/load.h"
#include "core/machine.h"
#include "core/shape.h"
#include "dispatch/capacity.h"
#include "engine/balance_section.h"
#include "experts/executor.h"
#include "router/router.h"
#include "workload/workload.h"

namespace moesim {

struct GivenLayer;  // engine/given_layer.h

enum class Baseline { dense_same_active, dense_same_total, dense_same_flops, dense_same_time };
std::span<const EnumName<Baseline>> enum_names(Baseline);

struct MeasureParams {
  double budget_s = 6;           // seconds for a whole run, warm-up and all variants together
  std::int64_t min_samples = 5;  // of every variant, even where the budget is too small for them
  double target = 0.02;          // relative half-width of the interval that earns the verdict "ok"
};
void describe(Fields<MeasureParams>& fields);

struct Experiment {
  std::string name;
  std::uint64_t seed = 0;
  LayerShape shape;
  std::shared_ptr<const GivenLayer> given;  // whose weights the layer has; null: seeded ones
  std::unique_ptr<Workload> workload;
  std::unique_ptr<Router> router;
  std::string router_name;                // preset or family
  std::optional<CapacityRule> capacity;   // absent: dropless
  std::optional<BalanceSection> balance;  // absent: the router's state never changes
  ExecutorChoice executor;
  bool execute = true;
  std::vector<Baseline> baselines;
  MeasureParams measure;
  std::vector<ResolvedValue> resolved;
  std::vector<Diagnostic> inert_keys;  // given, without effect here; only with LoadOptions::in_a_sweep
  ConfigSource source;
};

// Everything wrong with the config and the overrides is reported together: throws ConfigError. Throws
// Error(missing_input) when there is no such config.
struct LoadOptions {
  bool in_a_sweep =
      false;  // as one of its points: a `sweep` section is left alone, keys without effect collected
  Purpose purpose = Purpose::run;
};
Experiment load_experiment(const std::string& path, const std::vector<std::string>& overrides,
                           const LoadOptions& options = {});

// What the results of an experiment follow from: every resolved setting but its name, the contents of its
// input files, the program's version; and, because times do too, the processor, the instruction-set level and
// threads.
std::string experiment_id(const Experiment& experiment, int threads, const MachineInfo& machine);

// One section of the config with its fields, for help and documentation.
struct SectionInfo {
  std::string path;  // "layer", "workload (kind: text)"
  std::string summary;
  std::vector<FieldInfo> fields;
};
std::vector<SectionInfo> config_sections();

}  // namespace moesim
