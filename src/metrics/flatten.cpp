#include "metrics/flatten.h"

#include <fmt/format.h>

#include "config/scalars.h"
#include "config/yaml.h"
#include "dispatch/layout.h"
#include "metrics/same_time.h"

namespace moesim {
namespace {

class RowBuilder {
 public:
  void add(std::string name, FlatValue value) { row_.push_back({std::move(name), std::move(value)}); }
  void append(const FlatRow& rows) { row_.insert(row_.end(), rows.begin(), rows.end()); }
  void count(std::string name, std::uint64_t value) {
    add(std::move(name), static_cast<std::int64_t>(value));
  }
  void interval(const std::string& name, const Interval& interval) {
    add(name, interval.median);
    add(name + ".lo", interval.low);
    add(name + ".hi", interval.high);
  }
  FlatRow take() { return std::move(row_); }

 private:
  FlatRow row_;
};

void add_balance(RowBuilder& row, const RunRecord& record) {
  const auto stats = [&](const std::string& prefix, const LoadStats& s) {
    row.add(prefix + "max_violation", s.max_violation);
    row.add(prefix + "min_over_mean", s.min_over_mean);
    row.add(prefix + "load_cv", s.cv);
    row.add(prefix + "load_gini", s.gini);
    row.add(prefix + "load_entropy", s.entropy);
    row.add(prefix + "effective_experts", s.effective_experts);
    row.add(prefix + "dead_experts", s.dead_experts);
  };
  stats("m.", record.mean_routed);
  stats("m.processed.", record.mean_processed);
  row.add("m.max_violation.worst_layer", record.worst_max_violation);
  double per_step = 0;
  for (const LayerResult& layer : record.layers) {
    per_step += layer.mean_step_max_violation / static_cast<double>(record.layers.size());
  }
  row.add("m.max_violation.mean_of_steps", per_step);
  if (record.steering) {
    row.add("m.max_violation.first_step", record.steering->first_max_violation);
    row.add("m.max_violation.last_step", record.steering->last_max_violation);
  }
  if (record.noise_floor) {
    const NoiseFloor& floor = *record.noise_floor;
    const auto add = [&](const std::string& name, const Floor& f) {
      row.add("m.noise_floor." + name, f.mean);
      row.add("m.noise_floor." + name + ".p05", f.p05);
      row.add("m.noise_floor." + name + ".p95", f.p95);
    };
    add("max_violation", floor.max_violation);
    add("min_over_mean", floor.min_over_mean);
    add("load_cv", floor.cv);
    add("load_gini", floor.gini);
    add("load_entropy", floor.entropy);
    add("effective_experts", floor.effective_experts);
    add("dead_experts", floor.dead_experts);
    row.add("m.noise_floor.approximate", floor.approximate);
  }
  for (std::size_t l = 0; l < record.layers.size() && record.layers.size() > 1 && l < 64; ++l) {
    const std::string prefix = "m.layer." + std::to_string(l) + ".";
    row.add(prefix + "max_violation", record.layers[l].routed.max_violation);
    row.add(prefix + "load_cv", record.layers[l].routed.cv);
  }
}

void add_drops(RowBuilder& row, const RunRecord& record) {
  LayerCounts all;
  for (const LayerResult& layer : record.layers) {
    all.add(layer.counts);
  }
  row.add("m.tokens_before_repeat", record.tokens_before_repeat == 0
                                        ? FlatValue()
                                        : FlatValue(static_cast<std::int64_t>(record.tokens_before_repeat)));
  row.count("m.assignments", all.assignments);
  row.count("m.dropped", all.dropped());
  row.add("m.dropped_fraction", record.dropped_fraction);
  row.count("m.dropped.capacity", all.dropped() - all.outranked);
  row.count("m.dropped.outranked", all.outranked);
  row.count("m.rerouted", all.rerouted);
  row.count("m.tokens_without_expert", all.tokens_without_expert);
  row.add("m.capacity",
          record.capacity ? FlatValue(static_cast<std::int64_t>(*record.capacity)) : FlatValue());
  row.add("m.computed_rows_fraction", record.computed_rows_fraction);
  row.add("m.ffn_rows_fraction", record.ffn_rows_fraction);
  const auto kept = static_cast<double>(all.kept);
  row.add("m.padding_waste.to_largest", padding_waste(all.rows_to_largest, kept));
  row.add("m.padding_waste.to_capacity",
          record.capacity ? FlatValue(padding_waste(all.rows_to_capacity, kept)) : FlatValue());
  row.add("m.padding_waste.blocks_128", padding_waste(all.rows_in_blocks, kept));
  for (std::size_t d = 0; d < kDeciles; ++d) {
    const std::uint64_t routed = all.routed_in_decile[d];
    row.add("m.dropped_fraction.decile." + std::to_string(d),
            routed == 0 ? 0.0 : static_cast<double>(all.dropped_in_decile[d]) / static_cast<double>(routed));
  }
}

void add_variants(RowBuilder& row, const RunRecord& record) {
  for (const VariantResult& variant : record.variants) {
    const bool moe = variant.name == "moe";
    const std::string prefix = moe ? "m." : "m." + variant.name + ".";
    if (!moe && variant.name != "yardstick") {
      const bool known = variant.width > 0;  // not where it was to be found and was not
      row.add(prefix + "width", known ? FlatValue(static_cast<std::int64_t>(variant.width)) : FlatValue());
      row.add(prefix + "total_params",
              known ? FlatValue(static_cast<std::int64_t>(variant.total_params)) : FlatValue());
      row.count(prefix + "weight_bytes", variant.weight_bytes);
    }
    if (!variant.skipped.empty()) {
      row.add(prefix + "tokens_per_s", FlatValue());
      row.add(prefix + "skipped", variant.skipped);
      continue;
    }
    row.interval(prefix + "tokens_per_s", variant.tokens_per_s);
    row.interval(prefix + "step_seconds", variant.seconds);
    row.add(prefix + "gflops", variant.gflops);
    row.count(prefix + "samples", variant.samples.size());
    row.add(prefix + "outliers", static_cast<std::int64_t>(variant.outliers));
    if (variant.limit_seconds > 0) {
      row.add(prefix + "limit_fraction", variant.limit_seconds / variant.seconds.median);
    }
    if (variant.predicted_seconds > 0) {
      row.add(prefix + "predicted_seconds", variant.predicted_seconds);
    }
    if (!moe) {
      row.interval(prefix + "ratio_to_moe", variant.ratio);
    }
    if (variant.width_trials > 0) {
      row.add(prefix + "width_trials", static_cast<std::int64_t>(variant.width_trials));
      row.add(prefix + "widest", static_cast<std::int64_t>(variant.widest));
      row.add(prefix + "match", std::string(time_match_word(time_match(variant))));
    }
  }
}

void add_timing(RowBuilder& row, const TimingResult& timing) {
  row.add("m.yardstick_ratio", timing.yardstick_ratio > 0 ? FlatValue(timing.yardstick_ratio) : FlatValue());
  const StageSeconds& s = timing.stages;
  row.add("m.seconds.norm", s.norm);
  row.add("m.seconds.gate", s.gate);
  row.add("m.seconds.route", s.route);
  row.add("m.seconds.plan", s.plan);
  row.add("m.seconds.dispatch", s.dispatch);
  row.add("m.seconds.experts", s.experts);
  row.add("m.seconds.combine", s.combine);
  row.add("m.worker_balance", timing.worker_balance);
  row.add("measure.weights", std::string(timing.weights == WeightState::cold ? "cold" : "warm"));
  row.add("measure.weight_bytes_read", timing.coldest_bytes_read);
  row.add("measure.cold_threshold_bytes", timing.cold_threshold_bytes);
  row.add("measure.layers_for_cold", static_cast<std::int64_t>(timing.layers_for_cold));
  row.add("measure.effective_cores", timing.effective_cores);
  row.add("measure.threads", static_cast<std::int64_t>(timing.threads));
  row.add("measure.participants", static_cast<std::int64_t>(timing.participants));
  row.add("measure.rounds", static_cast<std::int64_t>(timing.rounds));
  row.add("measure.steps_per_sample", static_cast<std::int64_t>(timing.repeats));
  row.add("measure.seconds", timing.spent_s);
}

void add_roofline(RowBuilder& row, const TimingResult& timing) {
  if (!timing.roofline) {
    return;
  }
  for (const StageOfRoofline& stage : stages_of(timing)) {
    if (stage.limit.bound != Bound::none && stage.seconds > 0) {
      row.add(fmt::format("m.limit_fraction.{}", stage.name), stage.limit.seconds / stage.seconds);
      row.add(fmt::format("m.limit_bound.{}", stage.name), std::string(bound_word(stage.limit.bound)));
    }
    if (stage.predicted > 0) {
      row.add(fmt::format("m.predicted_seconds.{}", stage.name), stage.predicted);
    }
  }
  const Roofline& roofline = *timing.roofline;
  row.add("measure.limits.flops", roofline.rates.flops);
  row.add("measure.limits.weights_read", roofline.rates.weights_read);
  row.add("measure.limits.rows_read", roofline.rates.rows_read);
  row.add("measure.limits.source", std::string("measured between the rounds"));
  row.add("measure.limits.shares", roofline.shares.empty() ? FlatValue() : FlatValue(roofline.shares));
}

}  // namespace

std::string_view verdict_word(Verdict verdict) {
  switch (verdict) {
    case Verdict::not_timed:
      return "not_timed";
    case Verdict::ok:
      return "ok";
    case Verdict::noisy:
      return "noisy";
    case Verdict::invalid:
      return "invalid";
  }
  return "?";
}

FlatRow flatten(const RunRecord& record) {
  RowBuilder row;
  row.add("schema", std::string(kRunSchema));
  row.add("name", record.name);
  row.add("config", record.config_source);
  row.append(flatten_settings(record.resolved));
  const bool timed = record.timing.verdict != Verdict::not_timed;
  if (timed) {
    add_variants(row, record);
  }
  add_balance(row, record);
  add_drops(row, record);
  row.add("m.active_params", record.nominal.active_params);
  row.add("m.active_params.realised", record.realised.active_params);
  row.count("m.total_params", record.nominal.total_params);
  row.add("m.experts_per_token", record.mean_kept_experts);
  row.add("m.distinct_experts", record.mean_distinct_experts);
  row.add("m.flops_per_token", record.realised.flops_per_token);
  row.add("m.weight_bytes_per_token", record.realised.bytes_per_token);
  row.count("m.weight_bytes", record.weight_bytes);
  row.count("m.estimated_bytes", record.estimated_bytes);
  row.count("m.peak_rss_bytes", record.peak_rss_bytes);
  row.add("executor.layout", record.layout.empty() ? FlatValue() : FlatValue(record.layout));
  row.add("m.routing_hash", record.routing_hash);
  row.add("m.output_hash", record.output_hash.empty() ? FlatValue() : FlatValue(record.output_hash));
  if (timed) {
    add_timing(row, record.timing);
    add_roofline(row, record.timing);
  }
  row.add("timing.verdict", std::string(verdict_word(record.timing.verdict)));
  std::string reasons;
  for (const std::string& reason : record.timing.reasons) {
    reasons += (reasons.empty() ? "" : "; ") + reason;
  }
  row.add("timing.reasons", reasons);
  row.add("build.version", record.build.version);
  row.add("build.revision", record.build.revision);
  row.add("build.compiler", record.build.compiler);
  row.add("build.type", record.build.build_type);
  row.add("build.arch", record.build.arch);
  row.add("machine.processor", record.machine.processor);
  row.add("machine.usable_cores", static_cast<std::int64_t>(record.machine.usable_cores));
  row.count("machine.last_level_cache_bytes", record.machine.last_level_cache_bytes);
  row.count("machine.memory_bytes", record.machine.memory_bytes);
  return row.take();
}

FlatValue typed_value(const std::string& text) {
  Diagnostics ignored;
  const Node node = parse_yaml_value(text, {"value", 0, 0}, ignored);
  ScalarProblem problem;
  bool truth = false;
  std::int64_t whole = 0;
  double real = 0;
  if (read_bool(node, truth, problem)) {
    return truth;
  }
  if (read_whole(node, whole, problem)) {
    return whole;
  }
  // A whole number beyond 64-bit signed ones, such as a seed, keeps its digits as text.
  const bool digits = node.text.find_first_not_of("0123456789") == std::string::npos;
  if (!digits && read_real(node, real, problem)) {
    return real;
  }
  return node.kind == Node::Kind::scalar ? node.text : text;
}

FlatRow flatten_settings(const std::vector<ResolvedValue>& resolved) {
  FlatRow row;
  for (const ResolvedValue& value : resolved) {
    if (value.path != "name") {
      row.push_back({"p." + value.path, typed_value(value.value)});
    }
  }
  return row;
}

}  // namespace moesim
