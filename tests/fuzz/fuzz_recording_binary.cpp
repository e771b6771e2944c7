// Recordings that are not text: compact binary, arrays (as choices and as counts), packed files. The
// checksums of compact binary are set right first, so that what they guard is reached.
#include <cstring>
#include <vector>

#include "core/hash.h"
#include "fuzz_recording.h"

namespace {

std::uint64_t number_at(const std::vector<std::uint8_t>& bytes, std::size_t at, std::size_t count) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data() + at, count);
  return value;
}

void put_checksum(std::vector<std::uint8_t>& bytes, std::size_t begin, std::size_t end) {
  const std::uint64_t sum =
      moesim::hash64({reinterpret_cast<const char*>(bytes.data()) + begin, end - begin});
  std::memcpy(bytes.data() + end, &sum, sizeof sum);
}

// As far as the lengths stay inside.
void repair(std::vector<std::uint8_t>& bytes) {
  constexpr std::size_t kHeader = 24;
  constexpr std::size_t kHead = 16;
  constexpr std::size_t kSum = 8;
  if (bytes.size() < kHeader + kSum) {
    return;
  }
  std::size_t end = kHeader + number_at(bytes, 20, 4);
  std::size_t begin = 0;
  while (end <= bytes.size() && bytes.size() - end >= kSum) {
    put_checksum(bytes, begin, end);
    begin = end + kSum;
    if (bytes.size() - begin < kHead) {
      return;
    }
    const std::uint64_t length = number_at(bytes, begin + 8, 8);
    if (length > bytes.size()) {
      return;
    }
    end = begin + kHead + length;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  moesim::read_as_recording(data, size, "");
  const std::vector<std::uint8_t> given(data, data + size);
  if (size > 6 && std::memcmp(data, "\x93NUMPY", 6) == 0) {
    moesim::read_as_recording(data, size, "choices-npy");
    moesim::read_as_recording(data, size, "counts-npy");
  } else if (size > 4 && std::memcmp(data, "\x89MOER", 4) == 0) {
    std::vector<std::uint8_t> repaired = given;
    repair(repaired);
    moesim::read_as_recording(repaired.data(), repaired.size(), "");
  }
  return 0;
}
