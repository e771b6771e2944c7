// What reading refuses, files that change while they are open, many threads, and files of any size.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <thread>

#include "io/safetensors.h"
#include "io/scaled_tensors.h"
#include "npy_fixture.h"
#include "safetensors_fixture.h"
#include "support/checkpoint_writer.h"
#include "temporary_folder.h"

namespace moesim {
namespace {

class SafetensorsRead : public TemporaryFolder {
 protected:
  // One tensor "t" of that type and payload.
  std::string put_one(const std::string& type, const Shape& shape, const std::string& payload) const {
    CheckpointWriter writer;
    writer.add_bytes("t", type, shape, payload);
    return writer.write_single(folder_);
  }
  // The message of reading all of it, behind the file's name.
  std::string message_of(const std::string& type, const Shape& shape, const std::string& payload) const {
    const std::string path = put_one(type, shape, payload);
    const TensorFolder folder(path);
    const TensorInfo& tensor = *folder.find("t");
    const Refusal refusal = refusal_of([&] {
      std::vector<float> numbers(tensor.elements());
      folder.read(tensor, 0, numbers);
    });
    EXPECT_TRUE(!refusal.thrown || refusal.kind == ErrorKind::bad_data);
    return refusal.message.substr(std::min(refusal.message.size(), path.size()));
  }
};

TEST_F(SafetensorsRead, RefusesNumbersThatAreNotFinite) {
  const auto expected = [](const char* place, const char* value) {
    return std::string(": tensor 't': error: element ") + place + " is " + value +
           "; expected a finite float32 [not-finite]";
  };
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(message_of("F32", {2, 3}, bytes_of<float>({1, 2, 3, 4, -kInf, kNan})),
            expected("[1, 1]", "-inf"));
  EXPECT_EQ(message_of("F32", {}, bytes_of<float>({kNan})), expected("[]", "nan"));
  EXPECT_EQ(message_of("F64", {2}, bytes_of<double>({1, 1e300})), expected("[1]", "1e+300"));
  EXPECT_EQ(message_of("F64", {1}, bytes_of<double>({-std::numeric_limits<double>::infinity()})),
            expected("[0]", "-inf"));
  EXPECT_EQ(message_of("F64", {2}, bytes_of<double>({3.4028235e38, 1e-300})), "");
  EXPECT_EQ(message_of("F16", {3}, bytes_of<std::uint16_t>({0x7bff, 0x7c00, 0x7e00})),
            expected("[1]", "inf"));
  EXPECT_EQ(message_of("F16", {1}, bytes_of<std::uint16_t>({0xfc01})), expected("[0]", "nan"));
  EXPECT_EQ(message_of("BF16", {1, 1, 2}, bytes_of<std::uint16_t>({0x7f7f, 0xff80})),
            expected("[0, 0, 1]", "-inf"));
  EXPECT_EQ(message_of("F8_E4M3", {2}, "\x7e\xff"), expected("[1]", "nan"));
  EXPECT_EQ(message_of("F8_E5M2", {2}, "\x7b\x7c"), expected("[1]", "inf"));
  std::string large(200'001, '\x38');  // beyond one slice
  large[150'007] = '\x7f';
  EXPECT_EQ(message_of("F8_E4M3", {200'001}, large), expected("[150007]", "nan"));
}

TEST_F(SafetensorsRead, RefusesTypesThatAreNoFloats) {
  for (const auto& [type, bytes] : {std::pair{"U8", 4},
                                    {"I8", 4},
                                    {"BOOL", 4},
                                    {"I16", 8},
                                    {"I32", 16},
                                    {"U64", 32},
                                    {"C64", 32},
                                    {"F8_E8M0", 4},
                                    {"F8_E4M3FNUZ", 4},
                                    {"F4", 2},
                                    {"F6_E2M3", 3}}) {
    EXPECT_EQ(message_of(type, {4}, std::string(static_cast<std::size_t>(bytes), '\0')),
              std::string(": tensor 't': error: its type is ") + type +
                  "; expected F64, F32, F16, BF16, F8_E4M3 or F8_E5M2 [safetensors-unsupported]");
  }
}

TEST_F(SafetensorsRead, ReadsWholeNumbers) {
  const auto read = [&](const std::string& type, const std::string& payload, std::uint64_t first = 0) {
    const TensorFolder folder(put_one(type, {2}, payload));
    std::vector<std::int64_t> numbers(2 - first);
    folder.read_whole(*folder.find("t"), first, numbers);
    return numbers;
  };
  using Numbers = std::vector<std::int64_t>;
  EXPECT_EQ(read("I8", bytes_of<std::int8_t>({-128, 127})), (Numbers{-128, 127}));
  EXPECT_EQ(read("U8", bytes_of<std::uint8_t>({0, 255})), (Numbers{0, 255}));
  EXPECT_EQ(read("BOOL", bytes_of<std::uint8_t>({0, 1})), (Numbers{0, 1}));
  EXPECT_EQ(read("I16", bytes_of<std::int16_t>({-32768, 1})), (Numbers{-32768, 1}));
  EXPECT_EQ(read("U16", bytes_of<std::uint16_t>({65535, 1})), (Numbers{65535, 1}));
  EXPECT_EQ(read("I32", bytes_of<std::int32_t>({-7, 1}), 1), (Numbers{1}));
  EXPECT_EQ(read("U32", bytes_of<std::uint32_t>({4294967295U, 1})), (Numbers{4294967295, 1}));
  EXPECT_EQ(read("I64", bytes_of<std::int64_t>({INT64_MIN, INT64_MAX})), (Numbers{INT64_MIN, INT64_MAX}));
  EXPECT_EQ(read("U64", bytes_of<std::uint64_t>({INT64_MAX, 1})), (Numbers{INT64_MAX, 1}));
  const std::string where = in_folder("model.safetensors") + ": tensor 't': error: ";
  EXPECT_EQ(
      refusal_of([&] {
        read("U64", bytes_of<std::uint64_t>({1, 1ULL << 63}));
      }).message,
      where + "element [1] is 9223372036854775808; expected at most 9223372036854775807 [out-of-range]");
  EXPECT_EQ(refusal_of([&] { read("BOOL", "\x01\x02"); }).message,
            where + "element [1] is 2; expected at most 1 [out-of-range]");
  EXPECT_EQ(refusal_of([&] { read("F16", "\0\0\0\0"); }).kind, ErrorKind::bad_data);
}

TEST_F(SafetensorsRead, ReadsBytesOfEveryType) {
  const TensorFolder folder(put_one("F8_E8M0", {5}, "abcde"));
  std::vector<std::byte> bytes(3);
  folder.read_bytes(*folder.find("t"), 2, bytes);
  EXPECT_EQ(std::memcmp(bytes.data(), "cde", 3), 0);
  EXPECT_EQ(refusal_of([&] { folder.read_bytes(*folder.find("t"), 3, bytes); }).kind, ErrorKind::internal);
}

TEST_F(SafetensorsRead, RefusesScalesThatDoNotBelong) {
  CheckpointWriter writer;
  writer.add("w", "F8_E4M3", {200, 300}, std::vector<float>(60000, 1.0F));
  writer.add("s", "F32", {2, 2}, std::vector<float>(4, 1.0F));
  writer.add_bytes("e8m0", "F8_E8M0", {2, 3}, std::string(6, '\x7f'));
  writer.add("big", "F32", {2, 3}, std::vector<float>(6, 1e38F));
  writer.add("scalar", "F32", {}, std::vector<float>(1, 1.0F));
  writer.add_bytes("b", "U8", {2, 16}, std::string(32, '\x22'));
  writer.add_bytes("b15", "U8", {2, 15}, std::string(30, '\0'));
  writer.add_bytes("s2", "U8", {2}, "\x7f\xff");
  const TensorFolder folder(writer.write_single(folder_));
  const std::string start = in_folder("model.safetensors") + ": tensor ";
  Matrix out(200, 300);
  const auto scaled = [&](const char* weight, const char* scale) {
    return refusal_of([&] {
      const BlockScaledTensor tensor{.weight = *folder.find(weight), .scale = *folder.find(scale)};
      read_rows(folder, tensor, 0, out.view());
    });
  };
  EXPECT_EQ(scaled("w", "s").message,
            start +
                "'w': error: it is F8_E4M3 [200, 300] and its scales 's' are F32 [2, 2]; "
                "expected scales [2, 3], one for each block of 128 x 128 [tensor-shape]");
  EXPECT_EQ(scaled("scalar", "s").message,
            start +
                "'scalar': error: it is F32 [] and its scales 's' are F32 [2, 2]; "
                "expected rows and columns [tensor-shape]");
  EXPECT_EQ(scaled("w", "e8m0").message,
            start +
                "'e8m0': error: its type is F8_E8M0; expected F64, F32, F16, BF16, "
                "F8_E4M3 or F8_E5M2 [safetensors-unsupported]");
  EXPECT_EQ(scaled("w", "big").message, "");
  const auto mxfp4 = [&](const char* blocks, const char* scales) {
    return refusal_of([&] {
      Matrix rows(1, 32);
      const Mxfp4Tensor tensor{.blocks = *folder.find(blocks), .scales = *folder.find(scales)};
      for (Index row = 0; row < size_of(folder, tensor).rows; ++row) {
        read_rows(folder, tensor, row, rows.view());
      }
    });
  };
  EXPECT_EQ(
      mxfp4("b15", "s2").message,
      start +
          "'b15': error: it is U8 [2, 15] and its scales 's2' are U8 [2]; expected blocks U8 [..., C/32, 16] "
          "and scales U8 [..., C/32] [tensor-shape]");
  EXPECT_EQ(mxfp4("b", "s").kind, ErrorKind::bad_data);
  EXPECT_EQ(mxfp4("w", "s").kind, ErrorKind::bad_data);
}

TEST_F(SafetensorsRead, RefusesScaledNumbersThatAreNotFinite) {
  CheckpointWriter writer;
  writer.add("w", "F8_E4M3", {2, 3}, std::vector<float>{1, 2, 3, 4, 448, 6});
  writer.add("w_scale_inv", "F32", {1, 1}, std::vector<float>{1e36F});
  writer.add_bytes("b", "U8", {2, 1, 16}, std::string(32, '\x22'));
  writer.add_bytes("s", "U8", {2, 1}, "\x7f\xff");
  const TensorFolder folder(writer.write_single(folder_));
  const std::string start = in_folder("model.safetensors") + ": tensor ";
  const char* end = "; expected a finite float32 [not-finite]";
  Matrix rows(1, 3);
  const BlockScaledTensor scaled{.weight = *folder.find("w"), .scale = *folder.find("w_scale_inv")};
  EXPECT_EQ(refusal_of([&] { read_rows(folder, scaled, 1, rows.view()); }).message,
            start + "'w': error: with its scale the number in row 1, column 1 (from 0) is inf" + end);
  Matrix all(2, 32);
  const Mxfp4Tensor mxfp4{.blocks = *folder.find("b"), .scales = *folder.find("s")};
  EXPECT_EQ(refusal_of([&] { read_rows(folder, mxfp4, 0, all.view()); }).message,
            start + "'b': error: with its scale the number in row 1, column 0 (from 0) is nan" + end);
}

// Matrices behind each other: rows are counted through, blocks begin anew in each.
TEST_F(SafetensorsRead, ScalesEachMatrixOfAStack) {
  CheckpointWriter writer;
  const std::vector<float> ones(2 * 5 * 3, 1.0F);
  std::vector<float> scales(2 * 3 * 2);
  for (std::size_t i = 0; i < scales.size(); ++i) {
    scales[i] = static_cast<float>(i + 1);
  }
  writer.add("w", "F8_E4M3", {2, 5, 3}, ones);
  writer.add("s", "F32", {2, 3, 2}, scales);
  const TensorFolder folder(writer.write_single(folder_));
  const BlockScaledTensor tensor{
      .weight = *folder.find("w"), .scale = *folder.find("s"), .block_rows = 2, .block_cols = 2};
  ASSERT_EQ(size_of(folder, tensor).rows, 10);
  for (Index first = 0; first < 10; ++first) {
    Matrix rows(10 - first, 3);
    read_rows(folder, tensor, first, rows.view());
    for (Index r = 0; r < rows.rows(); ++r) {
      for (Index c = 0; c < 3; ++c) {
        const Index row = first + r;
        EXPECT_EQ(rows.row(r)[static_cast<std::size_t>(c)],
                  scales[static_cast<std::size_t>((row / 5 * 3 + row % 5 / 2) * 2 + c / 2)]);
      }
    }
  }
}

// What happens to a file between opening the folder and reading, and how reading ends.
TEST_F(SafetensorsRead, NoticesEveryChange) {
  const std::string path = in_folder("model.safetensors");
  const std::string changed =
      path +
      ": error: the file changed while it was read; expected a file that nobody writes to [file-changed]";
  const auto outcome = [&](auto change) {
    std::filesystem::remove(path);
    put_one("F32", {1000}, std::string(4000, '\0'));
    const TensorFolder folder(folder_);
    std::vector<float> numbers(1000);
    folder.read(*folder.find("t"), 0, numbers);
    change();
    return refusal_of([&] { folder.read(*folder.find("t"), 0, numbers); }).message;
  };
  EXPECT_EQ(outcome([] {}), "");
  EXPECT_EQ(outcome([&] { std::filesystem::resize_file(path, 2000); }), changed);
  EXPECT_EQ(outcome([&] { std::ofstream(path, std::ios::app) << 'x'; }), changed);
  EXPECT_EQ(outcome([&] {
              const timespec times[2] = {{1, 0}, {1, 0}};
              ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
            }),
            changed);
  EXPECT_EQ(outcome([&] {  // the same bytes at the same time in another file
              struct stat before {};
              ASSERT_EQ(::stat(path.c_str(), &before), 0);
              std::filesystem::copy_file(path, in_folder("copy"));
              const timespec times[2] = {before.st_atim, before.st_mtim};
              ASSERT_EQ(::utimensat(AT_FDCWD, in_folder("copy").c_str(), times, 0), 0);
              std::filesystem::rename(in_folder("copy"), path);
            }),
            changed);
  EXPECT_EQ(outcome([&] { std::filesystem::remove(path); }),
            path + ": error: there is no such file; expected a file that can be read [file-missing]");
  EXPECT_EQ(outcome([&] {
              std::filesystem::remove(path);
              ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
            }),
            path + ": error: this is a pipe; expected a regular file [not-a-file]");
}

TEST_F(SafetensorsRead, MayGoOnFromSeveralThreads) {
  CheckpointWriter writer;
  std::vector<float> numbers(50'000);
  std::iota(numbers.begin(), numbers.end(), 0.0F);
  writer.add("a", "F32", {50'000}, numbers);
  writer.add("b", "F64", {50'000}, numbers);
  writer.write_sharded(folder_, 2);
  const TensorFolder folder(folder_);
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < 50; ++i) {
        const std::size_t first = (i * 977 + t * 131) % 49'000;
        std::vector<float> part(1000);
        folder.read(*folder.find(i % 2 == 0 ? "a" : "b"), first, part);
        wrong[t] += std::equal(part.begin(), part.end(), numbers.begin() + static_cast<std::ptrdiff_t>(first))
                        ? 0
                        : 1;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

int open_descriptors() {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    count += entry.path().empty() ? 0 : 1;
  }
  return count;
}

TEST_F(SafetensorsRead, KeepsNoShardOpen) {
  CheckpointWriter writer;
  for (int i = 0; i < 40; ++i) {
    writer.add("t" + std::to_string(i), "F32", {1}, std::vector<float>(1, 1.0F));
  }
  writer.write_sharded(folder_, 40);
  const int before = open_descriptors();
  const TensorFolder folder(folder_);
  EXPECT_EQ(open_descriptors(), before + 1);  // of the folder
}

TEST_F(SafetensorsRead, RefusesPathsThatLeadNowhere) {
  for (const std::string& path :
       {std::string(), in_folder("none"), in_folder("none.safetensors.index.json"),
        folder_ + std::string("\0.safetensors", 13), in_folder("none/x.safetensors")}) {
    EXPECT_EQ(refusal_of([&] { TensorFolder{path}; }).kind, ErrorKind::missing_input) << path;
  }
  EXPECT_EQ(refusal_of([&] { TensorFolder{"/dev/zero"}; }).message,
            "/dev/zero: error: this is a device; expected a regular file [not-a-file]");
}

// 100 GB, nearly all of it a hole in the file.
TEST_F(SafetensorsRead, TakesOnlyWhatIsAskedFor) {
  constexpr std::uint64_t kRows = 25'000'000;
  const std::string header = "{" + tensor_entry("t", "F32", "[25000000,1000]", "[0,100000000000]") + "}";
  const std::string path = put("model.safetensors", length_field(header.size()) + header);
  const std::uint64_t start = 8 + header.size();
  if (::truncate(path.c_str(), static_cast<off_t>(start + 4000 * kRows)) != 0) {
    GTEST_SKIP() << "no files of 100 GB here";
  }
  const float last = 7.5F;
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  ASSERT_EQ(::pwrite(file, &last, sizeof last, static_cast<off_t>(start + 4000 * kRows - sizeof last)), 4);
  ::close(file);
  const TensorFolder folder(folder_);
  std::vector<float> row(1000);
  folder.read(*folder.find("t"), (kRows - 1) * 1000, row);
  EXPECT_EQ(row[999], 7.5F);
  EXPECT_EQ(row[0], 0.0F);
}

}  // namespace
}  // namespace moesim
