#pragma once
// What is wrong in a recording, and where: "trace.csv:12" or "trace.moer: error: byte 120".

#include <cstdint>
#include <string>
#include <string_view>

namespace moesim {

inline constexpr std::uint64_t kMostRecordedLayers = 4096;
inline constexpr std::uint64_t kMostRecordedExperts = 65536;
inline constexpr std::uint64_t kMostTokenId = 0xfffffffe;  // of a vocabulary

// Of counts.
inline constexpr const char* kSumPasses = "with this count the sum of all passes 64 bits";
inline constexpr const char* kSumFits = "counts whose sum is at most 18446744073709551615";

struct RecordingProblem {
  std::string what;
  std::string expected;
  const char* short_name = "recording-malformed";
  std::string help{};
};

// Throws Error(bad_data) with "<where>: error: <what>; expected <expected> [short-name]".
[[noreturn]] void refuse_recording(const std::string& where, const RecordingProblem& problem);

// Text of a file as messages show it: safe for a terminal, in quotes, at most 40 bytes of it.
std::string quoted_word(std::string_view text);

}  // namespace moesim
