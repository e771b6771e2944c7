#include "experts/bank.h"

#include <gtest/gtest.h>

#include <limits>

#include "core/error.h"
#include "experts/dense.h"
#include "support/executors.h"

namespace moesim {
namespace {

TEST(Bank, CountsParametersAsTheGlossarySays) {
  EXPECT_EQ(ffn_params(4096, 14336, Activation::swiglu), 176'160'768u);  // one Mixtral-8x7B expert
  EXPECT_EQ(ffn_params(768, 3072, Activation::relu), 2u * 768 * 3072);
  EXPECT_EQ(ffn_flops_per_row(10, 20, Activation::geglu), 2u * 3 * 10 * 20);
  EXPECT_THROW(ffn_params(Index{1} << 40, Index{1} << 40, Activation::relu), Error);
}

TEST(Bank, WeightsAreAFunctionOfTheOptionsAlone) {
  const Context one({.threads = 1});
  const Context seven({.threads = 7, .task_delay_seed = 3});
  const BankOptions options{.seed = 8, .layer = 2, .num_experts = 3, .d_model = 20, .width = 150};
  for (const ExecutorEntry& entry : executors().entries()) {
    if (!entry.traits.built) {
      continue;
    }
    const std::unique_ptr<Executor> executor = executor_of({{"kind", entry.name}});
    const ExpertBank a = make_bank(options, *executor, one);
    const ExpertBank b = make_bank(options, *executor, seven);
    EXPECT_TRUE(same_bits(a.weights.view(), b.weights.view())) << entry.name;
    BankOptions other = options;
    other.layer = 3;
    EXPECT_FALSE(same_bits(make_bank(other, *executor, one).weights.view(), a.weights.view())) << entry.name;
  }
  const FfnWeights weights = make_ffn_weights(options, 1);
  EXPECT_NE(weights.up.row(0)[0], weights.gate_proj.row(0)[0]);
  EXPECT_NE(weights.up.row(0)[0], make_ffn_weights(options, 2).up.row(0)[0]);
}

TEST(Bank, VariancesAreOneOverTheFanIn) {
  const FfnWeights weights = make_ffn_weights({.seed = 8, .num_experts = 4, .d_model = 64, .width = 1024}, 3);
  const auto variance = [](const Matrix& m) {
    double sum = 0;
    for (Index r = 0; r < m.rows(); ++r) {
      for (const float v : m.row(r)) {
        sum += static_cast<double>(v) * v;
      }
    }
    return sum / static_cast<double>(m.rows() * m.cols());
  };
  EXPECT_NEAR(variance(weights.up) * 64, 1.0, 0.02);
  EXPECT_NEAR(variance(weights.gate_proj) * 64, 1.0, 0.02);
  EXPECT_NEAR(variance(weights.down) * 1024, 1.0, 0.02);
}

TEST(Bank, CountsTheBytesOfItsParameters) {
  const Context context({.threads = 1});
  const BankOptions options{.num_experts = 4, .d_model = 64, .width = 256};
  for (const auto& [type, bytes] :
       {std::pair<const char*, std::uint64_t>{"float32", 4}, {"bf16", 2}, {"fp16", 2}, {"int8", 1}}) {
    const ExpertBank bank = make_bank(options, *executor_of({{"weights", type}}), context);
    EXPECT_EQ(bank.weight_bytes(), 3u * 4 * 256 * 64 * bytes) << type;
  }
}

TEST(Bank, KindsWithoutAProductStandBehindTheFfnExpertsAndStoreLittle) {
  const Context context({.threads = 1});
  const ExpertBank bank = make_bank({.seed = 8,
                                     .num_experts = 2,
                                     .d_model = 1000,
                                     .width = 3,
                                     .constant_experts = 2,
                                     .copy_experts = 2,
                                     .zero_experts = 1},
                                    *executor_of({}), context);
  EXPECT_EQ(bank.kind, (std::vector<ExpertKind>{ExpertKind::ffn, ExpertKind::ffn, ExpertKind::constant,
                                                ExpertKind::constant, ExpertKind::copy, ExpertKind::copy,
                                                ExpertKind::zero}));
  EXPECT_EQ(bank.weight_bytes(), (2u * 3 * 3 * 1000 + 2u * 3 * 1000) * 4);
  EXPECT_EQ(bank.constant_place(2), 0);
  EXPECT_EQ(bank.constant_place(3), 1);
  double squares = 0;
  for (const float v : bank.constant.row(1)) {
    squares += static_cast<double>(v) * v;
  }
  EXPECT_NEAR(squares / 1000, 1.0, 0.1);  // as in MoE++, where it is normal
}

TEST(Dense, WidthsMatchActiveAndTotal) {
  LayerShape shape{.d_model = 8, .d_ff = 100, .num_experts = 16, .num_shared_experts = 2};
  EXPECT_EQ(dense_same_active_width(shape, 4), 600);
  EXPECT_EQ(dense_same_active_width(shape, 0.5), 250);  // of a soft router
  EXPECT_EQ(dense_same_total_width(shape), 1800);
  shape.copy_experts = 16;
  EXPECT_EQ(dense_same_total_width(shape), 1800);  // they have no parameters
  shape.num_shared_experts = 0;
  shape.shared_width = 77;
  EXPECT_EQ(dense_same_active_width(shape, 4), 477);
}

TEST(Dense, OfALatentLayerHasItsParametersToWithinHalfAUnit) {
  for (const Activation activation : {Activation::swiglu, Activation::relu}) {
    const LayerShape shape{
        .d_model = 7, .d_ff = 11, .num_experts = 9, .latent_width = 4, .activation = activation};
    const double latent = 2.0 * 7 * 4;
    const double expert = static_cast<double>(ffn_params(4, 11, activation));
    const double unit = static_cast<double>(ffn_params(7, 1, activation));
    EXPECT_NEAR(static_cast<double>(dense_same_active_width(shape, 3)) * unit, 3 * expert + latent, unit / 2);
    EXPECT_NEAR(static_cast<double>(dense_same_total_width(shape)) * unit, 9 * expert + latent, unit / 2);
  }
}

TEST(Dense, AnAbsurdWidthIsTheLargestNumber) {
  const Index huge = Index{1} << 40;
  const LayerShape shape{
      .d_model = 1, .d_ff = huge, .num_experts = 1000, .shared_width = huge, .latent_width = huge};
  EXPECT_EQ(dense_same_total_width(shape), std::numeric_limits<Index>::max());
}

}  // namespace
}  // namespace moesim
