#include "engine/estimate.h"

#include <gtest/gtest.h>

#include "core/build_info.h"
#include "core/error.h"
#include "engine/roofline.h"
#include "engine/run.h"
#include "support/temp_folder.h"

namespace moesim {
namespace {

Experiment experiment_with(const TempFolder& folder, const std::vector<std::string>& overrides) {
  return load_experiment(folder.write("c.yaml",
                                      "layer: {d_model: 256, d_ff: 512, num_experts: 8}\n"
                                      "workload: {kind: gaussian_clusters, tokens: 1024, steps: 2}\n"
                                      "router: {preset: mixtral}\n"),
                         overrides);
}

MachineInfo machine_with(std::uint64_t bytes) {
  MachineInfo machine;
  machine.memory_limit_bytes = bytes;
  return machine;
}

TEST(EstimateMemory, CountsTheWeightsOfEveryVariant) {
  const TempFolder folder;
  const MemoryEstimate memory = estimate_memory(experiment_with(folder, {}), 2);
  std::uint64_t sum = 0;
  std::uint64_t experts = 0;
  for (const MemoryItem& item : memory.items) {
    sum += item.bytes;
    if (item.what == "experts" || item.what == "dense_same_total") {
      EXPECT_EQ(item.bytes, 8u * 3 * 256 * 512 * 4) << item.what;
      ++experts;
    }
  }
  EXPECT_EQ(experts, 2u);
  EXPECT_EQ(sum, memory.total);
}

TEST(Forecast, TheSearchForTheSameTimeCountsAndIsLeftOutWhereItWouldTakeTooLong) {
  const TempFolder folder;
  Experiment experiment = experiment_with(folder, {"baselines=[dense_same_flops, dense_same_time]"});
  const RunForecast forecast = forecast_run(experiment, {}, 1e11);
  ASSERT_EQ(forecast.variants.size(), 3u);
  double round = 0;
  for (const VariantForecast& variant : forecast.variants) {
    EXPECT_EQ(variant.skipped, "") << variant.name;
    round += variant.seconds_per_step;
  }
  EXPECT_EQ(forecast.variants[1].width, 1024 + 3);  // two experts, and 8·256 weights of the gate: 2.7 units
  EXPECT_NEAR(forecast.variants[2].seconds_per_step, forecast.variants[0].seconds_per_step,
              0.02 * forecast.variants[0].seconds_per_step);
  EXPECT_DOUBLE_EQ(forecast.minimum_seconds, round * (5 + 6));
  RunOptions hasty;
  hasty.budget_s = round;
  const std::string skipped = forecast_run(experiment, hasty, 1e11).variants[2].skipped;
  EXPECT_NE(skipped.find("for 5 samples and the search of its width, the budget is"), std::string::npos)
      << skipped;
}

TEST(Forecast, TheSearchRunsAllTheOthersWhereverItIsListed) {
  const TempFolder folder;
  const auto forecast = [&](const std::string& baselines) {
    return forecast_run(experiment_with(folder, {"baselines=" + baselines}), {}, 1e11);
  };
  EXPECT_DOUBLE_EQ(forecast("[dense_same_time, dense_same_total]").minimum_seconds,
                   forecast("[dense_same_total, dense_same_time]").minimum_seconds);
  const RunForecast first = forecast("[dense_same_time, dense_same_total]");
  EXPECT_EQ(first.variants[1].name, "dense_same_time");
}

TEST(EstimateMemory, BatchesMadeBeforehandAreFewAndCounted) {
  const TempFolder folder;
  const auto beforehand = [&](const std::string& tokens) {
    const Experiment experiment = experiment_with(folder, {"workload.tokens=" + tokens});
    for (const MemoryItem& item : estimate_memory(experiment, 2).items) {
      if (item.what == "batches made beforehand") {
        return std::pair(most_batches_in_a_sample(experiment), item.bytes);
      }
    }
    return std::pair(Index{0}, std::uint64_t{0});
  };
  EXPECT_EQ(beforehand("1"), std::pair(Index{1000}, std::uint64_t{999} * 1024));
  EXPECT_EQ(beforehand("1024"), std::pair(Index{16}, std::uint64_t{15} << 20));
  EXPECT_EQ(beforehand("100000"), std::pair(Index{1}, std::uint64_t{0}));
}

std::uint64_t bytes_for(const MemoryEstimate& memory, std::string_view what) {
  for (const MemoryItem& item : memory.items) {
    if (item.what == what) {
      return item.bytes;
    }
  }
  ADD_FAILURE() << "no " << what;
  return 0;
}

TEST(EstimateMemory, AThreadNeedsNoMoreSumsThanALayerHasColumns) {
  const TempFolder folder;
  for (const char* weights : {"float32", "int8"}) {
    const Experiment small = experiment_with(
        folder, {"layer.d_model=16", "layer.d_ff=64", "workload.tokens=64",
                 std::string("executor.weights=") + weights, "executor.instructions=portable",
                 weights == std::string("int8") ? "executor.activations=int8" : "executor.activations=auto"});
    const std::uint64_t of_thread = (bytes_for(estimate_memory(small, 101), "rows of the experts") -
                                     bytes_for(estimate_memory(small, 1), "rows of the experts")) /
                                    100;
    EXPECT_GE(of_thread, 64u * 64 * 4) << weights;           // a hot expert's rows
    EXPECT_LE(of_thread, 4u * 384 * 2 * 64 * 4) << weights;  // gated columns of the rows of a task
  }
}

TEST(EstimateMemory, TokensWithLogitsHaveNoVectorsAndThreadsCountForThemselves) {
  const TempFolder folder;
  const auto experiment = [&](const std::string& d_model) {
    return load_experiment(
        folder.write("logits.yaml", "layer: {d_model: " + d_model +
                                        ", num_experts: 500000}\n"
                                        "workload: {kind: synthetic_logits, tokens: 3, steps: 400}\n"
                                        "router: {preset: mixtral}\n"
                                        "execute: false\n"),
        {});
  };
  EXPECT_EQ(estimate_memory(experiment("4"), 2).total, estimate_memory(experiment("1000000"), 2).total);
  EXPECT_EQ(estimate_memory(experiment("4"), 400).total, estimate_memory(experiment("4"), 1000).total);
  // A thread's logits and popularity, and at least four counts of 8 bytes beside four counters of each
  // expert.
  const std::uint64_t of_thread = (bytes_for(estimate_memory(experiment("4"), 4), "steps at a time") -
                                   bytes_for(estimate_memory(experiment("4"), 2), "steps at a time")) /
                                  2;
  EXPECT_GE(of_thread, 500'000u * (4 * 4 + 4 * 8 + 3 * 8));
  EXPECT_EQ(most_batches_in_a_sample(experiment("4")), 2);  // of 6 MB each
}

TEST(Forecast, OfAStreamCountsNoVectorsAndItsStepsSideBySide) {
  const TempFolder folder;
  const auto seconds = [&](const std::vector<std::string>& settings) {
    const Experiment stream =
        load_experiment(folder.write("stream.yaml",
                                     "layer: {d_model: 16, num_experts: 64}\n"
                                     "workload: {kind: synthetic_logits, tokens: 4096, steps: 100}\n"
                                     "router: {preset: mixtral}\nexecute: false\n"),
                        settings);
    return forecast_run(stream, {}, 1e11).record_seconds;
  };
  const double one = seconds({"executor.threads=1"});
  EXPECT_DOUBLE_EQ(one, seconds({"executor.threads=1", "layer.d_model=100000"}));
  EXPECT_DOUBLE_EQ(one / 4, seconds({"executor.threads=4"}));
  EXPECT_DOUBLE_EQ(seconds({"workload.steps=2", "executor.threads=2"}),
                   seconds({"workload.steps=2", "executor.threads=8"}));
  EXPECT_LT(one, seconds({"executor.threads=1", "layer.num_experts=256"}));
  EXPECT_LT(one, seconds({"executor.threads=1", "router={kind: expert_choice}"}));
}

TEST(CheckMemory, ABillionExpertsAreRefusedWithASettingThatFits) {
  const TempFolder folder;
  const Experiment huge = experiment_with(folder, {"layer.num_experts=1000000000"});
  const MachineInfo machine = machine_with(std::uint64_t{4} << 30);
  try {
    check_memory(huge, 2, machine);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::out_of_memory);
    EXPECT_NE(std::string(error.what()).find("expected at most 4.0 GiB"), std::string::npos) << error.what();
    ASSERT_EQ(error.help().rfind("--set layer.num_experts=", 0), 0u) << error.help();
    const std::string setting = error.help().substr(6, error.help().find(" would") - 6);
    EXPECT_NO_THROW(check_memory(experiment_with(folder, {setting}), 2, machine)) << setting;
  }
}

TEST(CheckMemory, SizesThatOverflowAreRefusedToo) {
  const TempFolder folder;
  const Experiment huge = experiment_with(
      folder, {"layer.num_experts=1000000000000", "layer.d_ff=1000000000000", "layer.d_model=1099511627776"});
  EXPECT_THROW(check_memory(huge, 2, machine_with(std::uint64_t{4} << 30)), Error);
}

TEST(CheckMemory, WidthsThatDoNotFitTheSumsOfInt8AreNotCalledAMatterOfMemory) {
  const TempFolder folder;
  const auto wide = [&](const std::string& type) {
    return experiment_with(folder,
                           {"layer.d_model=1", "layer.d_ff=17000000", "layer.num_experts=1", "router.top_k=1",
                            "baselines=[]", "workload.tokens=2", "executor.weights=" + type,
                            "executor.activations=" + type, "executor.instructions=portable"});
  };
  const MachineInfo machine = machine_with(std::uint64_t{64} << 30);
  try {
    check_memory(wide("int8"), 2, machine);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::config);
    EXPECT_EQ(error.help(), "leave out executor.activations");
  }
  EXPECT_NO_THROW(check_memory(wide("bf16"), 2, machine));
}

TEST(CheckMemory, TooManyTokensSuggestFewer) {
  const TempFolder folder;
  const Experiment many = experiment_with(folder, {"workload.tokens=16000000"});
  const MachineInfo machine = machine_with(std::uint64_t{1} << 30);
  try {
    check_memory(many, 2, machine);
    FAIL();
  } catch (const Error& error) {
    ASSERT_EQ(error.help().rfind("--set workload.tokens=", 0), 0u) << error.help();
    const std::string setting = error.help().substr(6, error.help().find(" would") - 6);
    EXPECT_NO_THROW(check_memory(experiment_with(folder, {setting}), 2, machine));
  }
}

TEST(CheckMemory, VectorsThatAreTooWideSuggestNarrowerOnes) {
  const TempFolder folder;
  const MachineInfo machine = machine_with(std::uint64_t{1} << 30);
  for (const char* workload : {"{kind: gaussian_clusters, tokens: 1024}", "{kind: zipf_topics, tokens: 1024}",
                               "{kind: text, files: [corpus.txt], tokens: 1024}"}) {
    folder.write("corpus.txt", "words and more words");
    const std::string made_by = std::string("workload=") + workload;
    const Experiment wide = experiment_with(folder, {"layer.d_model=100000000", made_by});
    try {
      check_memory(wide, 2, machine);
      FAIL() << workload;
    } catch (const Error& error) {
      ASSERT_EQ(error.help().rfind("--set layer.d_model=", 0), 0u) << workload << ": " << error.help();
      const std::string setting = error.help().substr(6, error.help().find(" would") - 6);
      EXPECT_NO_THROW(check_memory(experiment_with(folder, {setting, made_by}), 2, machine)) << setting;
    }
  }
}

TEST(CheckMemory, ABaselineThatIsSkippedForItsTimeNeedsNoMemory) {
  const TempFolder folder;
  const auto with_budget = [&](const std::string& budget) {
    return experiment_with(folder, {"layer.num_experts=64", "measure.budget_s=" + budget});
  };
  const Experiment hasty = with_budget("0.001");
  const std::vector<Baseline> run = {Baseline::dense_same_active};
  const std::uint64_t needed = estimate_memory(hasty, resolve_threads(hasty, {}, read_machine()), run).total;
  const MachineInfo machine = [&] {
    MachineInfo info = read_machine();
    info.memory_limit_bytes = needed;
    return info;
  }();
  EXPECT_NO_THROW(check_run_fits(hasty, {}, machine));
  EXPECT_EQ(forecast_run(hasty, {}).bytes, needed);
  EXPECT_THROW(check_run_fits(with_budget("1000"), {}, machine), Error) << "runs dense_same_total too";
  MachineInfo smaller = machine;
  smaller.memory_limit_bytes = needed - 1;
  EXPECT_THROW(check_run_fits(hasty, {}, smaller), Error);
}

TEST(ForecastRun, MeasuringTheSharesTakesMemoryWhereItIsDone) {
  const TempFolder folder;
  const Experiment experiment = experiment_with(folder, {});
  BuildInfo build;
  build.optimised = true;
  build.checks = false;
  build.sanitizers = "";
  RunOptions options;
  options.measure_shares = true;
  MachineInfo machine;
  RunForecast forecast;
  forecast.bytes = 1000;
  forecast.budget_s = 2;
  constexpr std::uint64_t kBytes = std::uint64_t{128} << 20;
  const auto bytes = [&] { return share_bytes({experiment, options, machine, build}, forecast); };
  EXPECT_EQ(bytes(), kBytes);
  machine.memory_limit_bytes = kBytes + 1000;
  EXPECT_EQ(bytes(), kBytes);
  machine.memory_limit_bytes -= 1;
  EXPECT_EQ(bytes(), 0u) << "no room";
  machine.memory_limit_bytes = 0;
  forecast.budget_s = 0.5;
  EXPECT_EQ(bytes(), 0u) << "no time";
  forecast.budget_s = 2;
  options.limits.emplace();
  EXPECT_EQ(bytes(), kBytes) << "those of other layouts";
  options.limits->layouts.resize(1);
  options.limits->layouts[0].layout = experiment.executor.executor->layout();
  EXPECT_EQ(bytes(), 0u) << "known";
  options.limits.reset();
  options.measure_shares = false;
  EXPECT_EQ(bytes(), 0u) << "nobody asked for them";
  options.measure_shares = true;
  build.checks = true;
  EXPECT_EQ(bytes(), 0u) << "such a build cannot measure";
}

TEST(EstimateMemory, TheForecastOfARoutingOnlyRunNeedsAYardstickToo) {
  const TempFolder folder;
  const auto yardstick = [&](const char* execute) {
    return bytes_for(estimate_memory(experiment_with(folder, {execute}), 2), "yardstick");
  };
  EXPECT_GT(yardstick("execute=false"), 512u * 1024 * 3 * 4);
  EXPECT_EQ(yardstick("execute=false"), yardstick("execute=true"));
}

TEST(ForecastRun, CountsAllThatTheRunDoes) {
  const TempFolder folder;
  RunOptions options;
  options.measure_shares = true;
  const RunForecast forecast = forecast_run(experiment_with(folder, {"measure.budget_s=2"}), options, 1e11);
  std::uint64_t sum = 0;
  for (const auto& [what, bytes] : forecast.memory) {
    sum += bytes;
  }
  EXPECT_EQ(sum, forecast.bytes);
  EXPECT_EQ(forecast.measures_shares, build_info().fit_to_measure());
  EXPECT_EQ(forecast.memory.back().first == "shares of the limits", forecast.measures_shares);
}

TEST(CheckMemory, AFittingRunPasses) {
  const TempFolder folder;
  EXPECT_NO_THROW(check_memory(experiment_with(folder, {}), 2, machine_with(std::uint64_t{1} << 30)));
}

TEST(ForecastRun, LeavesOutTheDenseLayerThatWouldTakeTooLong) {
  const TempFolder folder;
  const RunForecast forecast =
      forecast_run(experiment_with(folder, {"layer.num_experts=64", "measure.budget_s=0.001"}), {});
  ASSERT_EQ(forecast.variants.size(), 3u);
  EXPECT_EQ(forecast.variants[1].skipped, "");
  EXPECT_EQ(forecast.variants[1].width, 1024);
  EXPECT_NE(forecast.variants[2].skipped.find("needs "), std::string::npos);
  EXPECT_GT(forecast.yardstick_gflops, 0.0);
  EXPECT_GT(forecast.minimum_seconds, 0.0);
}

}  // namespace
}  // namespace moesim
