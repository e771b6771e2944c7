#include <cmath>

#include "core/random.h"
#include "unit/workload/making.h"

namespace moesim {
namespace {

TEST(GaussianClusters, KeepsTheLawsOfAStream) {
  expect_stream_laws(*must_make("{kind: gaussian_clusters, tokens: 100, zipf: 1}"), 1000003, 193);
}

TEST(GaussianClusters, IsCentrePlusNoise) {
  const auto workload =
      must_make("{kind: gaussian_clusters, clusters: 3, spread: 0.25}", {.seed = 7, .d_model = 6});
  const TokenBatch batch = workload->slice(one_thread(), 50, 9);
  for (Index r = 0; r < 9; ++r) {
    const auto i = static_cast<std::size_t>(r);
    std::vector<float> centre(6);
    std::vector<float> noise(6);
    fill_normal({.seed = 7, .stream = Stream::cluster_centre}, batch.token_id[i], 1.0F, centre);
    fill_normal({.seed = 7, .stream = Stream::cluster_noise}, 50 + i, 0.25F, noise);
    for (std::size_t d = 0; d < 6; ++d) {
      EXPECT_EQ(batch.hidden.row(r)[d], noise[d] + centre[d]);
    }
    EXPECT_EQ(batch.domain[i], batch.token_id[i]);
    EXPECT_EQ(batch.position[i], 50 + i);
    EXPECT_EQ(batch.sequence_id[i], 0U);
    EXPECT_EQ(workload->token_text(50 + i), "cluster " + std::to_string(batch.token_id[i]));
    EXPECT_TRUE(workload->starts_character(50 + i));
  }
}

TEST(GaussianClusters, SpreadZeroIsTheCentresThemselves) {
  const auto workload = must_make("{kind: gaussian_clusters, clusters: 1, spread: 0}");
  const TokenBatch batch = workload->slice(one_thread(), 0, 2);
  EXPECT_TRUE(
      std::equal(batch.hidden.row(0).begin(), batch.hidden.row(0).end(), batch.hidden.row(1).begin()));
}

TEST(GaussianClusters, DrawsClustersWithTheirWeights) {
  for (const double zipf : {0.0, 1.0}) {
    const auto workload = must_make(
        "{kind: gaussian_clusters, clusters: 16, zipf: " + std::to_string(zipf) + "}", {.d_model = 1});
    const Index total = 100000;
    std::vector<double> shares(16);
    double sum = 0;
    for (std::size_t c = 0; c < 16; ++c) {
      shares[c] = std::pow(static_cast<double>(c + 1), -zipf);
      sum += shares[c];
    }
    for (double& share : shares) {
      share /= sum;
    }
    std::vector<double> counts(16);
    for (const std::uint32_t c : workload->slice(one_thread(), 0, total).token_id) {
      counts.at(c) += 1;
    }
    // 15 degrees of freedom: above 37.7 once in a thousand seeds.
    EXPECT_LT(chi_square(counts, shares, static_cast<double>(total)), 37.7) << "zipf " << zipf;
  }
}

TEST(GaussianClusters, NamesUpTo256Domains) {
  const auto few = must_make("{kind: gaussian_clusters, clusters: 256}");
  ASSERT_EQ(few->domain_names().size(), 256U);
  EXPECT_EQ(few->domain_names()[255], "cluster 255");
  const auto many = must_make("{kind: gaussian_clusters, clusters: 257}");
  EXPECT_TRUE(many->domain_names().empty());
  EXPECT_TRUE(many->slice(one_thread(), 0, 5).domain.empty());
}

TEST(GaussianClusters, HasTheDefaultsOfEveryStream) {
  const auto workload = must_make("{kind: gaussian_clusters}");
  EXPECT_EQ(workload->tokens(), 2048);
  EXPECT_EQ(workload->steps(), 8);
  EXPECT_EQ(must_make("{kind: gaussian_clusters, tokens: 0}")->batch(one_thread(), 3).num_tokens(), 0);
}

TEST(GaussianClusters, CountsTheMemoryOfABatch) {
  // A batch of 4 tokens of 8 floats and 20 bytes beside, at most 4 centres of 8 floats, 16 weights.
  EXPECT_EQ(must_make("{kind: gaussian_clusters, tokens: 4}")->memory_bytes(4, 8),
            4U * 52 + 4U * 32 + 16U * 8);
}

TEST(GaussianClusters, DependsOnTheSeed) {
  const std::string section = "{kind: gaussian_clusters}";
  const TokenBatch one = must_make(section, {.seed = 1})->slice(one_thread(), 0, 4);
  EXPECT_FALSE(same_rows(one, 0, must_make(section, {.seed = 2})->slice(one_thread(), 0, 4)));
}

TEST(GaussianClusters, RejectsWhatItCannotUse) {
  const auto first_error = [](const std::string& section) {
    const Made made = make_workload(section);
    return made.errors.empty() ? "no error" : made.errors.front();
  };
  EXPECT_EQ(first_error("{kind: gaussian_clusters, clusters: 0}"),
            "c.yaml:1:47: error: workload.clusters: got 0; expected a whole number from 1 to 65536 "
            "[out-of-range]");
  EXPECT_EQ(first_error("{kind: gaussian_clusters, tokens: 16777217}"),
            "c.yaml:1:45: error: workload.tokens: got 16777217; expected a whole number from 0 to 16777216 "
            "[out-of-range]");
  EXPECT_EQ(first_error("{kind: gaussian_clusters, clusters: 1, zipf: 2}"),
            "c.yaml:1:50: error: workload.zipf: has no effect because workload.clusters is 1 [no-effect]");
  EXPECT_EQ(first_error("{kind: gaussian_clusters, files: [a.txt]}"),
            "c.yaml:1:37: error: workload.files: unknown key; expected one of clusters, kind, spread, steps, "
            "tokens, "
            "zipf [unknown-key]\n  help: 'files' belongs to workload.kind: text");
}

}  // namespace
}  // namespace moesim
