#pragma once
// A stored run with a bit of everything, whose texts may be chosen.

#include <string>

#include "page/pages.h"

namespace moesim::test {

struct StoredRun {
  StoredPoint point;
  StoredDetail detail;
};

inline StoredRun stored_run(const std::string& text = "word") {
  StoredRun run;
  StoredPoint& p = run.point;
  p.id = "0123";
  p.again = "moesim run " + text;
  p.finished = text;
  p.record = {{"name", text},
              {"config", text},
              {"p.layer.num_experts", std::int64_t{4}},
              {"p.layer.num_layers", std::int64_t{2}},
              {"p.workload.tokens", std::int64_t{100}},
              {"p.workload.steps", std::int64_t{2}},
              {"p.capacity.group", std::string("batch")},
              {"p.router.preset", text},
              {"m.tokens_per_s", 1000.0},
              {"m.tokens_per_s.lo", 900.0},
              {"m.tokens_per_s.hi", 1100.0},
              {"m.step_seconds", 0.1},
              {"m.gflops", 20.0},
              {"m.yardstick.step_seconds", 0.004},
              {"m.yardstick.gflops", 25.0},
              {"m.dense_same_active.tokens_per_s", 1500.0},
              {"m.dense_same_active.tokens_per_s.lo", 1400.0},
              {"m.dense_same_active.tokens_per_s.hi", 1600.0},
              {"m.dense_same_active.ratio_to_moe", 1.5},
              {"m.dense_same_active.ratio_to_moe.lo", 1.4},
              {"m.dense_same_active.ratio_to_moe.hi", 1.6},
              {"m.dense_same_active.total_params", std::int64_t{5000}},
              {"m.max_violation", 0.5},
              {"m.noise_floor.max_violation.p95", 0.1},
              {"m.load_gini", 0.2},
              {"m.load_cv", 0.3},
              {"m.capacity", std::int64_t{40}},
              {"m.dropped_fraction", 0.05},
              {"m.active_params", 5000.0},
              {"m.total_params", std::int64_t{20000}},
              {"m.seconds.gate", 0.01},
              {"m.seconds.experts", 0.08},
              {"m.limit_fraction.experts", 0.7},
              {"m.limit_bound.experts", text},
              {"timing.verdict", text},
              {"timing.reasons", text},
              {"machine.processor", text}};
  for (std::int64_t layer = 0; layer < 2; ++layer) {
    for (std::int64_t e = 0; e < 4; ++e) {
      run.detail.loads.push_back({-1, layer, e, 20 + 10 * e, 20 + 8 * e});
      run.detail.loads.push_back({0, layer, e, 10 + 5 * e, 10 + 4 * e});
      run.detail.loads.push_back({1, layer, e, 10 + 5 * e, 10 + 4 * e});
    }
    run.detail.pairs.push_back({layer, 0, 1, 17});
    run.detail.bins.push_back({"weight", layer, 0.0, 0.5, 10});
    run.detail.bins.push_back({"weight", layer, 0.5, 1.0, 20});
    run.detail.bins.push_back({"entropy", layer, 0.0, 1.0, 30});
  }
  run.detail.timings = {{"moe", -1, 0.2},        {"moe", 0, 0.1},
                        {"moe", 1, 0.11},        {"dense_same_active", 0, 0.07},
                        {"yardstick", 0, 0.005}, {text, 0, 0.1}};
  run.detail.spans = {{0, "experts", 0.0, 0.05}, {1, text, 0.01, 0.04}};
  run.detail.tokens = {{0, text, text}, {1, text, "other"}};
  run.detail.choices = {
      {0, 0, 1, 0.6, true}, {0, 0, 2, 0.4, false}, {1, 0, 3, 0.9, false}, {1, 1, 0, 0.7, true}};
  return run;
}

// Points of a sweep over experts and top-k, one of which failed.
inline std::vector<StoredPoint> stored_sweep(const std::string& text = "axis") {
  std::vector<StoredPoint> points;
  for (std::int64_t experts : {4, 8}) {
    for (std::int64_t k : {1, 2}) {
      StoredPoint point = stored_run(text).point;
      point.place = static_cast<std::int64_t>(points.size());
      point.id = std::to_string(point.place);
      point.parameters = {{"layer.num_experts", experts}, {"router.top_k", k}, {text, text}};
      for (FlatEntry& entry : point.record) {
        if (entry.name.rfind("m.tokens_per_s", 0) == 0) {
          entry.value = std::get<double>(entry.value) / static_cast<double>(k);
        }
      }
      points.push_back(std::move(point));
    }
  }
  points.back().status = PointStatus::failed;
  points.back().error = text;
  points.back().record.clear();
  return points;
}

}  // namespace moesim::test
