#include "report/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "config/overrides.h"
#include "core/text.h"
#include "metrics/same_time.h"
#include "report/numbers.h"
#include "report/screen.h"

namespace moesim {
namespace {

// Batches of so few tokens are decided by reading weights, which a cache hides.
constexpr Index kSmallBatch = 64;

std::string same_time_sentence(const RunRecord& record) {
  const VariantResult* dense = record.find_variant("dense_same_time");
  if (dense == nullptr || !dense->skipped.empty() || dense->ratio.median <= 0) {
    return "";
  }
  const TimeMatch match = time_match(*dense);
  const char* claim = match == TimeMatch::slower_than_widest
                          ? "This MoE is slower here than the widest dense layer there was room for:"
                      : match == TimeMatch::faster_than_narrowest
                          ? "This MoE is faster here than the narrowest dense layer:"
                          : "This MoE runs here like a dense layer of";
  return fmt::format("{} {} parameters (width {}, {:.2f} times the MoE's tokens/s [{:.2f} .. {:.2f}]{}). ",
                     claim, short_number(static_cast<double>(dense->total_params)),
                     with_commas(static_cast<std::uint64_t>(dense->width)), dense->ratio.median,
                     dense->ratio.low, dense->ratio.high,
                     match == TimeMatch::closest     ? ", the closest width that was found"
                     : match == TimeMatch::uncertain ? ", too noisy to say whether the width is right"
                                                     : "");
}

std::string speed_sentence(const RunRecord& record) {
  const VariantResult* moe = record.find_variant("moe");
  if (moe == nullptr || moe->tokens_per_s.median <= 0 || record.timing.verdict == Verdict::invalid) {
    return "";
  }
  if (!record.executed) {
    return fmt::format(
        "Routing alone handles {} tokens/s{}. ", short_number(moe->tokens_per_s.median),
        record.shape.num_layers > 1 ? fmt::format(" ({})", layers_word(record.shape.num_layers)) : "");
  }
  std::string text;
  const auto compare = [&](const char* name, const char* what) {
    const VariantResult* dense = record.find_variant(name);
    if (dense == nullptr || !dense->skipped.empty() || dense->ratio.median <= 0) {
      return;
    }
    const double moe_over_dense = 1.0 / dense->ratio.median;
    const bool clear = dense->ratio.low > 1.0 || dense->ratio.high < 1.0;
    text += text.empty() ? "The MoE layer makes " : ", and ";
    text +=
        clear
            ? fmt::format("{:.2f} times the tokens/s of a dense layer with the same {}", moe_over_dense, what)
            : fmt::format("about as many tokens/s (no clear difference) as a dense layer with the same {}",
                          what);
  };
  compare("dense_same_total", "total parameters");
  compare("dense_same_active", "active parameters");
  compare("dense_same_flops", "FLOPs per token");
  if (text.empty()) {
    return same_time_sentence(record);
  }
  const std::string caveat = ratio_caveat(record);
  return text +
         fmt::format(" ({}{}{}). ", layers_word(record.shape.num_layers), caveat.empty() ? "" : ", ",
                     caveat) +
         same_time_sentence(record);
}

std::string parameter_sentence(const RunRecord& record) {
  if (record.nominal.total_params == 0 || !record.executed) {
    return "";
  }
  const double share = record.nominal.active_params / static_cast<double>(record.nominal.total_params);
  if (record.slots > 0) {
    return fmt::format(
        "All {} tokens of a batch are mixed into {} and out of them: a token costs what {} of the "
        "layer's {} parameters cost ({}). ",
        record.tokens, counted(static_cast<std::uint64_t>(record.slots), "slot"),
        short_number(record.nominal.active_params),
        short_number(static_cast<double>(record.nominal.total_params)), percent(share));
  }
  return fmt::format("Each token uses {} of the layer's {} parameters ({}). ",
                     short_number(record.nominal.active_params),
                     short_number(static_cast<double>(record.nominal.total_params)), percent(share));
}

std::string balance_sentence(const RunRecord& record) {
  if (record.layers.empty() || record.slots > 0 || record.mean_routed.max_violation < 0 ||
      record.layers.front().counts.assignments == 0) {
    return "";
  }
  const double busiest = 1.0 + record.mean_routed.max_violation;
  std::string text = fmt::format(
      "{} busiest expert gets {:.2f} times its fair share{}",
      record.has_gate && checkpoint_layer(record.resolved).empty() ? "untrained gate: the" : "The", busiest,
      record.layers.size() > 1 ? fmt::format(" (mean of {} layers)", record.layers.size()) : "");
  if (record.noise_floor) {
    const double chance = 1.0 + record.noise_floor->max_violation.p95;
    text +=
        busiest > chance
            ? fmt::format(", more than chance alone would give ({:.2f} at most in 95 of 100 draws)", chance)
            : fmt::format(", which chance alone would also give (up to {:.2f} in 95 of 100 draws)", chance);
  }
  text += ". ";
  if (record.dropped_fraction > 0) {
    text += fmt::format("Full experts refused {} of the assignments. ", percent(record.dropped_fraction));
  }
  return text;
}

}  // namespace

std::string checkpoint_layer(const std::vector<ResolvedValue>& resolved) {
  std::string folder;
  std::string index;
  for (const ResolvedValue& value : resolved) {
    folder = value.path == "layer.checkpoint" && value.value != "none" ? value.value : folder;
    index = value.path == "layer.index" ? value.value : index;
  }
  return folder.empty() ? "" : fmt::format("layer {} of {}", index, display_safe(folder));
}

std::string warm_caveat(const RunRecord& record) {
  return record.timing.weights == WeightState::warm && record.tokens <= kSmallBatch ? "warm" : "";
}

std::string rows_caveat(const RunRecord& record) {
  return record.dropped_fraction > 0
             ? fmt::format("{} of the rows computed", percent(record.computed_rows_fraction))
             : "";
}

std::string ratio_caveat(const RunRecord& record) {
  const std::string warm = warm_caveat(record);
  const std::string rows = rows_caveat(record);
  return warm + (warm.empty() || rows.empty() ? "" : ", ") + rows;
}

std::string describe_in_words(const RunRecord& record) {
  std::string text = speed_sentence(record) + parameter_sentence(record) + balance_sentence(record);
  while (!text.empty() && text.back() == ' ') {
    text.pop_back();
  }
  return text;
}

std::string next_step(const RunRecord& record, const std::string& program) {
  // The same command but for one option: what was set stays set.
  const auto command = [&](const std::string& anew, const std::string& options, const char* why) {
    return fmt::format("{} run {}{}{} {}    ({})", program,
                       display_safe(config_argument(record.config_source)),
                       record.as_sweep_point ? " --as-sweep-point" : "",
                       display_safe(override_options(record.resolved, anew)), options, why);
  };
  if (record.timing.verdict == Verdict::noisy && !record.timing.interrupted && record.timing.budget_s < 30) {
    return command("measure.budget_s", "--budget 60", "longer, for figures to quote");
  }
  if (record.dropped_fraction > 0) {
    return command("capacity", "--set capacity=none", "what does dropping cost?");
  }
  const auto is = [&record](const std::string& path, const std::string& value) {
    return std::any_of(record.resolved.begin(), record.resolved.end(), [&](const ResolvedValue& resolved) {
      return resolved.path == path && (value.empty() || resolved.value == value);
    });
  };
  if (record.slots > 0) {
    return command(
        "router.slots_per_expert",
        fmt::format("--set router.slots_per_expert={}", 2 * record.slots / record.shape.num_experts),
        "what do twice the slots cost?");
  }
  if (!is("router.top_k", "") || is("router.stop", "lucidrains")) {
    return command("router", "--set 'router={preset: mixtral}'", "what does another router do?");
  }
  return command(
      "router.top_k",
      fmt::format("--set router.top_k={}", std::min<Index>(record.top_k + 1, record.shape.pool_size())),
      "what does one more expert cost?");
}

}  // namespace moesim
