// The bytes of files that are written, and that they are read as what they were.
#include <gtest/gtest.h>

#include "io/safetensors.h"
#include "io/safetensors_header.h"
#include "npy_fixture.h"
#include "safetensors_fixture.h"
#include "temporary_folder.h"

namespace moesim {
namespace {

using namespace std::string_literals;
using SafetensorsWrite = TemporaryFolder;

TEST_F(SafetensorsWrite, LaysFilesOutAsTheReferenceDoes) {
  const std::string floats = bytes_of<float>({1, 2});
  const std::vector<TensorToWrite> tensors = {{"z", "U8", {3}, "xyz"},
                                              {"b", "F32", {2}, floats},
                                              {"a", "F32", {1, 2}, floats},
                                              {"é\n\"", "F64", {0, 5}, ""}};
  const std::string path = in_folder("x.safetensors");
  write_safetensors(path, tensors, {{"format", "pt"}});
  std::string header =
      "{\"__metadata__\":{\"format\":\"pt\"},"
      "\"é\\n\\\"\":{\"dtype\":\"F64\",\"shape\":[0,5],\"data_offsets\":[0,0]},"
      "\"a\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]},"
      "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]},"
      "\"z\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[16,19]}}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  EXPECT_EQ(contents(path), length_field(header.size()) + header + floats + floats + "xyz");
  EXPECT_EQ(names(), std::vector<std::string>{"x.safetensors"});
}

TEST_F(SafetensorsWrite, ComesBackWhateverTheOrder) {
  const std::vector<std::pair<std::string, unsigned>> types = {
      {"F64", 64},    {"F32", 32},        {"F16", 16}, {"BF16", 16},      {"F8_E4M3", 8}, {"F8_E5M2", 8},
      {"I64", 64},    {"U64", 64},        {"I32", 32}, {"U32", 32},       {"I16", 16},    {"U16", 16},
      {"I8", 8},      {"U8", 8},          {"BOOL", 8}, {"F4", 4},         {"F6_E2M3", 6}, {"F6_E3M2", 6},
      {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"C64", 64}, {"F8_E5M2FNUZ", 8}};
  std::vector<std::string> payloads;
  for (const auto& [type, bits] : types) {
    payloads.emplace_back(bits * 3, static_cast<char>(bits + payloads.size()));  // of 24 elements
  }
  std::vector<TensorToWrite> tensors;
  for (std::size_t i = 0; i < types.size(); ++i) {
    tensors.push_back({"t." + types[i].first, types[i].first, {2, 3, 4}, payloads[i]});
  }
  const std::string path = in_folder("x.safetensors");
  write_safetensors(path, tensors);
  const std::string bytes = contents(path);
  std::reverse(tensors.begin(), tensors.end());
  write_safetensors(path, tensors);
  EXPECT_EQ(contents(path), bytes);
  const TensorFolder folder(path);
  ASSERT_EQ(folder.tensors().size(), types.size());
  EXPECT_EQ(folder.tensors()[0].begin % 8, 0u);
  for (std::size_t i = 0; i < types.size(); ++i) {
    const TensorInfo* tensor = folder.find("t." + types[i].first);
    ASSERT_NE(tensor, nullptr);
    EXPECT_EQ(tensor->type_name, types[i].first);
    EXPECT_EQ(tensor->shape, (std::vector<std::uint64_t>{2, 3, 4}));
    std::string found(payloads[i].size(), '\0');
    folder.read_bytes(*tensor, 0, std::as_writable_bytes(std::span(found)));
    EXPECT_EQ(found, payloads[i]);
    EXPECT_TRUE(tensor->bits < 16 || tensor->begin % (tensor->bits / 8) == 0) << types[i].first;
  }
  write_safetensors(path, {});
  EXPECT_EQ(contents(path), length_field(8) + "{}      ");
}

TEST_F(SafetensorsWrite, LeavesWhatWasThereWhenItFails) {
  const std::string path = put("x.safetensors", "old");
  const std::vector<TensorToWrite> twice = {{"a", "U8", {1}, "x"}, {"a", "U8", {1}, "y"}};
  EXPECT_EQ(
      refusal_of([&] { write_safetensors(path, twice); }).message,
      path + ": error: byte 61: tensor 'a' stands twice; expected each name once [safetensors-malformed]");
  EXPECT_EQ(contents(path), "old");
  EXPECT_EQ(names(), std::vector<std::string>{"x.safetensors"});
  const std::vector<TensorToWrite> one = {{"a", "U8", {1}, "x"}};
  EXPECT_EQ(refusal_of([&] { write_safetensors(in_folder("none/x"), one); }).kind, ErrorKind::cannot_create);
  EXPECT_EQ(refusal_of([&] { write_safetensors("/dev/full", one); }).kind, ErrorKind::write_failed);
}

TEST_F(SafetensorsWrite, TakesOnlyWhatTheFormatHas) {
  const auto kind = [&](const TensorToWrite& tensor) {
    return refusal_of([&] { write_safetensors(in_folder("x"), {&tensor, 1}); }).kind;
  };
  EXPECT_EQ(kind({"a", "U8", {2}, "x"}), ErrorKind::internal);
  EXPECT_EQ(kind({"a", "F5", {1}, "x"}), ErrorKind::internal);
  EXPECT_EQ(kind({"\xff", "U8", {1}, "x"}), ErrorKind::internal);
  EXPECT_EQ(kind({"__metadata__", "U8", {1}, "x"}), ErrorKind::internal);
  EXPECT_EQ(kind({"a", "U8", {1, 1, 1, 1, 1, 1, 1, 1, 1}, "x"}), ErrorKind::internal);
  EXPECT_EQ(kind({"a", "F4", {1}, "x"}), ErrorKind::internal);
  EXPECT_TRUE(names().empty());
}

}  // namespace
}  // namespace moesim
