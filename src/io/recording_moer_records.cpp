#include "io/recording_moer_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "core/hash.h"
#include "core/text.h"
#include "io/recording_error.h"

namespace moesim {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are read as they lie in the file");

constexpr std::size_t kReadStep = 4 << 20;

}  // namespace

std::string_view MoerCursor::take(std::uint64_t count, const char* what) {
  if (count > left()) {
    refuse(place(), fmt::format("the record ends after {} bytes", left()),
           fmt::format("{} bytes of {}", count, what));
  }
  const std::string_view taken = bytes_.substr(at_, count);
  at_ += count;
  return taken;
}

std::string MoerCursor::text(const char* what) {
  const auto length = number<std::uint32_t>("the length of a text");
  const std::uint64_t start = place();
  std::string value(take(length, what));
  if (find_invalid_utf8(value) != value.size()) {
    refuse(start, fmt::format("{} is not UTF-8", what), "UTF-8");
  }
  return value;
}

void MoerCursor::require_end() const {
  if (left() != 0) {
    refuse(place(), fmt::format("{} bytes are left", left()), "the end of the record");
  }
}

void MoerCursor::refuse(std::uint64_t byte, const std::string& what, const std::string& expected) const {
  refuse_recording(name_, {.what = fmt::format("byte {}: {}", byte, what), .expected = expected});
}

MoerRecords::MoerRecords(std::unique_ptr<RecordingBytes> bytes) : bytes_(std::move(bytes)) {
  read_header();
}

void MoerRecords::refuse(std::uint64_t byte, const std::string& what, const std::string& expected) const {
  refuse_recording(name(), {.what = fmt::format("byte {}: {}", byte, what), .expected = expected});
}

MoerCursor MoerRecords::payload() const {
  return {{record_.data() + kMoerRecordHead, payload_bytes_}, payload_place(), name()};
}

void MoerRecords::require_end_of_file() {
  char more = 0;
  if (bytes_->read({&more, 1}) != 0) {
    refuse(at_, "bytes stand behind the last record", "the end of the file");
  }
}

// `count` more bytes behind the first `used` of record_, which grows as the file gives them.
void MoerRecords::read_behind(std::size_t used, std::size_t count, const char* what) {
  const std::size_t wanted = used + count;
  while (used < wanted) {
    const std::size_t step = std::min(kReadStep, wanted - used);
    if (record_.size() < used + step) {
      record_.resize(used + step);
    }
    const std::size_t got = bytes_->read({record_.data() + used, step});
    used += got;
    at_ += got;
    if (got < step) {
      refuse(at_, "the file ends", fmt::format("{} of {} bytes", what, count));
    }
  }
}

void MoerRecords::check_sum(std::size_t bytes) const {
  std::uint64_t told = 0;
  std::memcpy(&told, record_.data() + bytes, sizeof told);
  const std::uint64_t found = hash64({record_.data(), bytes});
  if (told != found) {
    refuse(at_ - sizeof told, fmt::format("the checksum is {}", to_hex(told)),
           fmt::format("{}, of the {} bytes before it", to_hex(found), bytes));
  }
}

void MoerRecords::read_header() {
  constexpr std::size_t kFixed = 24;
  read_behind(0, kFixed, "a header");
  MoerCursor fixed({record_.data(), kFixed}, 0, name());
  if (fixed.take(kMoerSignature.size(), "the signature") != kMoerSignature) {
    refuse(0, "the signature is another", "\\x89MOER\\r\\n\\x1a");
  }
  if (const auto version = fixed.number<std::uint32_t>("the version"); version != kMoerVersion) {
    refuse(8, fmt::format("version {} of the form", version), fmt::format("version {}", kMoerVersion));
  }
  MoerHeader& header = header_;
  header.parts = fixed.number<std::uint32_t>("the parts");
  const std::uint32_t allowed =
      (header.parts & kMoerChoices) != 0 ? kMoerAllParts : kMoerSteps | kMoerTokenIds;
  if ((header.parts & ~allowed) != 0) {
    refuse(12, fmt::format("the parts are {:#x}", header.parts), fmt::format("bits of {:#x} alone", allowed));
  }
  const auto columns = fixed.number<std::uint32_t>("the number of columns");
  if (columns > kMoerMostColumns) {
    refuse(16, fmt::format("there are {} columns", columns), fmt::format("at most {}", kMoerMostColumns));
  }
  const auto length = fixed.number<std::uint32_t>("the length of the texts");
  if (length > kMoerMostHeader) {
    refuse(20, fmt::format("the texts take {} bytes", length), fmt::format("at most {}", kMoerMostHeader));
  }
  read_behind(kFixed, length + sizeof(std::uint64_t), "texts and a checksum");
  check_sum(kFixed + length);
  MoerCursor texts({record_.data() + kFixed, length}, kFixed, name());
  header.source = texts.text("the source");
  for (std::uint32_t i = 0; i < columns; ++i) {
    header.columns.push_back(texts.text("a column's name"));
    if (std::count(header.columns.begin(), header.columns.end(), header.columns.back()) > 1) {
      texts.refuse(texts.place(), "two columns have one name", "each column once");
    }
  }
  texts.require_end();
}

MoerKind MoerRecords::read() {
  record_at_ = at_;
  read_behind(0, kMoerRecordHead, "a record, or the last one,");
  MoerCursor head({record_.data(), kMoerRecordHead}, record_at_, name());
  const auto kind = head.number<std::uint32_t>("the kind");
  if (kind < 1 || kind > 4) {
    refuse(record_at_, fmt::format("a record of kind {}", kind), "1 to 4");
  }
  flags_ = head.number<std::uint32_t>("the flags");
  const bool may_have_flag = kind == 2 || kind == 3;
  if (flags_ > (may_have_flag ? 1U : 0U)) {
    refuse(record_at_ + 4, fmt::format("the flags are {:#x}", flags_), may_have_flag ? "0 or 1" : "0");
  }
  const auto length = head.number<std::uint64_t>("the length");
  if (length > kMoerMostPayload) {
    refuse(record_at_ + 8, fmt::format("the record has {} bytes", length),
           fmt::format("at most {}", kMoerMostPayload));
  }
  payload_bytes_ = static_cast<std::size_t>(length);
  read_behind(kMoerRecordHead, payload_bytes_ + sizeof(std::uint64_t), "the record and a checksum");
  check_sum(kMoerRecordHead + payload_bytes_);
  return static_cast<MoerKind>(kind);
}

}  // namespace moesim
