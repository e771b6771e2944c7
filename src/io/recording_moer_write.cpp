// Writing the compact binary form.
#include <algorithm>

#include "core/error.h"
#include "core/hash.h"
#include "io/recording_moer.h"

namespace moesim {
namespace {

template <class T>
void put(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
void put_all(std::string& bytes, const T* values, std::size_t count) {
  bytes.append(reinterpret_cast<const char*>(values), count * sizeof(T));
}

void put_text(std::string& bytes, const std::string& text) {
  put(bytes, static_cast<std::uint32_t>(text.size()));
  bytes += text;
}

void put_checksum(std::string& bytes) {
  put(bytes, hash64(bytes));
}

std::string record_of(MoerKind kind, std::uint32_t flags) {
  std::string bytes;
  put(bytes, static_cast<std::uint32_t>(kind));
  put(bytes, flags);
  put(bytes, std::uint64_t{0});
  return bytes;
}

std::string finished(std::string bytes) {
  const std::uint64_t length = bytes.size() - kMoerRecordHead;
  MOESIM_CHECK(length <= kMoerMostPayload, "a record longer than the form allows");
  bytes.replace(8, sizeof length, reinterpret_cast<const char*>(&length), sizeof length);
  put_checksum(bytes);
  return bytes;
}

std::uint32_t bit_of(bool holds, std::uint32_t bit) {
  return holds ? bit : 0;
}

// One number for all tokens, or 0.
std::uint32_t fixed_k(const ChoiceBlock& block, std::size_t first, std::size_t last) {
  const std::uint32_t k = block.begin[first + 1] - block.begin[first];
  for (std::size_t t = first; t < last; ++t) {
    if (block.begin[t + 1] - block.begin[t] != k) {
      return 0;
    }
  }
  return k;
}

void put_ids(std::string& bytes, std::span<const std::int32_t> ids, bool wide) {
  for (const std::int32_t id : ids) {
    if (wide) {
      put(bytes, static_cast<std::uint16_t>(id));
    } else {
      put(bytes, static_cast<std::uint8_t>(id));
    }
  }
}

void put_kept(std::string& bytes, std::span<const std::uint8_t> kept) {
  const std::size_t start = bytes.size();
  bytes.append((kept.size() + 7) / 8, '\0');
  for (std::size_t i = 0; i < kept.size(); ++i) {
    bytes[start + i / 8] = static_cast<char>(bytes[start + i / 8] | (kept[i] != 0 ? 1 << (i % 8) : 0));
  }
}

void put_sequences(std::string& bytes, std::span<const std::uint32_t> sequence) {
  const std::size_t start = bytes.size();
  put(bytes, std::uint32_t{0});
  std::uint32_t count = 0;
  for (std::size_t t = 0; t < sequence.size(); ++t) {
    if (t == 0 || sequence[t] != sequence[t - 1]) {
      put(bytes, static_cast<std::uint32_t>(t));
      put(bytes, sequence[t]);
      ++count;
    }
  }
  bytes.replace(start, sizeof count, reinterpret_cast<const char*>(&count), sizeof count);
}

}  // namespace

std::string moer_header(const RecordingInfo& info) {
  const RecordedParts& p = info.parts;
  std::string texts;
  put_text(texts, info.source);
  for (const std::string& column : info.columns) {
    put_text(texts, column);
  }
  std::string bytes(kMoerSignature);
  put(bytes, kMoerVersion);
  const std::uint32_t of_both = bit_of(p.steps, kMoerSteps) | bit_of(p.token_ids, kMoerTokenIds);
  const std::uint32_t of_choices = kMoerChoices | bit_of(p.weights, kMoerWeights) |
                                   bit_of(p.kept, kMoerKept) | bit_of(p.text, kMoerText) |
                                   bit_of(p.sequences, kMoerSequences);
  put(bytes, of_both | (info.by_token ? of_choices : 0));
  put(bytes, static_cast<std::uint32_t>(info.columns.size()));
  put(bytes, static_cast<std::uint32_t>(texts.size()));
  bytes += texts;
  put_checksum(bytes);
  return bytes;
}

std::string moer_group(const std::vector<std::string>& values) {
  std::string bytes = record_of(MoerKind::group, 0);
  for (const std::string& value : values) {
    put_text(bytes, value);
  }
  return finished(std::move(bytes));
}

std::string moer_choices(const ChoiceBlock& block, const RecordedParts& parts, std::size_t first,
                         std::size_t last) {
  const std::size_t begin = block.begin[first];
  const std::size_t count = block.begin[last] - begin;
  const std::span<const std::int32_t> ids = std::span(block.expert).subspan(begin, count);
  const bool wide = std::any_of(ids.begin(), ids.end(), [](std::int32_t id) { return id > 255; });
  const std::uint32_t k = fixed_k(block, first, last);
  std::string bytes = record_of(MoerKind::choices, bit_of(wide, kMoerWide));
  put(bytes, static_cast<std::uint32_t>(block.group));
  put(bytes, static_cast<std::uint32_t>(block.layer));
  put(bytes, static_cast<std::uint64_t>(block.step));
  put(bytes, block.first_token + first);
  put(bytes, static_cast<std::uint32_t>(last - first));
  put(bytes, k);
  for (std::size_t t = first; t < last && k == 0; ++t) {
    put(bytes, block.begin[t + 1] - block.begin[t]);
  }
  put_ids(bytes, ids, wide);
  if (parts.weights) {
    put_all(bytes, block.weight.data() + begin, count);
  }
  if (parts.kept) {
    put_kept(bytes, std::span(block.kept).subspan(begin, count));
  }
  if (parts.sequences) {
    put_sequences(bytes, std::span(block.sequence).subspan(first, last - first));
  }
  for (std::size_t t = first; t < last && parts.token_ids; ++t) {
    put(bytes, block.token_id[t] < 0 ? kMoerNoTokenId : static_cast<std::uint32_t>(block.token_id[t]));
  }
  for (std::size_t t = first; t < last && parts.text; ++t) {
    put(bytes, static_cast<std::uint32_t>(block.text[t].size()));
  }
  for (std::size_t t = first; t < last && parts.text; ++t) {
    bytes += block.text[t];
  }
  return finished(std::move(bytes));
}

std::string moer_counts(const RecordedCounts& counts) {
  const std::size_t experts = counts.count.size();
  const auto used = static_cast<std::size_t>(
      std::count_if(counts.count.begin(), counts.count.end(), [](std::uint64_t c) { return c != 0; }));
  const bool few = used * 12 < experts * 8;
  std::string bytes = record_of(MoerKind::counts, bit_of(few, kMoerFew));
  put(bytes, static_cast<std::uint32_t>(counts.group));
  put(bytes, static_cast<std::uint32_t>(counts.layer));
  put(bytes, static_cast<std::uint64_t>(counts.step));
  put(bytes, counts.token_id);
  put(bytes, static_cast<std::uint32_t>(experts));
  put(bytes, static_cast<std::uint32_t>(few ? used : experts));
  for (std::size_t e = 0; e < experts && few; ++e) {
    if (counts.count[e] != 0) {
      put(bytes, static_cast<std::uint32_t>(e));
    }
  }
  for (const std::uint64_t count : counts.count) {
    if (count != 0 || !few) {
      put(bytes, count);
    }
  }
  return finished(std::move(bytes));
}

std::string moer_end(const MoerTotals& totals) {
  std::string bytes = record_of(MoerKind::end, 0);
  put(bytes, totals.records);
  put(bytes, totals.choices);
  put(bytes, totals.tokens);
  put(bytes, totals.counted);
  return finished(std::move(bytes));
}

}  // namespace moesim
