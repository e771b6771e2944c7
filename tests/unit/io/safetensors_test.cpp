// Checkpoints as they are: single, sharded, every type; what was written comes back.
#include "io/safetensors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "io/safetensors_header.h"
#include "io/scaled_tensors.h"
#include "support/checkpoint_writer.h"
#include "temporary_folder.h"

namespace moesim {
namespace {

using Safetensors = TemporaryFolder;

std::vector<float> some_numbers(std::size_t count, float size = 1.0F) {
  std::vector<float> numbers(count);
  for (std::size_t i = 0; i < count; ++i) {
    numbers[i] = size * std::sin(static_cast<float>(i) * 0.7F + 0.3F) *
                 std::pow(2.0F, static_cast<float>(i % 13) - 6.0F);
  }
  return numbers;
}

std::vector<float> read_all(const TensorFolder& folder, const std::string& name) {
  const TensorInfo* tensor = folder.find(name);
  EXPECT_NE(tensor, nullptr) << name;
  std::vector<float> numbers(tensor->elements());
  folder.read(*tensor, 0, numbers);
  return numbers;
}

TEST_F(Safetensors, ReadsEveryFloatTypeExactly) {
  CheckpointWriter writer;
  std::map<std::string, std::vector<float>> stored;
  for (const char* const type : {"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"}) {
    stored[type] = writer.add(std::string("t.") + type, type, {37, 500}, some_numbers(37 * 500));
  }
  const TensorFolder folder(writer.write_single(folder_));
  for (const auto& [type, numbers] : stored) {
    const TensorInfo* tensor = folder.find("t." + type);
    ASSERT_NE(tensor, nullptr);
    EXPECT_EQ(tensor->type_name, type);
    EXPECT_EQ(read_all(folder, "t." + type), numbers) << type;
    for (const std::size_t first : {0, 1, 999, 18499, 18500}) {  // any part of it
      std::vector<float> part(std::min<std::size_t>(777, 18500 - first));
      folder.read(*tensor, first, part);
      EXPECT_EQ(part, std::vector<float>(numbers.begin() + static_cast<std::ptrdiff_t>(first),
                                         numbers.begin() + static_cast<std::ptrdiff_t>(first + part.size())));
    }
  }
}

TEST_F(Safetensors, ReadsShardsByTheirIndexAndNothingElse) {
  CheckpointWriter writer;
  std::map<std::string, std::vector<float>> stored;
  for (int i = 0; i < 10; ++i) {
    const std::string name = "layer." + std::to_string(i);
    stored[name] =
        writer.add(name, i % 2 == 0 ? "BF16" : "F32", {3, 5}, some_numbers(15, static_cast<float>(1 + i)));
  }
  writer.write_sharded(folder_, 3);
  put("consolidated.safetensors", "not read: the index does not name it");
  const TensorFolder folder(folder_);
  EXPECT_EQ(folder.shards().size(), 3u);
  EXPECT_EQ(folder.tensors().size(), 10u);
  EXPECT_TRUE(std::is_sorted(folder.tensors().begin(), folder.tensors().end(),
                             [](const TensorInfo& a, const TensorInfo& b) { return a.name < b.name; }));
  for (const auto& [name, numbers] : stored) {
    EXPECT_EQ(read_all(folder, name), numbers) << name;
  }
  EXPECT_EQ(folder.find("layer.10"), nullptr);
  EXPECT_EQ(folder.where(*folder.find("layer.0")),
            folder_ + "/model-00001-of-00003.safetensors: tensor 'layer.0'");
  const TensorFolder by_index(in_folder("model.safetensors.index.json"));
  EXPECT_EQ(by_index.tensors().size(), 10u);
}

TEST_F(Safetensors, ReadsAllFilesOfAFolderWithoutAnIndex) {
  CheckpointWriter one;
  CheckpointWriter two;
  one.add("a", "F32", {2}, some_numbers(2));
  two.add("b", "F16", {}, some_numbers(1));
  put("x.safetensors", one.file_bytes());
  put("y.safetensors", two.file_bytes());
  put(".hidden.safetensors", "not read");
  put("config.json", "{}");
  const TensorFolder folder(folder_);
  EXPECT_EQ(folder.shards(),
            (std::vector<std::string>{in_folder("x.safetensors"), in_folder("y.safetensors")}));
  EXPECT_EQ(folder.find("b")->elements(), 1u);
}

TEST_F(Safetensors, ReadsBlockScaledWeights) {
  CheckpointWriter writer;
  const std::vector<float> stored = writer.add_block_scaled("w.weight", 300, 200, some_numbers(60000, 0.01F));
  const TensorFolder folder(writer.write_single(folder_));
  const BlockScaledTensor tensor{.weight = *folder.find("w.weight"),
                                 .scale = *folder.find("w.weight_scale_inv")};
  EXPECT_EQ(size_of(folder, tensor).rows, 300);
  EXPECT_EQ(size_of(folder, tensor).cols, 200);
  for (const auto& [first, count] : {std::pair{0, 300}, {0, 0}, {127, 2}, {250, 50}, {129, 127}}) {
    Matrix rows(count, 200);
    read_rows(folder, tensor, first, rows.view());
    EXPECT_EQ(std::vector<float>(rows.data(), rows.data() + count * 200),
              std::vector<float>(stored.begin() + first * 200, stored.begin() + (first + count) * 200));
  }
}

TEST_F(Safetensors, ReadsMxfp4) {
  CheckpointWriter writer;
  const std::vector<float> stored = writer.add_mxfp4("w", {2, 3, 96}, some_numbers(2 * 3 * 96));
  const TensorFolder folder(writer.write_single(folder_));
  const Mxfp4Tensor tensor{.blocks = *folder.find("w_blocks"), .scales = *folder.find("w_scales")};
  EXPECT_EQ(size_of(folder, tensor).rows, 6);
  EXPECT_EQ(size_of(folder, tensor).cols, 96);
  for (const auto& [first, count] : {std::pair{0, 6}, {5, 1}, {2, 3}, {6, 0}}) {
    Matrix rows(count, 96);
    read_rows(folder, tensor, first, rows.view());
    EXPECT_EQ(std::vector<float>(rows.data(), rows.data() + count * 96),
              std::vector<float>(stored.begin() + first * 96, stored.begin() + (first + count) * 96));
  }
}

}  // namespace
}  // namespace moesim
