#include "dispatch/soft_mix.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "core/error.h"
#include "core/random.h"

namespace moesim {
namespace {

Matrix random_matrix(Index rows, Index cols, std::uint64_t seed) {
  Matrix matrix(rows, cols);
  for (Index i = 0; i < rows; ++i) {
    fill_normal({.seed = seed}, static_cast<std::uint64_t>(i), 1.0F, matrix.row(i));
  }
  return matrix;
}

SoftMix random_mix(Index tokens, Index slots, Index experts) {
  SoftMix mix;
  mix.num_experts = experts;
  mix.dispatch = random_matrix(tokens, slots, 2);
  mix.combine = random_matrix(tokens, slots, 3);
  return mix;
}

bool same_bits(const Matrix& a, const Matrix& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         std::memcmp(a.data(), b.data(), sizeof(float) * static_cast<std::size_t>(a.rows() * a.cols())) == 0;
}

TEST(SoftMix, SmallCaseByHand) {
  SoftMix mix;
  mix.num_experts = 1;
  mix.dispatch.resize(2, 1);
  mix.combine.resize(2, 1);
  mix.dispatch.row(0)[0] = 0.25F;
  mix.dispatch.row(1)[0] = 0.75F;
  mix.combine.row(0)[0] = 2.0F;
  mix.combine.row(1)[0] = -1.0F;
  Matrix hidden(2, 2);
  hidden.row(0)[0] = 4.0F;
  hidden.row(0)[1] = 8.0F;
  hidden.row(1)[0] = 12.0F;
  hidden.row(1)[1] = -4.0F;
  const Context context({});
  Matrix slots(1, 2);
  mix_in(mix, hidden.view(), slots.view(), context);
  EXPECT_EQ(slots.row(0)[0], 10.0F);
  EXPECT_EQ(slots.row(0)[1], -1.0F);
  Matrix y(2, 2);
  mix_out(mix, slots.view(), y.view(), context);
  EXPECT_EQ(y.row(0)[0], 20.0F);
  EXPECT_EQ(y.row(0)[1], -2.0F);
  EXPECT_EQ(y.row(1)[0], -10.0F);
  EXPECT_EQ(y.row(1)[1], 1.0F);
}

TEST(SoftMix, AgreesWithSumsInDouble) {
  const Index tokens = 75;
  const Index slots = 21;
  const Index width = 33;
  const SoftMix mix = random_mix(tokens, slots, 7);
  const Matrix hidden = random_matrix(tokens, width, 4);
  const Matrix outputs = random_matrix(slots, width, 5);
  Matrix in(slots, width);
  Matrix y(tokens, width);
  const Context context({.threads = 2});
  mix_in(mix, hidden.view(), in.view(), context);
  mix_out(mix, outputs.view(), y.view(), context);
  for (Index s = 0; s < slots; ++s) {
    for (Index d = 0; d < width; ++d) {
      double sum = 0;
      for (Index t = 0; t < tokens; ++t) {
        sum += static_cast<double>(mix.dispatch.row(t)[s]) * static_cast<double>(hidden.row(t)[d]);
      }
      ASSERT_NEAR(in.row(s)[d], sum, 2e-5) << s << " " << d;
    }
  }
  for (Index t = 0; t < tokens; ++t) {
    for (Index d = 0; d < width; ++d) {
      double sum = 0;
      for (Index s = 0; s < slots; ++s) {
        sum += static_cast<double>(mix.combine.row(t)[s]) * static_cast<double>(outputs.row(s)[d]);
      }
      ASSERT_NEAR(y.row(t)[d], sum, 2e-5) << t << " " << d;
    }
  }
}

TEST(SoftMix, HasTheSameBitsOnAnyNumberOfThreads) {
  const SoftMix mix = random_mix(130, 40, 8);
  const Matrix hidden = random_matrix(130, 19, 6);
  const Context alone({.threads = 1});
  Matrix slots(40, 19);
  Matrix y(130, 19);
  mix_in(mix, hidden.view(), slots.view(), alone);
  mix_out(mix, slots.view(), y.view(), alone);
  for (const int threads : {2, 3, 7}) {
    const Context context({.threads = threads, .task_delay_seed = 1});
    Matrix other_slots(40, 19);
    Matrix other_y(130, 19);
    mix_in(mix, hidden.view(), other_slots.view(), context);
    mix_out(mix, slots.view(), other_y.view(), context);
    EXPECT_TRUE(same_bits(slots, other_slots));
    EXPECT_TRUE(same_bits(y, other_y));
  }
}

TEST(SoftMix, OutputOfATokenDoesNotDependOnItsNeighbours) {
  const SoftMix mix = random_mix(50, 12, 3);
  const Matrix outputs = random_matrix(12, 9, 7);
  const Context context({});
  Matrix y(50, 9);
  mix_out(mix, outputs.view(), y.view(), context);
  SoftMix last_token;
  last_token.num_experts = 3;
  last_token.combine.resize(1, 12);
  std::memcpy(last_token.combine.data(), mix.combine.row(49).data(), 12 * sizeof(float));
  Matrix alone(1, 9);
  mix_out(last_token, outputs.view(), alone.view(), context);
  EXPECT_EQ(std::memcmp(alone.data(), y.row(49).data(), 9 * sizeof(float)), 0);
}

TEST(SoftMix, NoTokensGiveEmptySlots) {
  const SoftMix mix = random_mix(0, 4, 2);
  const Context context({});
  Matrix slots(4, 3);
  slots.fill(7.0F);
  mix_in(mix, Matrix(0, 3).view(), slots.view(), context);
  for (Index s = 0; s < 4; ++s) {
    EXPECT_EQ(slots.row(s)[2], 0.0F);
  }
  Matrix y(0, 3);
  EXPECT_NO_THROW(mix_out(mix, slots.view(), y.view(), context));
}

TEST(SoftMix, RefusesSizesThatDoNotMatch) {
  const SoftMix mix = random_mix(5, 4, 2);
  const Context context({});
  Matrix slots(4, 3);
  Matrix y(5, 3);
  EXPECT_THROW(mix_in(mix, Matrix(6, 3).view(), slots.view(), context), Error);
  EXPECT_THROW(mix_in(mix, Matrix(5, 2).view(), slots.view(), context), Error);
  EXPECT_THROW(mix_in(mix, Matrix(5, 3).view(), y.view(), context), Error);
  EXPECT_THROW(mix_out(mix, Matrix(5, 3).view(), y.view(), context), Error);
  EXPECT_THROW(mix_out(mix, Matrix(4, 2).view(), y.view(), context), Error);
  EXPECT_THROW(mix_out(mix, slots.view(), slots.view(), context), Error);
}

TEST(SlotBegin, DividesTheSlotsAmongTheExperts) {
  EXPECT_EQ(slot_begin(random_mix(3, 12, 4)), (std::vector<Index>{0, 3, 6, 9, 12}));
  EXPECT_EQ(slot_begin(random_mix(3, 0, 2)), (std::vector<Index>{0, 0, 0}));
  EXPECT_THROW(slot_begin(random_mix(3, 12, 5)), Error);
  EXPECT_THROW(slot_begin(random_mix(3, 12, 0)), Error);
}

}  // namespace
}  // namespace moesim
