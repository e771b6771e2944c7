#pragma once
// A folder that lives as long as a test, and the error a call ends with.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "core/error.h"
#include "support/temp_folder.h"

namespace moesim {

class TemporaryFolder : public testing::Test {
 protected:
  std::string in_folder(const std::string& name) const { return temporary_.file(name); }
  std::string put(const std::string& name, const std::string& bytes) const {
    return temporary_.write(name, bytes);
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

 private:
  TempFolder temporary_;

 protected:
  std::string folder_ = temporary_.path();
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
