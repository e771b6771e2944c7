#pragma once
// The compact binary form of recorded routing, byte by byte in docs/formats.md: a header, then records that
// each carry a checksum, the last one saying how much there was.

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "io/recording.h"

namespace moesim {

inline constexpr std::string_view kMoerSignature = "\x89MOER\r\n\x1a";
inline constexpr std::uint32_t kMoerVersion = 1;

// Bits of the header's parts.
enum MoerParts : std::uint32_t {
  kMoerChoices = 1,  // else counts
  kMoerWeights = 2,
  kMoerKept = 4,
  kMoerText = 8,
  kMoerSequences = 16,
  kMoerTokenIds = 32,
  kMoerSteps = 64,
  kMoerAllParts = 127,
};
enum class MoerKind : std::uint32_t { group = 1, choices = 2, counts = 3, end = 4 };
inline constexpr std::uint32_t kMoerWide = 1;  // flag of choices: ids of two bytes
inline constexpr std::uint32_t kMoerFew = 1;   // flag of counts: those that are not 0 alone

inline constexpr std::size_t kMoerRecordHead = 16;  // kind, flags, bytes of the payload
inline constexpr std::uint64_t kMoerMostPayload = std::uint64_t{64} << 20;
inline constexpr std::uint64_t kMoerMostHeader = 1 << 20;
inline constexpr std::size_t kMoerMostTokens = 65536;     // of a record
inline constexpr std::size_t kMoerMostChoices = 1 << 20;  // where it has more than one token
inline constexpr std::size_t kMoerMostText = 16 << 20;    // as above
inline constexpr std::uint32_t kMoerNoTokenId = 0xffffffff;
inline constexpr std::size_t kMoerMostColumns = 64;

struct MoerTotals {
  std::uint64_t records = 0;  // before the last
  std::uint64_t choices = 0;
  std::uint64_t tokens = 0;
  std::uint64_t counted = 0;  // sum of all counts
  bool operator==(const MoerTotals&) const = default;
};

// The bytes of each part, for writers.
std::string moer_header(const RecordingInfo& info);
// The record that defines the next group, by its values of the file's columns.
std::string moer_group(const std::vector<std::string>& values);
// Tokens [first, last) of the block, at most as many as fit a record.
std::string moer_choices(const ChoiceBlock& block, const RecordedParts& parts, std::size_t first,
                         std::size_t last);
std::string moer_counts(const RecordedCounts& counts);
std::string moer_end(const MoerTotals& totals);

}  // namespace moesim
