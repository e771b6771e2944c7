#pragma once
// A folder that lives as long as a test, and the error a call ends with.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace moesim {

class TemporaryFolder : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "moesim_io_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string in_folder(const std::string& name) const { return folder_ + "/" + name; }

  std::string put(const std::string& name, std::string_view bytes) const {
    std::ofstream(in_folder(name), std::ios::binary) << bytes;
    return in_folder(name);
  }

  static std::string contents(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  std::string folder_;
};

struct Refusal {
  bool thrown = false;
  ErrorKind kind = ErrorKind::internal;
  std::string message{};
  std::string help{};
};

template <class Call>
Refusal refusal_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return {.thrown = true, .kind = error.kind(), .message = error.what(), .help = error.help()};
  }
  return {};
}

}  // namespace moesim
