// Figures of public recordings, where they are there: MOESIM_DATA names the folder (docs/data.md).

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include "trace/marginal.h"
#include "trace/summary.h"

namespace moesim {
namespace {

class PublicData : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("MOESIM_DATA");
    if (folder == nullptr || *folder == '\0') {
      GTEST_SKIP() << "skipped: data not present (MOESIM_DATA is not set)";
    }
    traces_ = std::filesystem::path(folder) / "traces";
  }

  TraceSummary counts(std::vector<std::pair<std::string, std::string>> where) const {
    const Context context({.threads = 2});
    RecordingOptions options;
    options.where = std::move(where);
    return summarise(*open_recording((traces_ / "olmoe_mixtral/expert_counts.csv").string(), options), {},
                     context);
  }

  TraceSummary gpt_oss() const {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(traces_ / "gpt_oss_20b/sequences")) {
      files.push_back(entry.path().string());
    }
    std::sort(files.begin(), files.end());
    std::vector<std::unique_ptr<Recording>> recordings;
    for (const std::string& file : files) {
      recordings.push_back(open_recording(file, {}));
    }
    const Context context({.threads = 2});
    return summarise(*join_recordings(std::move(recordings)), {}, context);
  }

  std::filesystem::path traces_;
};

TEST_F(PublicData, CheckVectorOfFirstChoices) {
  const TraceSummary summary = counts({{"domain", "wikipedia"}, {"ranks_counted", "top1"}});
  for (const LayerSummary& layer : summary.layers) {
    const RecordingGroup& group = summary.info.groups[static_cast<std::size_t>(layer.group)];
    EXPECT_EQ(layer.load.tokens, 208896U);  // of first choices each is a token's only one
    if (group.model == "Mixtral-8x7B-v0.1" && layer.layer == 0) {
      EXPECT_EQ(layer.load.count, (Counts{26079, 33100, 34070, 30029, 29892, 15929, 21605, 18192}));
      EXPECT_NEAR(layer.stats.max_violation, 0.304764, 5e-7);
      EXPECT_NEAR(layer.stats.min_over_mean, 0.610026, 5e-7);
      EXPECT_NEAR(layer.stats.cv, 0.245415, 5e-7);
      EXPECT_NEAR(layer.stats.cv * std::sqrt(8.0 / 7.0), 0.262359, 5e-7);
      EXPECT_NEAR(layer.stats.gini, 0.137995, 5e-7);
      EXPECT_NEAR(layer.stats.entropy, 0.984860, 5e-7);
      EXPECT_NEAR(layer.stats.effective_experts, 7.752, 5e-4);
    }
  }
}

struct Row {
  const char* model;
  const char* domain;
  double expected[3][4];  // layers 0, 7, 15: MaxVio, CV, entropy, Gini; entropy 0: not in the table
};

TEST_F(PublicData, LoadOfOlmoeAndMixtral) {
  const Row rows[] = {
      {"OLMoE-1B-7B-0924",
       "arxiv",
       {{6.813, .951, .9428, .317}, {5.283, 1.277, .8661, .552}, {6.495, 1.250, .8638, .562}}},
      {"OLMoE-1B-7B-0924",
       "c4",
       {{2.017, .324, .9897, .137}, {1.658, .402, .9817, .212}, {1.499, .512, .9683, .288}}},
      {"OLMoE-1B-7B-0924",
       "github",
       {{4.006, .661, .9610, .291}, {5.157, 1.349, .8514, .584}, {3.509, 1.190, .8530, .589}}},
      {"OLMoE-1B-7B-0924",
       "wikipedia",
       {{5.179, .898, .9389, .349}, {5.780, 1.023, .9128, .449}, {3.651, 1.301, .8293, .633}}},
      {"Mixtral-8x7B-v0.1",
       "arxiv",
       {{.269, .123, .9965, .064}, {.131, .083, .9983, .046}, {.172, .232, .9853, .115}}},
      {"Mixtral-8x7B-v0.1", "c4", {{.121, .097, 0, 0}, {.076, .041, 0, 0}, {.124, .155, 0, 0}}},
      {"Mixtral-8x7B-v0.1", "github", {{.297, .120, 0, 0}, {.245, .123, 0, 0}, {.328, .184, 0, 0}}},
      {"Mixtral-8x7B-v0.1", "wikipedia", {{.113, .088, 0, 0}, {.123, .067, 0, 0}, {.189, .160, 0, 0}}},
  };
  for (const Row& row : rows) {
    const TraceSummary summary =
        counts({{"model", row.model}, {"domain", row.domain}, {"ranks_counted", "topk"}});
    ASSERT_EQ(summary.layers.size(), 3U);
    for (std::size_t l = 0; l < 3; ++l) {
      const LoadStats& stats = summary.layers[l].stats;
      EXPECT_NEAR(stats.max_violation, row.expected[l][0], 5.1e-4) << row.model << row.domain << l;
      EXPECT_NEAR(stats.cv, row.expected[l][1], 5.1e-4) << row.model << row.domain << l;
      if (row.expected[l][2] > 0) {
        EXPECT_NEAR(stats.entropy, row.expected[l][2], 5.1e-5) << row.model << row.domain << l;
        EXPECT_NEAR(stats.gini, row.expected[l][3], 5.1e-4) << row.model << row.domain << l;
      }
      // Uniform random at this size: busiest expert about 1.015 times the mean.
      EXPECT_LT(summary.layers[l].floor->max_violation.mean, 0.02);
    }
  }
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return 0.5 * (values[(values.size() - 1) / 2] + values[values.size() / 2]);
}

// Published for 18 layer-domain pairs of OLMoE; 12 of them are here.
TEST_F(PublicData, ShapeOfOlmoesLoad) {
  const TraceSummary summary = counts({{"model", "OLMoE-1B-7B-0924"}, {"ranks_counted", "topk"}});
  std::vector<double> log_normal, zipf, uniform, sigma;
  for (const LayerSummary& layer : summary.layers) {
    log_normal.push_back(layer.marginal.log_normal_misfit);
    zipf.push_back(layer.marginal.zipf_misfit);
    uniform.push_back(layer.marginal.uniform_misfit);
    sigma.push_back(layer.marginal.sigma);
    EXPECT_GT(layer.domain.distance, 0.05);
  }
  ASSERT_EQ(sigma.size(), 12U);
  EXPECT_NEAR(median(log_normal), 0.050, 0.008);
  EXPECT_NEAR(median(zipf), 0.077, 0.012);
  EXPECT_NEAR(median(uniform), 0.269, 0.02);
  EXPECT_NEAR(median(sigma), 0.69, 0.08);
}

double mean_of(const TraceSummary& summary, const std::function<double(const LayerSummary&)>& value) {
  double sum = 0;
  for (const LayerSummary& layer : summary.layers) {
    sum += value(layer) / static_cast<double>(summary.layers.size());
  }
  return sum;
}

// Published for 30 requests; 20 of them are here.
TEST_F(PublicData, GptOssByToken) {
  const TraceSummary summary = gpt_oss();
  ASSERT_EQ(summary.layers.size(), 24U);
  EXPECT_EQ(summary.layers[0].num_experts(), 32);
  EXPECT_EQ(summary.layers[0].load.tokens, 4386U);
  struct Batch {
    std::size_t doubling;
    double uniform, popularity, mixed, neighbours;
  };
  for (const Batch& b : {Batch{1, 7.5, 7.2, 7.3, 6.2}, Batch{2, 13.2, 12.0, 12.1, 9.5},
                         Batch{3, 21.0, 17.8, 17.9, 13.2}, Batch{4, 28.2, 23.1, 23.1, 17.0},
                         Batch{5, 31.6, 26.9, 26.7, 20.3}, Batch{6, 32.0, 29.2, 29.2, 22.8}}) {
    const auto figure = [&](double DistinctExperts::*which) {
      return mean_of(summary, [&](const LayerSummary& layer) { return layer.distinct[b.doubling].*which; });
    };
    EXPECT_NEAR(figure(&DistinctExperts::uniform), b.uniform, 0.06) << b.doubling;
    EXPECT_NEAR(figure(&DistinctExperts::popularity), b.popularity, 0.35) << b.doubling;
    EXPECT_NEAR(figure(&DistinctExperts::mixed), b.mixed, 0.65) << b.doubling;
    EXPECT_NEAR(figure(&DistinctExperts::neighbours), b.neighbours, 0.15) << b.doubling;
  }
  struct Size {
    std::size_t place;
    Index size;
    double lru, fixed;
  };
  for (const Size& s :
       {Size{1, 8, .57, .48}, Size{2, 12, .75, .65}, Size{3, 16, .85, .76}, Size{4, 24, .94, .93}}) {
    EXPECT_EQ(summary.layers[0].caches->rates[s.place].size, s.size);
    const auto figure = [&](double CacheRates::*which) {
      return mean_of(summary, [&](const LayerSummary& layer) { return layer.caches->rates[s.place].*which; });
    };
    EXPECT_NEAR(figure(&CacheRates::lru), s.lru, 0.03) << s.size;
    EXPECT_NEAR(figure(&CacheRates::fixed), s.fixed, 0.015) << s.size;
    EXPECT_GE(figure(&CacheRates::optimal), figure(&CacheRates::lru));
  }
  const auto shared = [&](double Repeated::*which) {
    return mean_of(summary, [&](const LayerSummary& l) { return l.repetition->shared_experts.*which; });
  };
  EXPECT_NEAR(shared(&Repeated::observed), 1.59, 0.15);
  EXPECT_NEAR(shared(&Repeated::uniform), 0.50, 1e-12);
  double in_sample = 0;
  double popularity = 0;
  for (std::size_t l = 0; l < 23; ++l) {
    in_sample += summary.layers[l].to_next->in_sample / 23;
    popularity += summary.layers[l].to_next->popularity / 23;
  }
  EXPECT_NEAR(in_sample, 0.43, 0.03);
  EXPECT_NEAR(popularity, 0.14, 0.01);
}

TEST_F(PublicData, EveryFileSaysSomething) {
  const Context context({.threads = 2});
  const TraceSummary granite =
      summarise(*open_recording((traces_ / "granite_1b/granite_length_cap.jsonl").string(), {}), {}, context);
  EXPECT_EQ(granite.layers.size(), 24U);
  EXPECT_EQ(granite.layers[0].num_experts(), 32);
  EXPECT_DOUBLE_EQ(granite.layers[0].load.mean_k(), 8.0);
  for (const auto& entry : std::filesystem::directory_iterator(traces_ / "olmoe_mixtral/token_expert")) {
    const TraceSummary words = summarise(*open_recording(entry.path().string(), {}), {}, context);
    ASSERT_EQ(words.layers.size(), 3U) << entry.path();
    const bool olmoe = entry.path().filename().string().rfind("OLMoE", 0) == 0;
    for (const LayerSummary& layer : words.layers) {
      EXPECT_DOUBLE_EQ(layer.load.mean_k(), olmoe ? 8.0 : 2.0);
      EXPECT_EQ(layer.load.tokens, 208896U);
      ASSERT_TRUE(layer.vocabulary.has_value());
      EXPECT_GT(layer.vocabulary->ids, 1000U);
      EXPECT_GT(layer.vocabulary->share, layer.vocabulary->popularity);
    }
  }
}

}  // namespace
}  // namespace moesim
