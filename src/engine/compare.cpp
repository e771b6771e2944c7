#include "engine/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>

#include "core/error.h"
#include "engine/estimate.h"
#include "engine/recorded_steps.h"
#include "engine/timed_rounds.h"
#include "engine/verdict.h"
#include "io/row_format.h"
#include "metrics/flatten.h"

namespace moesim {
namespace {

std::vector<Difference> differing_settings(const FlatRow& a, const FlatRow& b) {
  std::vector<Difference> differences;
  const auto is_setting = [](const FlatEntry& entry) {
    return entry.name.rfind("p.", 0) == 0 && entry.name.rfind("p.measure.", 0) != 0;
  };
  for (const FlatEntry& entry : a) {
    const FlatValue* other = find_value(b, entry.name);
    if (is_setting(entry) && (other == nullptr || *other != entry.value)) {
      differences.push_back({entry.name, entry.value, other == nullptr ? FlatValue() : *other});
    }
  }
  for (const FlatEntry& entry : b) {
    if (is_setting(entry) && find_value(a, entry.name) == nullptr) {
      differences.push_back({entry.name, {}, entry.value});
    }
  }
  return differences;
}

bool same_text(const FlatRow& a, const FlatRow& b, const std::string& name) {
  const FlatValue* x = find_value(a, name);
  const FlatValue* y = find_value(b, name);
  return x != nullptr && y != nullptr && std::holds_alternative<std::string>(*x) && *x == *y;
}

Comparison against(const FlatRow& a, FlatRow record, const std::string& title) {
  Comparison comparison;
  comparison.title = title;
  comparison.settings = differing_settings(a, record);
  comparison.same_routing = same_text(a, record, "m.routing_hash");
  comparison.same_output = same_text(a, record, "m.output_hash");
  comparison.record = std::move(record);
  return comparison;
}

std::vector<double> seconds_of(const VariantResult& variant) {
  std::vector<double> seconds;
  for (const Sample& sample : variant.samples) {
    seconds.push_back(sample.seconds);
  }
  return seconds;
}

void check_memory_together(const std::vector<CompareInput>& inputs, const MachineInfo& machine) {
  std::uint64_t total = 0;
  for (const CompareInput& input : inputs) {
    const int threads = resolve_threads(input.experiment, {}, machine);
    check_memory(input.experiment, threads, machine, {});           // no baseline takes part
    total += estimate_memory(input.experiment, threads, {}).total;  // each is below the limit: no overflow
  }
  if (machine.memory_limit_bytes != 0 && total > machine.memory_limit_bytes) {
    throw Error(
        ErrorKind::out_of_memory,
        fmt::format(
            "moesim compare: error: the {} runs need {:.1f} GiB together; expected at most {:.1f} GiB "
            "[out-of-memory]",
            inputs.size(), static_cast<double>(total) / (1 << 30),
            static_cast<double>(machine.memory_limit_bytes) / (1 << 30)),
        "moesim run each of them, then compare their folders");
  }
}

}  // namespace

CompareResult compare_live(const std::vector<CompareInput>& inputs, const CompareOptions& options) {
  const MachineInfo machine = read_machine();
  check_memory_together(inputs, machine);
  RunOptions run_options;
  run_options.on_progress = options.on_progress;
  run_options.stop_requested = options.stop_requested;
  std::vector<std::unique_ptr<RunState>> states;
  std::vector<RunRecord> records;
  int repeats = 1;
  for (const CompareInput& input : inputs) {
    states.push_back(std::make_unique<RunState>(input.experiment, run_options, machine));
    RunState& state = *states.back();
    state.stack = make_moe_stack(input.experiment, state.context);
    records.push_back(record_run(state));
    if (!records.back().step_rows.empty() && records.back().tokens > 0) {
      repeats = std::max(repeats, choose_repeats(records.back().step_rows.back().seconds,
                                                 most_batches_in_a_sample(input.experiment)));
    }
  }
  std::vector<Contestant> contestants;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    contestants.push_back(moe_contestant(*states[i], records[i]));
    contestants.back().result.tokens = records[i].tokens;
    contestants.back().result.layers = records[i].shape.num_layers;
  }
  const auto prepare = [&](Index round) {
    for (const std::unique_ptr<RunState>& state : states) {
      prepare_round(*state, round, repeats);
    }
  };
  prepare(0);
  for (Contestant& contestant : contestants) {
    contestant.run();
  }
  CompareResult result;
  constexpr int kFewestRounds = 12;  // six pairs
  result.rounds = run_contest(
      contestants, {.seconds = options.budget_s,
                    .min_rounds = kFewestRounds,
                    .repeats = repeats,
                    .prepare = prepare,
                    .go_on = [&](Index, double spent) {
                      states.front()->progress(
                          "measuring", options.budget_s > 0 ? std::min(1.0, spent / options.budget_s) : 1.0);
                      result.interrupted = states.front()->stop_requested();
                      return !result.interrupted;
                    }});
  summarise(contestants);
  const std::vector<double> seconds_a = seconds_of(contestants.front().result);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    RunRecord& record = records[i];
    record.variants.push_back(contestants[i].result);
    record.timing.rounds = result.rounds;
    record.timing.repeats = repeats;
    record.estimated_bytes = estimate_memory(inputs[i].experiment, record.timing.threads, {}).total;
    record.peak_rss_bytes = peak_rss_bytes();
    FlatRow row = flatten(record);  // not timed: of all times only these were measured
    const VariantResult& moe = contestants[i].result;
    if (record.tokens > 0) {
      row.push_back({"m.tokens_per_s", moe.tokens_per_s.median});
      row.push_back({"m.tokens_per_s.lo", moe.tokens_per_s.low});
      row.push_back({"m.tokens_per_s.hi", moe.tokens_per_s.high});
      row.push_back({"m.step_seconds", moe.seconds.median});
    }
    result.entries.push_back(against(i == 0 ? row : result.entries.front().record, row, inputs[i].title));
    Comparison& entry = result.entries.back();
    entry.timed = record.tokens > 0 && records.front().tokens > 0;
    for (const LayerResult& layer : record.layers) {
      entry.loads.push_back(layer.counts.routed_per_expert);
    }
    entry.seconds = seconds_of(contestants[i].result);
    // Tokens a step may differ: seconds a token count.
    std::vector<double> seconds_b = entry.seconds;
    const double scale =
        static_cast<double>(records.front().tokens) / static_cast<double>(std::max<Index>(1, record.tokens));
    for (double& seconds : seconds_b) {
      seconds *= scale;
    }
    entry.ratios = paired_ratios(seconds_a, seconds_b);
    entry.speed = compare_rounds(seconds_a, seconds_b, kLiveMargin);
  }
  return result;
}

namespace {

struct StoredRun {
  std::unique_ptr<ResultStore> store;
  std::vector<StoredPoint> points;  // finished ones
};

StoredRun open_run(const std::string& folder) {
  StoredRun run{std::make_unique<ResultStore>(folder, Database::Access::read), {}};
  run.store->for_each_point([&](const StoredPoint& point) {
    if (point.status == PointStatus::done) {
      run.points.push_back(point);
    }
  });
  return run;
}

std::string key_of(const FlatRow& parameters) {
  std::string key;
  for (const FlatEntry& entry : parameters) {
    key += (key.empty() ? "" : " ") + entry.name + "=" + plain_text(entry.value);
  }
  return key;
}

// Seconds of the MoE over those of the yardstick in the same round, per token and layer being the same or
// not.
std::vector<double> relative_seconds(const ResultStore& store, const StoredPoint& point) {
  const FlatValue* tokens = find_value(point.record, "p.workload.tokens");
  const double per_token =
      tokens != nullptr && std::holds_alternative<std::int64_t>(*tokens)
          ? 1.0 / static_cast<double>(std::max<std::int64_t>(1, std::get<std::int64_t>(*tokens)))
          : 1.0;
  std::vector<double> relative;
  for (const StoredSample& sample : store.samples(point.id)) {
    if (sample.variant == "moe" && sample.yardstick_seconds > 0) {
      relative.push_back(sample.seconds * per_token / sample.yardstick_seconds);
    }
  }
  return relative;
}

}  // namespace

std::vector<CompareResult> compare_stored_runs(const std::string& folder_a, const std::string& folder_b) {
  const StoredRun a = open_run(folder_a);
  const StoredRun b = open_run(folder_b);
  std::map<std::string, const StoredPoint*> points_b;
  for (const StoredPoint& point : b.points) {
    points_b.emplace(key_of(point.parameters), &point);
  }
  const bool single = a.points.size() == 1 && b.points.size() == 1;
  std::vector<CompareResult> results;
  for (const StoredPoint& point : a.points) {
    const auto found = points_b.find(key_of(point.parameters));
    const StoredPoint* other = single ? &b.points.front() : found == points_b.end() ? nullptr : found->second;
    if (other == nullptr) {
      continue;
    }
    CompareResult result;
    result.live = false;
    result.parameters = single ? "" : key_of(point.parameters);
    result.entries.push_back(against(point.record, point.record, folder_a));
    result.entries.push_back(against(point.record, other->record, folder_b));
    const std::vector<double> relative_a = relative_seconds(*a.store, point);
    const std::vector<double> relative_b = relative_seconds(*b.store, *other);
    result.entries.back().timed = !relative_a.empty() && !relative_b.empty();
    result.entries.back().speed = compare_stored(relative_a, relative_b, kStoredMargin);
    results.push_back(std::move(result));
  }
  if (results.empty()) {
    throw Error(
        ErrorKind::bad_data,
        fmt::format(
            "moesim compare: error: {} and {} have no finished point in common; expected sweeps over the "
            "same values [bad-record]",
            folder_a, folder_b));
  }
  return results;
}

}  // namespace moesim
