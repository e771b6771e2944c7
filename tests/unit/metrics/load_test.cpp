#include "metrics/load.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

namespace moesim {
namespace {

using Counts = std::vector<std::uint64_t>;

TEST(LoadStats, MixtralFirstChoicesGiveThePublishedFigures) {
  // Mixtral-8x7B, wikipedia, layer 0, first choices: allenai/OLMoE @ 357454f, scripts/routing_output.
  const LoadStats stats = load_stats(Counts{26079, 33100, 34070, 30029, 29892, 15929, 21605, 18192});
  EXPECT_NEAR(stats.max_violation, 0.304764, 5e-7);
  EXPECT_NEAR(stats.min_over_mean, 0.610026, 5e-7);
  EXPECT_NEAR(stats.cv, 0.245415, 5e-7);
  EXPECT_NEAR(stats.gini, 0.137995, 5e-7);
  EXPECT_NEAR(stats.entropy, 0.984860, 5e-7);
  EXPECT_NEAR(stats.effective_experts, 7.752, 5e-4);
  EXPECT_EQ(stats.dead_experts, 0);
}

TEST(LoadStats, SmallCaseByHand) {
  const LoadStats stats = load_stats(Counts{3, 1, 4, 2});  // mean 2.5, variance 1.25
  EXPECT_DOUBLE_EQ(stats.max_violation, 0.6);
  EXPECT_DOUBLE_EQ(stats.min_over_mean, 0.4);
  EXPECT_DOUBLE_EQ(stats.cv, std::sqrt(1.25) / 2.5);
  EXPECT_DOUBLE_EQ(stats.gini, 0.25);  // (−3·1 − 1·2 + 1·3 + 3·4) / (4·10)
  const double h = -(0.3 * std::log(0.3) + 0.1 * std::log(0.1) + 0.4 * std::log(0.4) + 0.2 * std::log(0.2));
  EXPECT_DOUBLE_EQ(stats.entropy, h / std::log(4.0));
  EXPECT_DOUBLE_EQ(stats.effective_experts, std::exp(h));
  EXPECT_EQ(stats.dead_experts, 0);
}

TEST(LoadStats, EqualLoadsArePerfect) {
  for (const std::size_t experts : {2U, 3U, 7U, 64U, 1000U}) {
    const LoadStats stats = load_stats(Counts(experts, 12345));
    EXPECT_EQ(stats.max_violation, 0.0);
    EXPECT_EQ(stats.min_over_mean, 1.0);
    EXPECT_EQ(stats.cv, 0.0);
    EXPECT_EQ(stats.gini, 0.0);
    EXPECT_NEAR(stats.entropy, 1.0, 1e-14);
    EXPECT_LE(stats.entropy, 1.0);
    EXPECT_NEAR(stats.effective_experts, static_cast<double>(experts), 1e-10);
    EXPECT_EQ(stats.dead_experts, 0);
  }
}

TEST(LoadStats, OneExpertWithEverythingIsTheWorst) {
  const LoadStats stats = load_stats(Counts{0, 0, 77, 0, 0, 0, 0, 0});
  EXPECT_EQ(stats.max_violation, 7.0);
  EXPECT_EQ(stats.min_over_mean, 0.0);
  EXPECT_DOUBLE_EQ(stats.cv, std::sqrt(7.0));
  EXPECT_EQ(stats.gini, 0.875);
  EXPECT_EQ(stats.entropy, 0.0);
  EXPECT_FALSE(std::signbit(stats.entropy));
  EXPECT_EQ(stats.effective_experts, 1.0);
  EXPECT_EQ(stats.dead_experts, 7);
}

TEST(LoadStats, NoAssignmentsAreAllZeroWithEntropyOneAndEveryExpertDead) {
  for (const std::size_t experts : {0U, 1U, 8U}) {
    const LoadStats stats = load_stats(Counts(experts, 0));
    EXPECT_EQ(stats.max_violation, 0.0);
    EXPECT_EQ(stats.min_over_mean, 0.0);
    EXPECT_EQ(stats.cv, 0.0);
    EXPECT_EQ(stats.gini, 0.0);
    EXPECT_EQ(stats.entropy, 1.0);
    EXPECT_EQ(stats.effective_experts, 0.0);
    EXPECT_EQ(stats.dead_experts, static_cast<std::int64_t>(experts));
  }
}

TEST(LoadStats, OneExpertAloneIsPerfect) {
  const LoadStats stats = load_stats(Counts{5});
  EXPECT_EQ(stats.max_violation, 0.0);
  EXPECT_EQ(stats.min_over_mean, 1.0);
  EXPECT_EQ(stats.cv, 0.0);
  EXPECT_EQ(stats.gini, 0.0);
  EXPECT_EQ(stats.entropy, 1.0);
  EXPECT_EQ(stats.effective_experts, 1.0);
  EXPECT_EQ(stats.dead_experts, 0);
}

TEST(LoadStats, HugeCountsOfManyExpertsKeepTheirDigits) {
  Counts counts(65536, (std::uint64_t{1} << 40) - 1);
  EXPECT_NEAR(load_stats(counts).max_violation, 0.0, 1e-12);
  EXPECT_EQ(load_stats(counts).gini, 0.0);
  for (std::size_t e = 0; e < counts.size(); e += 2) {
    counts[e] = 0;
  }
  const LoadStats stats = load_stats(counts);
  EXPECT_NEAR(stats.max_violation, 1.0, 1e-12);
  EXPECT_EQ(stats.min_over_mean, 0.0);
  EXPECT_NEAR(stats.cv, 1.0, 1e-12);
  EXPECT_NEAR(stats.gini, 0.5, 1e-12);
  EXPECT_NEAR(stats.entropy, 15.0 / 16.0, 1e-12);
  EXPECT_NEAR(stats.effective_experts, 32768.0, 1e-6);
  EXPECT_EQ(stats.dead_experts, 32768);
}

double gini_by_pairs(const Counts& counts) {
  double differences = 0;
  double sum = 0;
  for (const std::uint64_t a : counts) {
    sum += static_cast<double>(a);
    for (const std::uint64_t b : counts) {
      differences += std::abs(static_cast<double>(a) - static_cast<double>(b));
    }
  }
  return differences / (2.0 * static_cast<double>(counts.size()) * sum);
}

RC_GTEST_PROP(LoadStats, StaysInBoundsAndForgetsOrderAndScale, ()) {
  const auto experts = *rc::gen::inRange<std::size_t>(1, 40);
  Counts counts =
      *rc::gen::container<Counts>(experts, rc::gen::inRange<std::uint64_t>(0, std::uint64_t{1} << 20));
  counts[0] += 1;  // at least one assignment
  const LoadStats stats = load_stats(counts);
  const auto e = static_cast<double>(experts);
  RC_ASSERT(stats.max_violation >= 0.0 && stats.max_violation <= e - 1.0 + 1e-9);
  RC_ASSERT(stats.min_over_mean >= 0.0 && stats.min_over_mean <= 1.0);
  RC_ASSERT(stats.gini >= 0.0 && stats.gini <= 1.0 - 1.0 / e + 1e-12);
  RC_ASSERT(std::abs(stats.gini - gini_by_pairs(counts)) < 1e-12);
  RC_ASSERT(stats.entropy >= 0.0 && stats.entropy <= 1.0);
  RC_ASSERT(stats.effective_experts >= 1.0 - 1e-12 && stats.effective_experts <= e);
  RC_ASSERT(stats.dead_experts == std::count(counts.begin(), counts.end(), std::uint64_t{0}));

  std::reverse(counts.begin(), counts.end());
  for (std::uint64_t& count : counts) {
    count *= 3;
  }
  const LoadStats scaled = load_stats(counts);
  RC_ASSERT(std::abs(scaled.max_violation - stats.max_violation) < 1e-12 * e);
  RC_ASSERT(std::abs(scaled.cv - stats.cv) < 1e-12 * e);
  RC_ASSERT(std::abs(scaled.gini - stats.gini) < 1e-12);
  RC_ASSERT(std::abs(scaled.entropy - stats.entropy) < 1e-12);
}

// Rows of expert_counts.csv: model, num_experts, top_k, domain, ranks_counted, layer, expert, count.
Counts recorded_counts(const std::string& path, const std::string& model, const std::string& domain,
                       const std::string& ranks, const std::string& layer) {
  std::ifstream file(path);
  Counts counts;
  for (std::string line; std::getline(file, line);) {
    std::istringstream cells(line);
    std::vector<std::string> row;
    for (std::string cell; std::getline(cells, cell, ',');) {
      row.push_back(cell);
    }
    if (row.size() == 8 && row[0].starts_with(model) && row[3] == domain && row[4] == ranks &&
        row[5] == layer) {
      const std::size_t expert = std::stoul(row[6]);
      counts.resize(std::max(counts.size(), expert + 1));
      counts[expert] = std::stoull(row[7]);
    }
  }
  return counts;
}

TEST(LoadStats, RecordedLoadsGiveThePublishedFigures) {
  const char* data = std::getenv("MOESIM_DATA");
  if (data == nullptr) {
    GTEST_SKIP() << "skipped: data not present (MOESIM_DATA is not set)";
  }
  const std::string path = std::string(data) + "/traces/olmoe_mixtral/expert_counts.csv";
  struct Expected {
    const char *model, *domain, *ranks, *layer;
    double max_violation, cv, entropy, gini;
  };
  const Expected rows[] = {
      {"OLMoE", "arxiv", "topk", "0", 6.813, .951, .9428, .317},
      {"OLMoE", "arxiv", "topk", "7", 5.283, 1.277, .8661, .552},
      {"OLMoE", "arxiv", "topk", "15", 6.495, 1.250, .8638, .562},
      {"OLMoE", "c4", "topk", "0", 2.017, .324, .9897, .137},
      {"OLMoE", "c4", "topk", "15", 1.499, .512, .9683, .288},
      {"OLMoE", "github", "topk", "7", 5.157, 1.349, .8514, .584},
      {"OLMoE", "wikipedia", "topk", "15", 3.651, 1.301, .8293, .633},
      {"Mixtral", "arxiv", "topk", "0", .269, .123, .9965, .064},
      {"Mixtral", "arxiv", "topk", "15", .172, .232, .9853, .115},
  };
  for (const Expected& row : rows) {
    const Counts counts = recorded_counts(path, row.model, row.domain, row.ranks, row.layer);
    ASSERT_FALSE(counts.empty()) << path << " " << row.model << " " << row.domain;
    const LoadStats stats = load_stats(counts);
    EXPECT_NEAR(stats.max_violation, row.max_violation, 6e-4) << row.model << row.domain << row.layer;
    EXPECT_NEAR(stats.cv, row.cv, 6e-4) << row.model << row.domain << row.layer;
    EXPECT_NEAR(stats.entropy, row.entropy, 6e-5) << row.model << row.domain << row.layer;
    EXPECT_NEAR(stats.gini, row.gini, 6e-4) << row.model << row.domain << row.layer;
  }
  const LoadStats first = load_stats(recorded_counts(path, "OLMoE", "arxiv", "top1", "15"));
  EXPECT_NEAR(first.max_violation, 35.6, 0.06);
  EXPECT_NEAR(first.cv, 4.69, 0.006);
}

}  // namespace
}  // namespace moesim
