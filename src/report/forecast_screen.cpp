// What --dry-run prints.

#include <fmt/format.h>

#include "report/numbers.h"
#include "report/screen.h"
#include "report/words.h"

namespace moesim {

std::string render_forecast(const RunForecast& f, const Experiment& experiment) {
  std::string text = fmt::format("dry run: {} would run on {}; nothing was run\n", experiment.name,
                                 counted(static_cast<std::uint64_t>(f.threads), "thread"));
  text +=
      fmt::format("\nTIME  estimated from the yardstick ({:.1f} GFLOP/s); {} tokens a step through {}\n",
                  f.yardstick_gflops, with_commas(static_cast<std::uint64_t>(experiment.workload->tokens())),
                  layers_word(experiment.shape.num_layers));
  if (const std::string from = checkpoint_layer(experiment.resolved); !from.empty()) {
    text += fmt::format("  {:<20} {}\n", "weights", from);
  }
  for (const VariantForecast& v : f.variants) {
    text += fmt::format("  {:<20} about {} a step, weights {}{}\n", v.name, short_seconds(v.seconds_per_step),
                        short_bytes(static_cast<double>(v.weight_bytes)),
                        v.skipped.empty() ? "" : "; skipped: " + v.skipped);
  }
  text +=
      fmt::format("  {:<20} about {} to record {}, then at least {} for {} samples of each; budget {:g} s\n",
                  "in all", short_seconds(f.record_seconds),
                  counted(static_cast<std::uint64_t>(experiment.workload->steps()), "step"),
                  short_seconds(f.minimum_seconds), experiment.measure.min_samples, f.budget_s);
  text += fmt::format("\nMEMORY  {} in all\n", short_bytes(static_cast<double>(f.bytes)));
  for (const auto& [what, bytes] : f.memory) {
    text += fmt::format("  {:<24} {:>12}\n", what, short_bytes(static_cast<double>(bytes)));
  }
  return text;
}

}  // namespace moesim
