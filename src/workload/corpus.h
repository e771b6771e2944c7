#pragma once
// The tokens of a list of texts, numbered: words and characters in order of first appearance over all texts,
// bytes by their value.

#include <cstdint>
#include <string>
#include <vector>

#include "workload/tokenizer.h"

namespace moesim {

class Corpus {
 public:
  // The texts are UTF-8, together below 4 GiB.
  Corpus(TokenizerKind kind, std::vector<std::string> texts);

  std::size_t num_texts() const { return kind_ == TokenizerKind::byte ? texts_.size() : ids_.size(); }
  std::uint64_t size(std::size_t text) const;  // tokens of a text
  std::uint32_t id(std::size_t text, std::uint64_t index) const;
  // What the token is, as bytes: equal in any corpus that has this word, character or byte.
  std::string spelling(std::uint32_t id) const;

  // What a reader would call the token: its spelling; for a byte of a longer character that character and
  // which of its bytes it is ("é 2/2").
  std::string display(std::size_t text, std::uint64_t index) const;
  bool starts_character(std::size_t text, std::uint64_t index) const;

  std::uint64_t distinct() const { return kind_ == TokenizerKind::byte ? 256 : vocabulary_.size(); }
  std::uint64_t memory_bytes() const;

 private:
  void number_tokens(const std::vector<std::string>& texts);

  TokenizerKind kind_;
  std::vector<std::string> texts_;               // byte tokenizer: the texts themselves
  std::vector<std::vector<std::uint32_t>> ids_;  // others: ids of each text
  std::vector<std::string> vocabulary_;          // others: spelling of each id
};

}  // namespace moesim
