#include "workload/corpus.h"

#include <string_view>
#include <unordered_map>

#include "core/text.h"

namespace moesim {
namespace {

bool continues_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

}  // namespace

Corpus::Corpus(TokenizerKind kind, std::vector<std::string> texts) : kind_(kind) {
  if (kind == TokenizerKind::byte) {
    texts_ = std::move(texts);
  } else {
    number_tokens(texts);
  }
}

void Corpus::number_tokens(const std::vector<std::string>& texts) {
  std::unordered_map<std::string_view, std::uint32_t> id_of;
  for (const std::string& text : texts) {
    std::vector<std::uint32_t>& ids = ids_.emplace_back();
    std::size_t offset = 0;
    std::string_view token = next_token(kind_, text, offset);
    while (!token.empty()) {
      const auto [found, is_new] = id_of.try_emplace(token, static_cast<std::uint32_t>(vocabulary_.size()));
      if (is_new) {
        vocabulary_.emplace_back(token);
      }
      ids.push_back(found->second);
      token = next_token(kind_, text, offset);
    }
    ids.shrink_to_fit();
  }
}

std::uint64_t Corpus::size(std::size_t text) const {
  return kind_ == TokenizerKind::byte ? texts_[text].size() : ids_[text].size();
}

std::uint32_t Corpus::id(std::size_t text, std::uint64_t index) const {
  return kind_ == TokenizerKind::byte ? static_cast<unsigned char>(texts_[text][index]) : ids_[text][index];
}

std::string Corpus::spelling(std::uint32_t id) const {
  return kind_ == TokenizerKind::byte ? std::string(1, static_cast<char>(id)) : vocabulary_[id];
}

std::string Corpus::display(std::size_t text, std::uint64_t index) const {
  if (kind_ != TokenizerKind::byte) {
    return vocabulary_[ids_[text][index]];
  }
  const std::string& bytes = texts_[text];
  std::size_t lead = index;
  while (lead > 0 && continues_character(bytes[lead])) {
    --lead;
  }
  const auto length = static_cast<std::size_t>(decode_utf8(bytes, lead).bytes);
  const std::string character = bytes.substr(lead, length);
  if (length == 1) {
    return character;
  }
  return character + " " + std::to_string(index - lead + 1) + "/" + std::to_string(length);
}

bool Corpus::starts_character(std::size_t text, std::uint64_t index) const {
  return kind_ != TokenizerKind::byte || !continues_character(texts_[text][index]);
}

std::uint64_t Corpus::memory_bytes() const {
  std::uint64_t bytes = 0;
  for (const std::string& text : texts_) {
    bytes += text.capacity();
  }
  for (const std::vector<std::uint32_t>& ids : ids_) {
    bytes += ids.capacity() * sizeof(std::uint32_t);
  }
  for (const std::string& word : vocabulary_) {
    bytes += sizeof(std::string) + word.capacity();
  }
  return bytes;
}

}  // namespace moesim
