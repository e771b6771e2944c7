#include "report/screen.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/text.h"
#include "metrics/flatten.h"
#include "report/load_bar.h"
#include "report/numbers.h"
#include "report/sparkline.h"
#include "report/words.h"

namespace moesim {
namespace {

constexpr int kWidth = 100;
constexpr std::size_t kMostBars = 16;

class Screen {
 public:
  explicit Screen(const ScreenStyle& style) : style_(style) {}

  void line(const std::string& text = "") { text_ += text + "\n"; }
  void heading(const std::string& title, const std::string& rest = "") {
    line();
    line((style_.colour ? "\033[1m" + title + "\033[0m" : title) + (rest.empty() ? "" : "  " + rest));
  }
  void paragraph(const std::string& text) { line(fold_words(text, kWidth)); }
  const ScreenStyle& style() const { return style_; }
  std::string take() { return std::move(text_); }

 private:
  ScreenStyle style_;
  std::string text_;
};

std::string value_of(const RunRecord& record, const std::string& path) {
  for (const ResolvedValue& value : record.resolved) {
    if (value.path == path) {
      return value.value;
    }
  }
  return "";
}

// "8 experts", "8 experts + 1 zero + 1 copy + 2 constant + 1 shared (gated)".
std::string experts_in_words(const LayerShape& shape, bool executed) {
  std::string text = with_commas(static_cast<std::uint64_t>(shape.num_experts)) + " experts";
  const auto add = [&text](Index count, const char* kind) {
    text += count > 0 ? fmt::format(" + {} {}", with_commas(static_cast<std::uint64_t>(count)), kind) : "";
  };
  add(shape.zero_experts, "zero");
  add(shape.copy_experts, "copy");
  add(shape.constant_experts, "constant");
  if (!executed) {
    return text;  // nobody chooses shared experts
  }
  add(shape.num_shared_experts, "shared");
  text += shape.shared_width > 0 ? fmt::format(" + shared of width {}", shape.shared_width) : "";
  if (shape.shared_kind != SharedKind::plain) {
    text += fmt::format(" ({})", enum_text(shape.shared_kind));
  }
  return text;
}

// "one layer", "routing only", "4 layers, routing only".
std::string layers_in_words(const RunRecord& r) {
  const Index layers = r.shape.num_layers;
  return r.executed ? layers_word(layers) : (layers > 1 ? layers_word(layers) + ", " : "") + "routing only";
}

// The widths that the run has: of experts only where they are executed, of vectors only for a gate.
std::string widths_in_words(const RunRecord& r) {
  if (!r.executed) {
    return r.has_gate ? fmt::format(", d_model {}", r.shape.d_model) : "";
  }
  return fmt::format(", d_model {}, d_ff {}{}, {}{}", r.shape.d_model, r.shape.d_ff,
                     r.shape.latent_width > 0 ? fmt::format(", latent {}", r.shape.latent_width) : "",
                     enum_text(r.shape.activation), r.shape.ffn_bias ? " with biases" : "");
}

void add_head(Screen& screen, const RunRecord& r) {
  screen.line(fmt::format(
      "moesim {} ({}, {}, {})   seed {}   {} thread{} on {}", r.build.version, r.build.revision,
      r.build.compiler, r.build.arch, value_of(r, "seed"), r.timing.threads, r.timing.threads == 1 ? "" : "s",
      r.machine.processor.empty() ? "an unknown processor" : display_safe(r.machine.processor)));
  screen.line(fmt::format("config   {}   {}: {}, {} {}{}", display_safe(r.config_source), layers_in_words(r),
                          experts_in_words(r.shape, r.executed), r.router,
                          r.slots > 0
                              ? fmt::format("({})", counted(static_cast<std::uint64_t>(r.slots), "slot"))
                          : r.expert_side ? "(experts choose)"
                          : r.exact_k     ? fmt::format("top-{}", r.top_k)
                                          : fmt::format("({:.3g} experts a token)", r.mean_kept_experts),
                          widths_in_words(r)));
  if (const std::string from = checkpoint_layer(r.resolved); !from.empty()) {
    screen.line("weights  " + from);
  }
  const std::string capacity =
      r.capacity ? fmt::format("capacity {} rows {}", with_commas(static_cast<std::uint64_t>(*r.capacity)),
                               value_of(r, "capacity.drop") == "device_level" ? "a device" : "an expert")
                 : "dropless";
  const std::uint64_t read = static_cast<std::uint64_t>(r.steps) * static_cast<std::uint64_t>(r.tokens);
  screen.line(
      fmt::format("tokens   {}: {} of {}, {}{}", value_of(r, "workload.kind"),
                  counted(static_cast<std::uint64_t>(r.steps), "step"),
                  counted(static_cast<std::uint64_t>(r.tokens), "token"), capacity,
                  r.tokens_before_repeat > 0 && r.tokens_before_repeat < read
                      ? fmt::format("; begins to repeat after {} tokens", with_commas(r.tokens_before_repeat))
                      : ""));
  screen.line(fmt::format("memory   {} used at most, {} expected",
                          short_bytes(static_cast<double>(r.peak_rss_bytes)),
                          short_bytes(static_cast<double>(r.estimated_bytes))));
  const std::string activations = value_of(r, "executor.activations");
  if (!r.layout.empty() && !activations.empty() && activations != "float32") {
    screen.line(fmt::format("experts  {}, for activations: {}", r.layout, activations));
  }
  if (!r.executed && r.record_seconds > 0) {
    screen.line(fmt::format("routed   {} tokens in {:.1f} s: {} tokens/s, making and counting them included",
                            with_commas(read), r.record_seconds,
                            short_number(static_cast<double>(read) / r.record_seconds)));
  }
}

void add_tokens(Screen& screen, const RunRecord& r) {
  if (r.shown_tokens.empty()) {
    return;
  }
  const bool words = value_of(r, "workload.kind") == "text" && value_of(r, "workload.tokenizer") == "word";
  screen.heading(words ? "WHERE EACH WORD WENT" : "WHERE EACH TOKEN WENT",
                 (r.slots > 0 ? "(experts with the largest shares of its output"
                              : "(expert and its weight, best first") +
                     std::string(r.shape.num_layers > 1 ? "; first layer)" : ")"));
  int domain_width = 0;
  int text_width = 4;
  for (const ShownToken& token : r.shown_tokens) {
    domain_width = std::max(domain_width, display_width(display_safe(token.domain)));
    text_width = std::max(text_width, std::min(24, display_width(display_safe(token.text))));
  }
  for (const ShownToken& token : r.shown_tokens) {
    std::string line = "  " + pad_to(display_safe(token.domain), domain_width) + "  " +
                       pad_to(display_safe(token.text), text_width) + " ";
    if (token.assignments.empty()) {
      line += "  no expert";
    }
    for (std::size_t i = 0; i < token.assignments.size() && i < 8; ++i) {
      const ShownAssignment& a = token.assignments[i];
      line += fmt::format("  e{} {:.2f}{}", a.expert, a.weight,
                          a.moved_to >= 0 ? fmt::format(" (ran on e{})", a.moved_to)
                          : a.kept        ? ""
                                          : " (dropped)");
    }
    if (token.assignments.size() > 8) {
      line += fmt::format("  and {} more", token.assignments.size() - 8);
    }
    screen.line(line);
  }
}

// "" for an expert that multiplies.
std::string kind_in_words(const LayerShape& shape, std::size_t expert) {
  Index place = static_cast<Index>(expert) - shape.num_experts;
  if (place < 0) {
    return "";
  }
  if (place < shape.constant_experts) {
    return "   constant";
  }
  place -= shape.constant_experts;
  return place < shape.copy_experts ? "   copy" : "   zero";
}

// What became of the assignments beyond those of the expert that ran there.
std::string change_word(const LayerCounts& counts, std::uint64_t routed, std::uint64_t ran) {
  if (ran == routed) {
    return "";
  }
  return ran > routed ? fmt::format("   {} more by re-routing", with_commas(ran - routed))
                      : fmt::format("   {} {}", with_commas(routed - ran),
                                    counts.rerouted > 0 ? "dropped or re-routed" : "dropped");
}

void add_load(Screen& screen, const RunRecord& r) {
  if (r.layers.empty() || r.layers.front().counts.assignments == 0) {
    return;
  }
  const LayerCounts& counts = r.layers.front().counts;
  const std::size_t experts = counts.routed_per_expert.size();
  const double fair = static_cast<double>(counts.assignments) / static_cast<double>(experts);
  screen.heading("LOAD", fmt::format("{} over all steps; {} fair share {}{}",
                                     r.slots > 0 ? "slots each expert computed" : "tokens each expert got",
                                     screen.style().unicode ? "│" : "|", short_number(fair),
                                     r.shape.num_layers > 1 ? "; first layer" : ""));
  std::vector<std::size_t> order(experts);
  for (std::size_t i = 0; i < experts; ++i) {
    order[i] = i;
  }
  if (experts > kMostBars) {
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return counts.routed_per_expert[a] > counts.routed_per_expert[b];
    });
  }
  const std::uint64_t most = std::max<std::uint64_t>(
      {1, *std::max_element(counts.routed_per_expert.begin(), counts.routed_per_expert.end()),
       *std::max_element(counts.tokens_per_expert.begin(), counts.tokens_per_expert.end())});
  const auto add = [&](std::size_t e) {
    const std::uint64_t routed = counts.routed_per_expert[e];
    const std::uint64_t ran = counts.tokens_per_expert[e];
    screen.line(fmt::format("  {:>6} {} {:>9}{}{}", fmt::format("e{}", e),
                            draw_bar({ran, std::max(ran, routed), most, fair}, screen.style().unicode),
                            with_commas(routed), kind_in_words(r.shape, e),
                            change_word(counts, routed, ran)));
  };
  if (experts <= kMostBars) {
    std::for_each(order.begin(), order.end(), add);
  } else {
    std::for_each(order.begin(), order.begin() + kMostBars / 2, add);
    screen.line(fmt::format("         … {} experts between …", experts - kMostBars));
    std::for_each(order.end() - kMostBars / 2, order.end(), add);
  }
}

// How max_violation went, where there are enough steps to call it a course.
void add_steps(Screen& screen, const RunRecord& r) {
  constexpr std::size_t kFewestSteps = 8;
  constexpr int kSigns = 32;
  if (r.step_rows.size() < kFewestSteps) {
    return;
  }
  std::vector<double> course;
  for (const StepRow& step : r.step_rows) {
    course.push_back(step.max_violation);
  }
  const auto [least, most] = std::minmax_element(course.begin(), course.end());
  screen.line(fmt::format("  {:<20} {:>8}   {} {:.3g} to {:.3g} in single steps, which have more chance",
                          "step by step", "", sparkline(course, *most, kSigns, screen.style().unicode),
                          *least, *most));
}

void add_balance(Screen& screen, const RunRecord& r) {
  const LoadStats& s = r.mean_routed;
  const NoiseFloor* f = r.noise_floor ? &*r.noise_floor : nullptr;
  const auto row = [&](const char* name, const std::string& value, const std::string& chance,
                       const char* meaning) {
    screen.line(fmt::format("  {:<20} {:>8}   {:<32} {}", name, value, chance, meaning));
  };
  const auto chance_and_tail = [&](Floor NoiseFloor::*floor) {
    return f == nullptr ? "" : fmt::format("chance {:.4g} (95 %: {:.4g})", (f->*floor).mean, (f->*floor).p95);
  };
  // Entropy is bad when small, and near 1 its differences are in the later digits.
  const auto entropy = [](double value) { return fmt::format("{:.5f}", value); };
  const auto number = [](double value) { return fmt::format("{:.4g}", value); };
  screen.heading("BALANCE", r.shape.num_layers > 1
                                ? fmt::format("mean of {} layers, before drops; worst max_violation {:.3g}",
                                              r.shape.num_layers, r.worst_max_violation)
                                : "before drops, beside what a uniform random router would show");
  row("max_violation", number(s.max_violation), chance_and_tail(&NoiseFloor::max_violation),
      "busiest expert over fair share, less 1");
  row("load CV", number(s.cv), chance_and_tail(&NoiseFloor::cv), "spread of the loads over their mean");
  row("load Gini", number(s.gini), chance_and_tail(&NoiseFloor::gini), "0 all equal, towards 1 all on one");
  row("load entropy", entropy(s.entropy),
      f == nullptr ? ""
                   : fmt::format("chance {} (5 %: {})", entropy(f->entropy.mean), entropy(f->entropy.p05)),
      "1 all equal");
  row("effective experts", number(s.effective_experts),
      f == nullptr
          ? ""
          : fmt::format("chance {:.4g} (5 %: {:.4g})", f->effective_experts.mean, f->effective_experts.p05),
      "as many with equal loads would spread as much");
  if (r.steering) {
    row("of the first step", number(r.steering->first_max_violation), "", "before the controller acts");
    row("of the last step", number(r.steering->last_max_violation), "",
        "as timed; a step has fewer tokens, so more chance, than the run");
    screen.line(fmt::format("  {:<20} {}", "steered by", display_safe(r.steering->controller)));
  }
  add_steps(screen, r);
  if (s.dead_experts > 0) {
    screen.line(fmt::format("  {:<20} {:>8}   of {} experts of all layers", "never chosen", s.dead_experts,
                            r.shape.pool_size() * r.shape.num_layers));
  }
  if (r.shape.zero_computation_experts() > 0) {
    screen.line(
        fmt::format("  {:<20} {:>8}   of the kept assignments; equal loads would give {}", "on ffn experts",
                    percent(r.ffn_rows_fraction),
                    percent(ffn_share(1.0, r.shape.num_experts, r.shape.zero_computation_experts()))));
  }
  LayerCounts counts;
  for (const LayerResult& layer : r.layers) {
    counts.add(layer.counts);
  }
  if (counts.rerouted > 0) {
    const double share = static_cast<double>(counts.rerouted) / static_cast<double>(counts.assignments);
    screen.line(fmt::format("  {:<20} {:>8}   of the assignments run on another expert, their own was full",
                            "re-routed", percent(share)));
  }
  if (r.dropped_fraction > 0) {
    std::string deciles;
    for (std::size_t d = 0; d < kDeciles; ++d) {
      const double routed = static_cast<double>(counts.routed_in_decile[d]);
      deciles += fmt::format(
          " {:.0f}", routed > 0 ? 100.0 * static_cast<double>(counts.dropped_in_decile[d]) / routed : 0);
    }
    const std::string group = value_of(r, "capacity.group");
    screen.line(fmt::format("  {:<20} {:>8}   by tenth of {}, %:{}", "dropped", percent(r.dropped_fraction),
                            group.empty() || group == "batch" ? "the batch" : "a group", deciles));
  }
}

std::string variant_title(const RunRecord& r, const VariantResult& v) {
  if (v.name == "moe") {
    const bool has_top_k = r.exact_k && !r.expert_side && r.slots == 0;
    return r.executed ? (has_top_k ? fmt::format("MoE top-{}", r.top_k) : "MoE") : "routing only";
  }
  if (v.name == "dense_same_active") {
    return "dense, same active";
  }
  return v.name == "dense_same_total"   ? "dense, same total"
         : v.name == "dense_same_flops" ? "dense, same FLOPs"
         : v.name == "dense_same_time"  ? "dense, same time"
                                        : v.name;
}

void add_throughput(Screen& screen, const RunRecord& r) {
  if (r.timing.verdict == Verdict::not_timed) {
    return;
  }
  screen.heading(
      "THROUGHPUT",
      fmt::format("tokens/s through {}, with {:.0f} % intervals",
                  r.executed || r.shape.num_layers > 1 ? layers_word(r.shape.num_layers) : "the router",
                  100 * interval_confidence(static_cast<std::size_t>(r.timing.rounds))));
  for (const VariantResult& v : r.variants) {
    if (v.name == "yardstick") {
      continue;
    }
    if (!v.skipped.empty()) {
      screen.line(fmt::format("  {:<20} skipped: {}", variant_title(r, v), v.skipped));
      continue;
    }
    const std::string range =
        fmt::format("[{} .. {}]", short_number(v.tokens_per_s.low), short_number(v.tokens_per_s.high));
    const bool moe = v.name == "moe";
    const std::string caveat = moe ? rows_caveat(r) : warm_caveat(r);
    const std::string ratio =
        (moe ? ""
             : fmt::format("  {:.2f}x MoE [{:.2f} .. {:.2f}]", v.ratio.median, v.ratio.low, v.ratio.high)) +
        (caveat.empty() ? "" : fmt::format("{}({})", moe ? "  " : " ", caveat));
    const std::string rate = r.executed || r.has_gate ? fmt::format(" {:>7.1f} GFLOP/s", v.gflops) : "";
    const std::string rest = rate + ratio;
    screen.line(fmt::format("  {:<20} {:>9} {:<{}}{}", variant_title(r, v),
                            short_number(v.tokens_per_s.median), range, rest.empty() ? 0 : 22, rest));
  }
  const std::string cores = fmt::format("{}; {} on cores worth {:.2f}, {} balanced",
                                        counted(static_cast<std::uint64_t>(r.timing.rounds), "round"),
                                        counted(static_cast<std::uint64_t>(r.timing.threads), "thread"),
                                        r.timing.effective_cores, percent(r.timing.worker_balance));
  screen.line(r.executed ? fmt::format("  the MoE runs at {:.2f} of the yardstick's GFLOP/s; {}",
                                       r.timing.yardstick_ratio, cores)
                         : "  " + cores);
  if (r.executed && r.timing.weights == WeightState::warm) {
    screen.line(fmt::format(
        "  weights warm in cache: figures for small batches flatter the smaller layer; num_layers ≥ "
        "{} makes them cold ({} of weights)",
        r.timing.layers_for_cold,
        short_bytes(static_cast<double>(r.weight_bytes) / static_cast<double>(r.shape.num_layers) *
                    static_cast<double>(r.timing.layers_for_cold))));
  }
}

void add_parameters(Screen& screen, const RunRecord& r) {
  if (!r.executed) {
    return;  // there are no experts that could have any
  }
  screen.heading("PARAMETERS", "of one layer");
  screen.line(fmt::format(
      "  total {}   active per token {} ({})   with the experts really used {}   weights {}",
      short_number(static_cast<double>(r.nominal.total_params)), short_number(r.nominal.active_params),
      percent(r.nominal.active_params /
              static_cast<double>(std::max<std::uint64_t>(1, r.nominal.total_params))),
      short_number(r.realised.active_params),
      short_bytes(static_cast<double>(r.weight_bytes) / static_cast<double>(r.shape.num_layers))));
}

// How near the stages came to what the machine allowed in the same rounds.
void add_limits(Screen& screen, const RunRecord& r) {
  if (!r.timing.roofline) {
    return;
  }
  const Roofline& roofline = *r.timing.roofline;
  std::string shares;
  std::string predictions;
  for (const StageOfRoofline& stage : stages_of(r.timing)) {
    if (stage.limit.bound != Bound::none && stage.seconds > 0) {
      shares += fmt::format("   {} {:.2f} ({})", stage.name, stage.limit.seconds / stage.seconds,
                            bound_word(stage.limit.bound));
    }
    if (stage.predicted > 0 && stage.seconds > 0) {
      predictions += fmt::format("   {} {} ({:.2f})", stage.name, short_seconds(stage.predicted),
                                 stage.seconds / stage.predicted);
    }
  }
  screen.line("  of its limit" + shares);
  if (!predictions.empty()) {
    screen.line("  predicted (measured over it)" + predictions);
  }
  for (const VariantResult& v : r.variants) {
    if (v.limit_seconds > 0 && v.seconds.median > 0) {
      screen.line(fmt::format(
          "  {}: {:.2f} of its limit{}", variant_title(r, v), v.limit_seconds / v.seconds.median,
          v.predicted_seconds > 0 ? fmt::format(", predicted {} ({:.2f})", short_seconds(v.predicted_seconds),
                                                v.seconds.median / v.predicted_seconds)
                                  : ""));
    }
  }
  const std::string weights =
      r.executed ? fmt::format(", weights {:.0f} GB/s", roofline.rates.weights_read / 1e9) : "";
  screen.line(fmt::format("  limits measured between the rounds: {:.0f} GFLOP/s{}, rows {:.0f} GB/s{}",
                          roofline.rates.flops / 1e9, weights, roofline.rates.rows_read / 1e9,
                          roofline.shares.empty() ? "" : "; shares of the kernels " + roofline.shares));
}

void add_stages(Screen& screen, const RunRecord& r) {
  const StageSeconds& s = r.timing.stages;
  const double total = s.total();
  if (r.timing.verdict == Verdict::not_timed || total <= 0) {
    return;
  }
  screen.heading("WHERE THE TIME GOES", fmt::format("{} a step", short_seconds(total)));
  std::string line;
  for (const StageOfRoofline& stage : stages_of(r.timing)) {
    const std::string_view name = stage.name;
    const bool happens = name == "gate"   ? r.has_gate
                         : name == "norm" ? value_of(r, "workload.kind") != "synthetic_logits"
                                          : name == "route" || name == "plan";
    if (r.executed || happens) {
      line += fmt::format("{}{} {}", line.empty() ? "  " : "   ", name, percent(stage.seconds / total));
    }
  }
  screen.line(line);
  add_limits(screen, r);
}

void add_close(Screen& screen, const RunRecord& r) {
  const std::string words = describe_in_words(r);
  if (!words.empty()) {
    screen.heading("IN WORDS");
    screen.paragraph(words);
  }
  screen.line();
  if (r.timing.verdict != Verdict::not_timed) {
    std::string reasons;
    for (const std::string& reason : r.timing.reasons) {
      reasons += (reasons.empty() ? ": " : "; ") + reason;
    }
    screen.paragraph(fmt::format("timing {}{}", verdict_word(r.timing.verdict), reasons));
  }
  screen.line("next    " + next_step(r, screen.style().program));
}

}  // namespace

std::string layers_word(Index layers) {
  return layers == 1 ? "one layer" : fmt::format("{} layers", layers);
}

std::string render_screen(const RunRecord& record, const ScreenStyle& style) {
  Screen screen(style);
  add_head(screen, record);
  add_tokens(screen, record);
  add_load(screen, record);
  add_balance(screen, record);
  add_throughput(screen, record);
  add_parameters(screen, record);
  add_stages(screen, record);
  add_close(screen, record);
  return screen.take();
}

}  // namespace moesim
