// Kept router logits as a recording.

#include "engine/routed_logits.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "core/error.h"
#include "io/npy.h"
#include "io/safetensors.h"
#include "support/temp_folder.h"

namespace moesim {
namespace {

std::string_view bytes_of(const std::vector<float>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(float)};
}

// Two layers of three tokens, four experts; softmax, the best two renormalised.
const std::vector<float> kLogits = {3, 2, 1, 0, 0, 1, 2, 3, 1, 1, 0, 0,   // layer 0
                                    0, 0, 5, 4, 9, 0, 0, 8, 0, 7, 0, 7};  // layer 1
const std::vector<std::vector<std::int32_t>> kChosen = {{0, 1, 3, 2, 0, 1}, {2, 3, 0, 3, 1, 3}};

class RoutedLogits : public testing::Test {
 protected:
  std::string npy(const std::string& shape) {
    std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }";
    header.resize((header.size() + 11) / 64 * 64 + 53, ' ');
    header += '\n';
    std::string file("\x93NUMPY\x01\x00", 8);
    file += static_cast<char>(header.size() % 256);
    file += static_cast<char>(header.size() / 256);
    return folder_.write("logits.npy", file + header + std::string(bytes_of(kLogits)));
  }
  std::vector<ChoiceBlock> read(const std::string& path, const std::string& preset = "mixtral") {
    const auto recording = open_router_logits(path, preset, "mine", context_);
    EXPECT_TRUE(recording->info().by_token);
    EXPECT_EQ(recording->info().groups.at(0).num_experts, 4);
    EXPECT_EQ(recording->info().groups.at(0).model, "mine");
    std::vector<ChoiceBlock> blocks;
    for (ChoiceBlock block; recording->next(block);) {
      blocks.push_back(block);
    }
    return blocks;
  }
  std::string error(const std::string& path, const std::string& preset = "mixtral") {
    try {
      read(path, preset);
    } catch (const Error& e) {
      return e.what();
    }
    return "no error";
  }
  void expect_chosen(const std::vector<ChoiceBlock>& blocks) {
    ASSERT_EQ(blocks.size(), 2U);
    for (std::size_t l = 0; l < 2; ++l) {
      EXPECT_EQ(blocks[l].layer, static_cast<Index>(l));
      EXPECT_EQ(blocks[l].expert, kChosen[l]);
      EXPECT_EQ(blocks[l].begin, (std::vector<std::uint32_t>{0, 2, 4, 6}));
      EXPECT_NEAR(blocks[l].weight[0] + blocks[l].weight[1], 1.0, 1e-6);
    }
  }

  TempFolder folder_;
  Context context_{{.threads = 2}};
};

TEST_F(RoutedLogits, OfOneArrayOfAllLayers) {
  expect_chosen(read(npy("(2, 3, 4)")));
}

TEST_F(RoutedLogits, OfOneLayer) {
  const std::vector<ChoiceBlock> blocks = read(npy("(6, 4)"));
  ASSERT_EQ(blocks.size(), 1U);
  EXPECT_EQ(blocks[0].num_tokens(), 6);
}

TEST_F(RoutedLogits, OfTensorsNumberedByLayer) {
  const std::vector<float> first(kLogits.begin(), kLogits.begin() + 12);
  const std::vector<float> second(kLogits.begin() + 12, kLogits.end());
  const std::string path = folder_.file("l.safetensors");
  const std::vector<TensorToWrite> tensors = {{"router_logits.1", "F32", {3, 4}, bytes_of(second)},
                                              {"router_logits.0", "F32", {3, 4}, bytes_of(first)}};
  write_safetensors(path, tensors);
  expect_chosen(read(path));
}

TEST_F(RoutedLogits, OfOneTensorOfAllLayers) {
  const std::string path = folder_.file("l.safetensors");
  const std::vector<TensorToWrite> tensors = {{"router_logits", "F32", {2, 3, 4}, bytes_of(kLogits)}};
  write_safetensors(path, tensors);
  expect_chosen(read(path));
}

TEST_F(RoutedLogits, ASelectionBiasIsSaidToBeMissing) {
  const std::string path = folder_.file("l.safetensors");
  const std::vector<float> logits(3 * 256, 0.5F);
  const std::vector<TensorToWrite> tensors = {{"router_logits.0", "F32", {3, 256}, bytes_of(logits)}};
  write_safetensors(path, tensors);
  EXPECT_EQ(
      open_router_logits(path, "deepseek_v3", "mine", context_)->info().notes,
      std::vector<std::string>{"the router's selection bias is not in the logits; it is taken to be 0"});
  EXPECT_TRUE(open_router_logits(path, "mixtral", "mine", context_)->info().notes.empty());
}

TEST_F(RoutedLogits, OtherFilesAreNamedAsSuch) {
  const std::string csv = folder_.write("l.csv", "layer,expert,count\n0,0,1\n");
  EXPECT_EQ(error(csv), csv +
                            ": error: it is neither .npy nor .safetensors; expected router logits in one of "
                            "them [recording-form]");
  std::filesystem::rename(npy("(2, 3, 4)"), folder_.file("logits"));
  expect_chosen(read(folder_.file("logits")));
  EXPECT_NE(error(folder_.file("nowhere")).find("[file-missing]"), std::string::npos);
}

TEST_F(RoutedLogits, SaysWhatIsWrong) {
  EXPECT_NE(error(npy("(24,)")).find("expected 2 or 3: [tokens, experts], [layers, tokens, experts]"),
            std::string::npos);
  EXPECT_NE(error(npy("(2, 3, 4)"), "nonsense").find("unknown router preset 'nonsense'"), std::string::npos);
  EXPECT_NE(error(npy("(2, 3, 4)"), "olmoe").find("router.top_k"), std::string::npos);
  EXPECT_NE(error(npy("(2, 3, 4)"), "soft_moe").find("[no-effect]"), std::string::npos);
  const std::string path = folder_.file("two.safetensors");
  const std::vector<float> part(kLogits.begin(), kLogits.begin() + 12);
  const std::vector<TensorToWrite> tensors = {{"a.1", "F32", {3, 4}, bytes_of(part)},
                                              {"b.1", "F32", {3, 4}, bytes_of(part)}};
  write_safetensors(path, tensors);
  EXPECT_EQ(error(path), path + ": error: two tensors are of layer 1; expected one a layer [tensor-shape]");
  const std::vector<TensorToWrite> wide = {{"a.1", "F32", {3, 4}, bytes_of(part)},
                                           {"a.2", "F32", {4, 3}, bytes_of(part)}};
  write_safetensors(path, wide);
  EXPECT_NE(error(path).find("logits of 3 experts beside others of 4"), std::string::npos);
}

}  // namespace
}  // namespace moesim
