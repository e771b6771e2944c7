// How fast recorded routing is read and summarised, end to end, as moesim trace stats does it, and in how
// much memory. The trace is drawn anew each time: 64 experts, 8 of them for each token, some more often than
// others.
//
//   moesim_traces [folder] [millions of assignments] [threads]      (default: the temporary folder, 100, 2)

#include <fmt/format.h>
#include <tbb/global_control.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/machine.h"
#include "core/parallel.h"
#include "io/recording_write.h"
#include "trace/summary.h"

namespace {

using namespace moesim;
namespace fs = std::filesystem;

constexpr Index kLayers = 16;
constexpr Index kExperts = 64;
constexpr Index kTopK = 8;
constexpr Index kTokensOfABlock = 8192;

class Draws {
 public:
  std::uint32_t next() {  // xorshift64*
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return static_cast<std::uint32_t>((state_ * 0x2545f4914f6cdd1dU) >> 32);
  }
  // Low experts more often than high ones.
  std::int32_t expert() {
    const std::uint32_t a = next() % kExperts;
    const std::uint32_t b = next() % kExperts;
    return static_cast<std::int32_t>(a < b ? a : b);
  }

 private:
  std::uint64_t state_ = 88172645463325252U;
};

void fill(ChoiceBlock& block, Index layer, std::uint64_t first, bool weights, Draws& draws) {
  block.layer = layer;
  block.first_token = first;
  block.begin.assign(1, 0);
  block.expert.clear();
  block.weight.clear();
  block.sequence.clear();
  for (Index t = 0; t < kTokensOfABlock; ++t) {
    std::uint64_t taken = 0;
    for (Index i = 0; i < kTopK; ++i) {
      std::int32_t expert = draws.expert();
      while ((taken >> expert & 1) != 0) {
        expert = draws.expert();
      }
      taken |= std::uint64_t{1} << expert;
      block.expert.push_back(expert);
      if (weights) {
        block.weight.push_back(1.0F / static_cast<float>(i + 2));
      }
    }
    block.begin.push_back(static_cast<std::uint32_t>(block.expert.size()));
    block.sequence.push_back(static_cast<std::uint32_t>((first + static_cast<std::uint64_t>(t)) / 2048));
  }
}

// At least so many assignments; returns how many.
std::uint64_t write(const std::string& path, std::uint64_t assignments, bool weights) {
  RecordingInfo info;
  info.source = "moesim_traces";
  info.columns = {"num_experts", "top_k"};
  info.by_token = true;
  info.parts = {.weights = weights, .sequences = true};
  info.groups = {{.model = "", .domain = "", .labels = {}, .num_experts = kExperts, .top_k = kTopK}};
  const std::unique_ptr<RecordingWriter> writer = write_recording(path, info);
  Draws draws;
  ChoiceBlock block;
  std::uint64_t written = 0;
  for (std::uint64_t first = 0; written < assignments; first += kTokensOfABlock) {
    for (Index layer = 0; layer < kLayers; ++layer) {
      fill(block, layer, first, weights, draws);
      writer->add(info, block);
      written += block.expert.size();
    }
  }
  writer->close();
  return written;
}

void measure(const fs::path& folder, const std::string& name, std::uint64_t assignments,
             const Context& context) {
  const std::string path = folder / name;
  const bool weights = name.find(".moer") == std::string::npos || name.find("weights") != std::string::npos;
  const std::uint64_t written = write(path, assignments, weights);
  for (int round = 0; round < 3; ++round) {
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t processor = std::clock();
    const std::unique_ptr<Recording> recording = open_recording(path, {});
    const TraceSummary summary = summarise(*recording, {}, context);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    const double busy = static_cast<double>(std::clock() - processor) / CLOCKS_PER_SEC;
    MOESIM_CHECK(summary.assignments == written, "the summary has another number of assignments");
    const double millions = static_cast<double>(written) * 1e-6;
    fmt::print(
        "{:<18} {:>6.1f} M assignments, {:>7.1f} MB: {:>6.2f} s ({:.2f} s of processors), {:>6.1f} M/s, "
        "peak memory so far {} MiB\n",
        name, millions, static_cast<double>(fs::file_size(path)) * 1e-6, seconds.count(), busy,
        millions / seconds.count(), peak_rss_bytes() >> 20);
    std::fflush(stdout);
  }
  fs::remove(path);
}

int run(int argc, char** argv) {
  const fs::path folder = argc > 1 ? fs::path(argv[1]) : fs::temp_directory_path();
  const double millions = argc > 2 ? std::atof(argv[2]) : 100;
  const int threads = argc > 3 ? std::atoi(argv[3]) : 2;
  if (millions <= 0 || threads < 1) {
    fmt::print(stderr, "usage: moesim_traces [folder] [millions of assignments] [threads]\n");
    return 64;
  }
  const tbb::global_control control(tbb::global_control::max_allowed_parallelism,
                                    static_cast<std::size_t>(threads));
  const Context context({.threads = threads});
  const auto all = static_cast<std::uint64_t>(millions * 1e6);
  measure(folder, "trace.moer", all, context);
  measure(folder, "trace-weights.moer", all, context);
  measure(folder, "trace.moer.zst", all / 4, context);
  measure(folder, "trace.csv", all / 8, context);  // lines take ten times as long
  measure(folder, "trace.jsonl", all / 8, context);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
