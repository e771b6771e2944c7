// Experts whose weights are given, and biases.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <atomic>
#include <cmath>

#include "core/error.h"
#include "core/hash.h"
#include "experts/kernels/choose.h"
#include "experts/narrow.h"
#include "experts/shared.h"
#include "support/executors.h"
#include "support/reference.h"

namespace moesim {
namespace {

// What the seed makes, handed out range by range.
class Copied final : public ExpertSource {
 public:
  Copied(const BankOptions& options, Index units_at_once) : units_at_once_(units_at_once) {
    for (Index e = 0; e < options.num_experts; ++e) {
      experts_.push_back(make_ffn_weights(options, e));
    }
  }
  void read_units(const UnitRange& range, FfnWeights& weights) const override {
    ++calls_;
    const FfnWeights& all = experts_[static_cast<std::size_t>(range.expert)];
    const auto rows = [&](const Matrix& from, Matrix& to) {
      if (from.rows() > 0) {
        ASSERT_EQ(to.rows(), range.count);
        std::copy_n(from.row(range.first).data(), range.count * from.cols(), to.data());
      }
    };
    rows(all.up, weights.up);
    rows(all.gate_proj, weights.gate_proj);
    rows(all.down, weights.down);
    const auto biases = [&](const std::vector<float>& from, std::vector<float>& to) {
      ASSERT_EQ(to.size(), from.empty() ? 0U : static_cast<std::size_t>(range.count));
      std::copy_n(from.begin() + (from.empty() ? 0 : range.first), to.size(), to.begin());
    };
    biases(all.up_bias, weights.up_bias);
    biases(all.gate_bias, weights.gate_bias);
    ASSERT_EQ(weights.output_bias.size(), range.first == 0 ? all.output_bias.size() : 0U);
    std::copy_n(all.output_bias.begin(), weights.output_bias.size(), weights.output_bias.begin());
  }
  Index units_at_once() const override { return units_at_once_; }
  int calls() const { return calls_; }

 private:
  Index units_at_once_;
  std::vector<FfnWeights> experts_;
  mutable std::atomic<int> calls_ = 0;
};

std::vector<std::unique_ptr<Executor>> all_executors() {
  std::vector<std::unique_ptr<Executor>> all;
  for (const ExecutorEntry& entry : executors().entries()) {
    if (entry.traits.built && entry.name != "tiled") {
      all.push_back(executor_of({{"kind", entry.name}}));
    }
  }
  for (const InstructionSet set : usable_instruction_sets()) {
    const std::string instructions(enum_text(set));
    for (const EnumName<WeightType>& type : enum_names(WeightType{})) {
      all.push_back(executor_of({{"instructions", instructions}, {"weights", std::string(type.name)}}));
    }
    for (const char* type : {"bf16", "int8"}) {
      all.push_back(executor_of({{"instructions", instructions}, {"weights", type}, {"activations", type}}));
    }
  }
  return all;
}

TEST(GivenExperts, ArePackedLikeTheSeededOnesWhateverIsAskedForAtOnce) {
  const Context context({.threads = 3});
  for (const std::unique_ptr<Executor>& executor : all_executors()) {
    for (const bool biases : {false, true}) {
      const BankOptions options{.seed = 3,
                                .num_experts = 3,
                                .d_model = 21,
                                .width = 200,
                                .activation = biases ? Activation::swiglu_oai : Activation::relu,
                                .copy_experts = 1,
                                .biases = biases};
      const ExpertBank seeded = make_bank(options, *executor, context);
      for (const auto& [at_once, calls] : {std::pair<Index, int>{0, 12}, {1, 12}, {65, 6}, {5000, 3}}) {
        const Copied source(options, at_once);
        const ExpertBank given = make_bank_of(options.shape(), source, *executor, context);
        EXPECT_TRUE(same_bits(given.weights.view(), seeded.weights.view()))
            << executor->layout() << ", " << at_once << " units at once";
        EXPECT_EQ(given.kind, seeded.kind);
        EXPECT_EQ(source.calls(), calls);
      }
    }
  }
}

TEST(GivenExperts, ASourceThatFailsEndsTheMakingOfTheBank) {
  class Broken final : public ExpertSource {
    void read_units(const UnitRange& range, FfnWeights&) const override {
      if (range.expert == 1) {
        throw Error(ErrorKind::bad_data, "a file that ends early", "");
      }
    }
  };
  const Context context({.threads = 2});
  EXPECT_THROW(make_bank_of({.ffn = {8, 8}, .num_experts = 2}, Broken(), *executor_of({}), context), Error);
}

TEST(GivenExperts, SharedOnesKeepTheirGate) {
  const Context context({.threads = 2});
  const std::unique_ptr<Executor> executor = executor_of({});
  const LayerShape shape{
      .d_model = 12, .d_ff = 20, .num_shared_experts = 2, .shared_kind = SharedKind::gated};
  const SharedOptions options{7, 0, shape, *executor};
  const SharedExperts seeded = make_shared_experts(options, context);
  const Copied source(shared_bank_options(options), 64);
  const SharedExperts given = make_shared_experts_of(
      {shared_ffn_shape(shape), source, SharedKind::gated, seeded.gate.clone()}, *executor, context);
  EXPECT_TRUE(same_bits(given.ffn.weights.view(), seeded.ffn.weights.view()));
  EXPECT_TRUE(same_bits(given.gate.view(), seeded.gate.view()));
  EXPECT_EQ(given.kind, SharedKind::gated);
  EXPECT_EQ(given.ffn.ffn.width, 40);
  EXPECT_THROW(make_shared_experts_of({shared_ffn_shape(shape), source, SharedKind::gated, Matrix(1, 11)},
                                      *executor, context),
               Error);
  EXPECT_THROW(make_shared_experts_of({shared_ffn_shape(shape), source, SharedKind::plain, Matrix(1, 12)},
                                      *executor, context),
               Error);
}

TEST(Biases, AreCountedAndKeptAsFloats) {
  const FfnShape oai{2880, 2880, Activation::swiglu_oai, true};  // gpt-oss
  EXPECT_EQ(ffn_biases(oai), 3u * 2880);
  EXPECT_EQ(ffn_params(oai), 3u * 2880 * 2880 + 3 * 2880);
  EXPECT_EQ(ffn_params({10, 20, Activation::relu, true}), 2u * 10 * 20 + 20 + 10);
  EXPECT_EQ(ffn_weight_bytes({10, 20, Activation::relu, true}, WeightType::int8), 400u + 30 * 4);
  EXPECT_EQ(ffn_flops_per_row({10, 20, Activation::relu, true}), 2u * 430);
  const Context context({.threads = 1});
  const ExpertBank bank = make_bank(
      {.num_experts = 4, .d_model = 64, .width = 256, .activation = Activation::relu, .biases = true},
      *executor_of({{"weights", "bf16"}}), context);
  EXPECT_EQ(bank.weight_bytes(), 4u * (2 * 64 * 256 * 2 + 4 * (256 + 64)));
}

TEST(Biases, ChangeNoWeight) {
  BankOptions options{.seed = 3, .num_experts = 2, .d_model = 40, .width = 130};
  const FfnWeights without = make_ffn_weights(options, 1);
  options.biases = true;
  const FfnWeights with = make_ffn_weights(options, 1);
  EXPECT_TRUE(same_bits(with.up.view(), without.up.view()));
  EXPECT_TRUE(same_bits(with.gate_proj.view(), without.gate_proj.view()));
  EXPECT_TRUE(same_bits(with.down.view(), without.down.view()));
  EXPECT_TRUE(without.up_bias.empty() && without.gate_bias.empty() && without.output_bias.empty());
  const auto variance = [](const std::vector<float>& numbers) {
    double sum = 0;
    for (const float v : numbers) {
      sum += static_cast<double>(v) * v;
    }
    return sum / static_cast<double>(numbers.size());
  };
  EXPECT_NEAR(variance(with.up_bias) * 40, 1.0, 0.3);
  EXPECT_NEAR(variance(with.gate_bias) * 40, 1.0, 0.3);
  EXPECT_NEAR(variance(with.output_bias) * 130, 1.0, 0.5);
  EXPECT_NE(with.up_bias, with.gate_bias);
  EXPECT_NE(with.up_bias, make_ffn_weights(options, 0).up_bias);
  EXPECT_NE(with.output_bias, make_ffn_weights(options, 0).output_bias);
}

// Of version 0.1.0: what experts without biases compute is the same for ever. Sets with a fused multiply-add
// and the portable one.
TEST(Biases, ThatAreNotThereLeaveTheBitsAlone) {
  struct Bits {
    const char* weights;
    const char* activations;
    const char* fused;
    const char* portable;
  };
  const Context context({.threads = 2});
  for (const Bits& bits : {Bits{"float32", "float32", "243ea928606262f8", "e2d943c01101e9fc"},
                           Bits{"fp16", "float32", "f8c85c4d3bff4529", "0b2bdf53229cf615"},
                           Bits{"int8", "float32", "ff4a289d554eacd7", "72d273d3d2c41e70"},
                           Bits{"int8", "int8", "51cabc933678d6be", "51cabc933678d6be"}}) {
    for (const InstructionSet set : usable_instruction_sets()) {
      const std::unique_ptr<Executor> executor = executor_of({{"weights", bits.weights},
                                                              {"activations", bits.activations},
                                                              {"instructions", std::string(enum_text(set))}});
      Hasher hash;
      for (const Activation activation : {Activation::swiglu, Activation::gelu}) {
        const BankOptions options{
            .seed = 5, .num_experts = 2, .d_model = 300, .width = 150, .activation = activation};
        const Matrix out = run_seeded(*executor, options, {0, 3, 40}, context);
        hash.add_bytes(out.data(), static_cast<std::size_t>(out.rows() * out.cols()) * sizeof(float));
      }
      EXPECT_EQ(to_hex(hash.digest()), set == InstructionSet::portable ? bits.portable : bits.fused)
          << executor->layout();
    }
  }
}

// The weights as an executor of this type keeps them; biases stay.
void narrow_weights(WeightType type, FfnWeights& weights) {
  for (Matrix* matrix : {&weights.up, &weights.gate_proj, &weights.down}) {
    for (Index r = 0; r < matrix->rows(); ++r) {
      const float scale = int8_scale(matrix->row(r));
      for (float& v : matrix->row(r)) {
        v = type == WeightType::bf16   ? from_bf16(to_bf16(v))
            : type == WeightType::fp16 ? from_fp16(to_fp16(v))
            : type == WeightType::int8 ? scale * to_int8(v, scale)
                                       : v;
      }
    }
  }
}

// Root mean square of the differences beside that of the row, or beside a tenth where the sums nearly cancel.
double distance_in_units(std::span<const float> a, const std::vector<double>& b) {
  double distance = 0;
  double size = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    distance += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
    size += b[i] * b[i];
  }
  return std::sqrt(distance / std::max(size, 0.01 * static_cast<double>(b.size())));
}

RC_GTEST_PROP(Biases, AnyShapeOnAnyExecutorAgreesWithTheReference, ()) {
  static const std::vector<std::unique_ptr<Executor>> executors = all_executors();
  static const Context context({.threads = 2});
  const Executor& executor = *executors[*rc::gen::inRange<std::size_t>(0, executors.size())];
  const auto activations = enum_names(Activation{});
  const BankOptions options{
      .seed = *rc::gen::arbitrary<std::uint64_t>(),
      .num_experts = *rc::gen::inRange<Index>(1, 4),
      .d_model = *rc::gen::inRange<Index>(1, 200),
      .width = *rc::gen::inRange<Index>(1, 300),
      .activation = activations[*rc::gen::inRange<std::size_t>(0, activations.size())].value,
      .biases = *rc::gen::arbitrary<bool>()};
  std::vector<Index> begin = {0};
  for (Index e = 0; e < options.num_experts; ++e) {
    begin.push_back(begin.back() + *rc::gen::inRange<Index>(0, 40));
  }
  const ExpertBank bank = make_bank_of(options.shape(), Copied(options, 100), executor, context);
  Matrix in = random_rows(begin.back(), options.d_model, 9);
  const float size = *rc::gen::element(1.0F, 20.0F);  // large enough to be cut off
  for (Index r = 0; r < in.rows(); ++r) {
    for (float& x : in.row(r)) x *= size;
  }
  Matrix out(in.rows(), in.cols());
  run_rows(executor, {.bank = bank, .expert_begin = begin, .in = {.from = in.view()}, .out = out.view()},
           context);
  // Narrow activations have an exact reference of their own (tiled_narrow_test.cpp).
  const double most = (executor.multiplies_floats() ? 2e-6 : 0.1) * static_cast<double>(size);
  for (Index e = 0; e < options.num_experts; ++e) {
    FfnWeights weights = make_ffn_weights(options, e);
    narrow_weights(executor.weight_type(), weights);
    for (Index r = begin[static_cast<std::size_t>(e)]; r < begin[static_cast<std::size_t>(e) + 1]; ++r) {
      const double distance =
          distance_in_units(out.row(r), reference::expert_row(weights, options.activation, in.row(r)));
      RC_LOG() << executor.layout() << " row " << r << ": " << distance << "\n";
      RC_ASSERT(distance <= most);
    }
  }
}

// One expert at the depths of published models: a chain of D products rounds by about √D steps.
double worst_distance(const Executor& executor, const BankOptions& options) {
  constexpr Index kRows = 3;
  const Context context({.threads = 2});
  const Index begin[] = {0, kRows};
  const Matrix in = random_rows(kRows, options.d_model, 9);
  Matrix out(kRows, options.d_model);
  const ExpertBank bank = make_bank(options, executor, context);
  run_rows(executor, {.bank = bank, .expert_begin = begin, .in = {.from = in.view()}, .out = out.view()},
           context);
  const FfnWeights weights = make_ffn_weights(options, 0);
  double worst = 0;
  for (Index r = 0; r < kRows; ++r) {
    worst = std::max(worst, reference::relative_distance(
                                out.row(r), reference::expert_row(weights, options.activation, in.row(r))));
  }
  return worst;
}

TEST(Depth, RoundingStaysBelowTwoMillionths) {
  struct Model {
    const char* name;
    BankOptions options;
  };
  const Model models[] = {
      {"gpt-oss",
       {.seed = 1, .d_model = 2880, .width = 2880, .activation = Activation::swiglu_oai, .biases = true}},
      {"deepseek-v3", {.seed = 1, .d_model = 7168, .width = 2048}}};
  for (const Model& model : models) {
    const auto expect = [&](const std::string& name, const Executor& executor, double most) {
      const double worst = worst_distance(executor, model.options);
      EXPECT_LE(worst, most) << model.name << " " << name;
      RecordProperty(std::string(model.name) + " " + name, std::to_string(worst * 1e6) + " millionths");
    };
    expect("serial", *executor_of({{"kind", "serial"}}), 2e-6);
    if (executors().find("onednn")->traits.built) {
      expect("onednn", *executor_of({{"kind", "onednn"}}), 2e-6);
    }
    for (const InstructionSet set : usable_instruction_sets()) {
      const std::string instructions(enum_text(set));
      expect(instructions + " chain", *executor_of({{"instructions", instructions}}), 4e-6);
      expect(instructions + " blocks", *executor_of({{"instructions", instructions}, {"sums", "blocks"}}),
             1e-6);
    }
  }
}

}  // namespace
}  // namespace moesim
