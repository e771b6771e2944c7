// The rooms depend in one direction only. Linking would not catch an include of a header-only part, so the
// sources themselves are read.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kRooms = {"core",    "io",     "config",  "workload", "router",  "dispatch",
                                         "experts", "models", "metrics", "trace",    "balance", "store",
                                         "engine",  "report", "page",    "cli"};

std::size_t rank_of(const std::string& room) {
  return static_cast<std::size_t>(std::find(kRooms.begin(), kRooms.end(), room) - kRooms.begin());
}

std::vector<fs::path> sources() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(MOESIM_SOURCE_DIR) / "src")) {
    const std::string extension = entry.path().extension();
    if (extension == ".h" || extension == ".cpp" || extension == ".inl") {
      files.push_back(entry.path());
    }
  }
  return files;
}

TEST(Structure, RoomsIncludeOnlyRoomsBeforeThem) {
  const std::string include = "#include \"";
  int seen = 0;
  for (const fs::path& file : sources()) {
    const std::string room = *fs::relative(file, fs::path(MOESIM_SOURCE_DIR) / "src").begin();
    ASSERT_LT(rank_of(room), kRooms.size()) << file;
    std::ifstream stream(file);
    std::string line;
    while (std::getline(stream, line)) {
      const std::size_t slash = line.find('/');
      if (line.rfind(include, 0) == 0 && slash != std::string::npos) {
        const std::string used = line.substr(include.size(), slash - include.size());
        ++seen;
        ASSERT_LT(rank_of(used), kRooms.size()) << file << ": " << line;
        EXPECT_LE(rank_of(used), rank_of(room)) << file << ": " << line;
      }
    }
  }
  EXPECT_GT(seen, 100);
}

TEST(Structure, HeavyLibrariesStayOutOfHeaders) {
  const std::vector<std::string> heavy = {"Eigen", "yaml-cpp", "nlohmann",  "simdjson",
                                          "tbb",   "xxhash",   "Random123", "CLI"};
  for (const fs::path& file : sources()) {
    if (file.extension() != ".h" || file.filename() == "activation.h" ||  // private, of Eigen expressions
        file.filename() == "options.h") {                                 // private, of JSON values
      continue;
    }
    std::ifstream stream(file);
    std::string line;
    while (std::getline(stream, line)) {
      for (const std::string& library : heavy) {
        EXPECT_NE(line.rfind("#include <" + library, 0), 0u) << file << ": " << line;
      }
    }
  }
}

TEST(Structure, OnlyTheConfigRoomSeesYamlCpp) {
  for (const fs::path& file : sources()) {
    std::ifstream stream(file);
    const std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    if (text.find("yaml-cpp/") != std::string::npos) {
      EXPECT_EQ(file.parent_path().filename(), "config") << file;
    }
    EXPECT_EQ(text.find("std::shuffle"), std::string::npos) << file;
    EXPECT_EQ(text.find("_distribution<"), std::string::npos) << file;
  }
}

TEST(Structure, FilesStayShort) {
  for (const fs::path& file : sources()) {
    std::ifstream stream(file);
    const auto lines =
        std::count(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>(), '\n');
    EXPECT_LE(lines, 500) << file;
  }
}

}  // namespace
