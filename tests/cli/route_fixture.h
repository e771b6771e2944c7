#pragma once
// moesim route in a folder of its own, and the arrays it reads and writes.

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "io/npy.h"
#include "router/router.h"
#include "support/temp_folder.h"

namespace moesim {

using Rows = std::vector<std::vector<float>>;

// The worked example of one token and eight experts, and a selection bias for it.
inline const std::vector<float> kToken = {2.0F, 1.0F, 0.5F, -0.5F, 1.5F, -1.0F, 0.0F, -2.0F};
inline const std::vector<float> kBias = {-0.5F, 0.0F, 0.0F, 0.2F, -0.1F, 0.0F, 0.4F, 0.0F};

template <class Element>
struct Table {
  std::string header;  // the dictionary, trimmed
  std::vector<Element> values;
};

class Route : public testing::Test {
 protected:
  int run(const std::string& line) {
    const int status = std::system(
        ("cd " + folder_.file("") + " && " + MOESIM_BINARY + " route " + line + " >out 2>err").c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  std::string read(const std::string& name) const {
    std::ifstream file(folder_.file(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  void write_floats(const std::string& name, const Rows& rows) const {
    Matrix matrix(static_cast<Index>(rows.size()), rows.empty() ? 1 : static_cast<Index>(rows[0].size()));
    for (std::size_t r = 0; r < rows.size(); ++r) {
      std::copy(rows[r].begin(), rows[r].end(), matrix.row(static_cast<Index>(r)).begin());
    }
    write_npy(folder_.file(name), matrix.view());
  }

  void write_ids(const std::string& name, Index cols, const std::vector<std::int32_t>& ids) const {
    const std::string_view payload(reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(ids[0]));
    std::ofstream(folder_.file(name), std::ios::binary)
        << npy_header({"<i4", static_cast<Index>(ids.size()) / cols, cols, payload}) << payload;
  }

  template <class Element>
  Table<Element> table(const std::string& name) const {
    const std::string bytes = read(name);
    EXPECT_GT(bytes.size(), 128U) << name;
    Table<Element> table{bytes.substr(10, bytes.find('}') - 9), {}};
    table.values.resize((bytes.size() - 128) / sizeof(Element));
    std::memcpy(table.values.data(), bytes.data() + 128, table.values.size() * sizeof(Element));
    return table;
  }

  std::vector<std::int32_t> experts(const std::string& out) const {
    return table<std::int32_t>(out + "/expert.npy").values;
  }
  std::vector<float> weights(const std::string& out) const {
    return table<float>(out + "/weight.npy").values;
  }
  std::vector<std::uint8_t> kept(const std::string& out) const {
    return table<std::uint8_t>(out + "/kept.npy").values;
  }
  nlohmann::json summary(const std::string& out) const {
    return nlohmann::json::parse(read(out + "/route.json"));
  }

  TempFolder folder_;
};

}  // namespace moesim
