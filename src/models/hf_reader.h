#pragma once
// Private to this room: checked reading of a config.json's keys, whatever their spelling. A model family's
// code asks for a meaning ("num_experts"); the table in hf_keys.cpp says which keys mean it.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/node.h"
#include "models/hf_config.h"

namespace moesim {

class HfReader {
 public:
  struct Range {
    std::int64_t low = 0;
    std::int64_t high = 0;
  };

  // `root` must outlive the reader. `prefix` is the section that holds the model, "text_config." or "".
  HfReader(const Node& root, std::string where, std::string prefix, std::string family,
           std::vector<HfKey>* keys)
      : root_(root),
        where_(std::move(where)),
        prefix_(std::move(prefix)),
        family_(std::move(family)),
        keys_(keys) {}

  // A key that is absent or null has the default; see is_null.
  std::int64_t whole(const char* meaning, Range range, std::int64_t fallback);
  std::optional<std::int64_t> whole_or_none(const char* meaning, Range range);
  // One number for all layers, or a list of equal ones.
  std::optional<std::int64_t> uniform_whole_or_none(const char* meaning, Range range);
  std::int64_t uniform_whole(const char* meaning, Range range, std::int64_t fallback);
  double real(const char* meaning, double low, double high, double fallback);
  std::optional<double> real_or_none(const char* meaning, double low, double high);
  bool flag(const char* meaning, bool fallback);
  std::string word(const char* meaning, const std::string& fallback);
  std::optional<std::vector<std::int64_t>> whole_list(const char* meaning, Range range);
  std::optional<std::vector<std::string>> word_list(const char* meaning);

  bool has(const char* meaning) const { return find(meaning).value != nullptr; }
  // null where it is not the same as absent: Python's None replaces the class's default.
  bool is_null(const char* meaning) const;
  bool is_word(const char* meaning, const std::string& word) const;
  // The path of the key that is there, else of the first spelling.
  std::string path(const char* meaning) const;

  const std::string& where() const { return where_; }
  const std::string& family() const { return family_; }

  struct Refusal {
    std::string what;
    std::string expected;
    const char* short_name = "";
    std::string help{};
  };
  // "WHERE: error: PATH: what; expected what [short-name]".
  [[noreturn]] void refuse(const std::string& path, const Refusal& refusal) const;

 private:
  struct Found {
    std::string path;
    const Node* value = nullptr;  // nullptr: absent or null
  };

  Found find(const char* meaning) const;
  const Node* at(const std::string& path) const;
  std::int64_t whole_of(const Node& node, const std::string& path, Range range) const;
  void report(const char* meaning, const std::string& path, const std::string& value);
  void report_default(const char* meaning, const std::string& value);

  const Node& root_;
  std::string where_;
  std::string prefix_;
  std::string family_;
  std::vector<HfKey>* keys_;
};

}  // namespace moesim
