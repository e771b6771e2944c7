// What keeping results costs: storing a point, exporting many.

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>

#include "core/machine.h"
#include "engine/run.h"
#include "metrics/flatten.h"
#include "store/export.h"

namespace {

using namespace moesim;

// Gone with the benchmark.
class Folder {
 public:
  Folder()
      : path_(std::filesystem::temp_directory_path() / ("moesim_store_bench_" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

// The quickstart with `experts` experts, as a run that is to be stored.
const RunRecord& record_of(Index experts) {
  static std::map<Index, RunRecord> records;
  if (records.count(experts) == 0) {
    const Experiment experiment = load_experiment(
        "quickstart",
        {"layer.num_experts=" + std::to_string(experts), "measure.min_samples=30", "measure.budget_s=0"});
    records[experts] = run_experiment(experiment, {.detail = true});
  }
  return records[experts];
}

StoredPoint point_of(const RunRecord& record, std::int64_t place) {
  StoredPoint point;
  point.id = std::to_string(place);
  point.place = place;
  point.record = flatten(record);
  point.finished = "2026-01-01T00:00:00Z";
  return point;
}

void store_point(benchmark::State& state) {
  const RunRecord& record = record_of(state.range(0));
  const Folder folder;
  ResultStore store(folder.path(), Database::Access::write);
  std::int64_t place = 0;
  for (auto _ : state) {
    store.put(point_of(record, place++), &record);
  }
}

void export_points(benchmark::State& state) {
  const RunRecord& record = record_of(8);
  const Folder folder;
  ResultStore store(folder.path(), Database::Access::write);
  RunRecord loads_only;
  loads_only.detail.loads = record.detail.loads;
  for (std::int64_t place = 0; place < state.range(0); ++place) {
    store.put(point_of(record, place), &loads_only);
  }
  const std::uint64_t before = peak_rss_bytes();
  for (auto _ : state) {
    export_jsonl(store, folder.path());
  }
  state.counters["MiB_more"] = static_cast<double>(peak_rss_bytes() - before) / (1 << 20);
  state.counters["MiB_written"] =
      static_cast<double>(std::filesystem::file_size(folder.path() + "/results.jsonl")) / (1 << 20);
}

BENCHMARK(store_point)->Arg(8)->Arg(64)->Unit(benchmark::kMillisecond);
BENCHMARK(export_points)->Arg(1'000)->Arg(10'000)->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace
