// Measured loads, and the router that draws with them.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>

#include "building.h"
#include "router/loads.h"
#include "router/persistent_draw.h"
#include "support/temp_folder.h"

namespace moesim::testing {
namespace {

constexpr Index kTokens = 20000;

std::vector<double> frequencies(const Assignments& a) {
  std::vector<double> share(static_cast<std::size_t>(a.num_experts));
  for (const std::int32_t e : a.expert) {
    share[static_cast<std::size_t>(e)] += 1.0 / static_cast<double>(kTokens);
  }
  return share;
}

Assignments route_many(const std::string& section, Index num_experts) {
  Scene scene =
      scene_of(std::vector<std::vector<float>>(static_cast<std::size_t>(kTokens),
                                               std::vector<float>(static_cast<std::size_t>(num_experts))),
               num_experts);
  return scene.route(*router_of(section, num_experts));
}

TEST(MeasuredLoads, OfEveryModelAreWholeAndSourced) {
  ASSERT_GE(measured_loads().entries().size(), 24U);
  for (const MeasuredLoads& loads : measured_loads().entries()) {
    EXPECT_EQ(std::count(loads.name.begin(), loads.name.end(), '/'), 2) << loads.name;
    EXPECT_NE(loads.source.find(" @ "), std::string::npos) << loads.name << " names no commit";
    EXPECT_NEAR(std::accumulate(loads.shares.begin(), loads.shares.end(), 0.0), 1.0, 1e-3) << loads.name;
    EXPECT_GT(loads.log_normal_sigma, 0.0) << loads.name;
    EXPECT_LE(static_cast<double>(loads.top_k) * *std::max_element(loads.shares.begin(), loads.shares.end()),
              1.0001)
        << loads.name << ": an expert is chosen more often than there are tokens";
  }
}

// OLMoE on arXiv text: max_violation 6.813 in layer 0, 5.283 in 7, 6.495 in 15; Mixtral on Wikipedia .113 in
// layer 0 (allenai/OLMoE @ 357454f, scripts/routing_output, all ranks).
TEST(MeasuredLoads, AreThoseOfTheRecordings) {
  const auto max_violation = [](const std::string& name) {
    const MeasuredLoads* loads = measured_loads().find(name);
    return loads == nullptr ? -1.0
                            : *std::max_element(loads->shares.begin(), loads->shares.end()) *
                                      static_cast<double>(loads->num_experts()) -
                                  1.0;
  };
  EXPECT_NEAR(max_violation("olmoe/arxiv/0"), 6.813, 1e-3);
  EXPECT_NEAR(max_violation("olmoe/arxiv/7"), 5.283, 1e-3);
  EXPECT_NEAR(max_violation("olmoe/arxiv/15"), 6.495, 1e-3);
  EXPECT_NEAR(max_violation("mixtral/wikipedia/0"), 0.113, 1e-3);
}

TEST(MeasuredLoads, AreReadAsTheyArePrinted) {
  const std::string text = print_loads(measured_loads().entries());
  Binder binder;
  const Catalogue<MeasuredLoads> again = read_loads(binder, text, "loads.yaml");
  EXPECT_TRUE(binder.diagnostics.empty()) << binder.diagnostics.render_all();
  EXPECT_EQ(print_loads(again.entries()), text);
  EXPECT_EQ(again.names(), measured_loads().names());
}

TEST(MeasuredLoads, FittedLawsAreLaws) {
  for (const std::vector<double>& shares : {log_normal_shares(0.8, 64), zipf_shares(0.9, 64)}) {
    EXPECT_NEAR(std::accumulate(shares.begin(), shares.end(), 0.0), 1.0, 1e-12);
    EXPECT_TRUE(std::is_sorted(shares.rbegin(), shares.rend()));
  }
  // The logarithms of log-normal quantiles are normal quantiles times sigma: the middle two lie at ± the
  // quantile of 1/2 ± 1/8 of four.
  const std::vector<double> four = log_normal_shares(2.0, 4);
  EXPECT_NEAR(std::log(four[1] / four[2]), 2.0 * 2.0 * 0.3186393639643752, 1e-9);
  EXPECT_NEAR(zipf_shares(2.0, 3)[0] / zipf_shares(2.0, 3)[2], 9.0, 1e-12);
}

TEST(Drawn, RoutesWithTheLoadsItIsNamedAfter) {
  const MeasuredLoads& loads = *measured_loads().find("olmoe/arxiv/0");
  const std::vector<double> seen = frequencies(route_many("{kind: drawn, loads: olmoe/arxiv/0}", 64));
  for (std::size_t e = 0; e < seen.size(); ++e) {
    const double expected = 8.0 * loads.shares[e];
    EXPECT_NEAR(seen[e], expected, 5.0 * std::sqrt(expected * (1.0 - expected) / kTokens) + 1e-9)
        << "expert " << e;
  }
}

TEST(Drawn, TakesAnyNumberOfExpertsByAFittedLaw) {
  const std::vector<double> seen =
      frequencies(route_many("{kind: drawn, loads: mixtral/c4/0, marginal: zipf, top_k: 1}", 12));
  EXPECT_TRUE(seen.front() > seen.back());
  EXPECT_NEAR(std::accumulate(seen.begin(), seen.end(), 0.0), 1.0, 1e-9);
}

TEST(Drawn, SaysWhatDoesNotFit) {
  EXPECT_EQ(
      build("router: {kind: drawn, loads: olmoe/arxiv/1}", 64).errors(),
      "x.yaml:1:23: error: router.loads: there are no loads 'olmoe/arxiv/1' in configs/presets/loads.yaml; "
      "expected a name such as gpt-oss-20b/tasks/0 [unknown-loads]\n  help: did you mean 'olmoe/arxiv/0'?");
  EXPECT_EQ(
      build("layer: {num_experts: 8}\nrouter: {kind: drawn, loads: olmoe/arxiv/0}", 8).errors(),
      "x.yaml:2:23: error: router.loads: 'olmoe/arxiv/0' has shares of 64 experts; expected as many as the "
      "layer "
      "has [bad-relation]\n  help: set layer.num_experts to 64, or router.marginal to log_normal\n  note: "
      "x.yaml:1:9: layer.num_experts is 8");
}

TEST(Drawn, ReadsAFileOfLoads) {
  const TempFolder folder;
  const auto errors = [&](const std::string& yaml) {
    std::ofstream(folder.path() + "/mine.yaml") << yaml;
    return build("router: {kind: drawn, loads: a/b/0, file: " + folder.path() + "/mine.yaml}", 3).errors();
  };
  const std::string rest = "tokens: 10, log_normal_sigma: 1, zipf_exponent: 1";
  EXPECT_EQ(errors("a/b/0: {source: me, top_k: 2, " + rest + ", shares: [0.5, 0.25, 0.25]}\n"), "");
  EXPECT_NE(
      errors("a/b/0: {source: me, top_k: 3, " + rest + ", shares: [0.5, 0.5, 0]}\n")
          .find("a/b/0.shares: got 2 numbers above 0; expected at least 3, as many as a token has experts"),
      std::string::npos);
  EXPECT_NE(errors("a/b/0: {source: me, top_k: 2, " + rest + ", shares: [0.5, -1, 1]}\n")
                .find("a/b/0.shares: got -1 for expert 1; expected numbers from 0 to 1e6"),
            std::string::npos);
  EXPECT_NE(errors("a/b/0: {source: me, top_k: 2}\n").find("missing key 'shares'"), std::string::npos);
  EXPECT_NE(errors("").find("mine.yaml holds no loads; expected a map from names to loads"),
            std::string::npos);
  EXPECT_NE(errors("[]\n").find("mine.yaml"), std::string::npos);
  EXPECT_EQ(errors("[]\n").find("olmoe"), std::string::npos);
  EXPECT_NE(errors("a/c/0: {source: me, top_k: 2, " + rest + ", shares: [0.5, 0.25, 0.25]}\n")
                .find("did you mean 'a/c/0'?"),
            std::string::npos);
}

}  // namespace
}  // namespace moesim::testing
