#pragma once
// Makes workloads from config text, and compares batches bit by bit.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "config/yaml.h"
#include "core/parallel.h"
#include "workload/workload.h"

namespace moesim {

// A folder of its own for each test, removed at the end.
class TestFolder {
 public:
  TestFolder() {
    const testing::TestInfo& test = *testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::temp_directory_path() / (std::string("moesim_") + test.test_suite_name() + "_" +
                                                      test.name() + "_" + std::to_string(::getpid()));
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string path() const { return path_.string(); }
  std::string write(const std::string& name, const std::string& bytes) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << bytes;
    return file.string();
  }

 private:
  std::filesystem::path path_;
};

struct Making {
  std::string directory = {};  // of the config file; "" with embedded
  bool embedded = false;
  std::uint64_t seed = 42;
  Index d_model = 8;
};

struct Made {
  std::unique_ptr<Workload> workload;
  std::vector<std::string> errors;  // rendered, the config file is called c.yaml
};

// `section` is the workload section in flow style: "{kind: text, files: [a.txt]}".
inline Made make_workload(const std::string& section, const Making& making = {}) {
  Binder binder;
  const Node root = parse_yaml("workload: " + section + "\n", "c.yaml", binder.diagnostics);
  bind_places(binder, root, "");
  const Node& node = *root.child("workload");
  const ConfigSource source{.name = "c.yaml", .directory = making.directory, .embedded = making.embedded};
  const WorkloadEntry* entry = workloads().find(node.child("kind")->text);
  Made made;
  made.workload = entry->make(binder, node, {source, making.seed, making.d_model});
  for (const Diagnostic& diagnostic : binder.diagnostics.list()) {
    made.errors.push_back(render(diagnostic));
  }
  EXPECT_EQ(made.workload == nullptr, !made.errors.empty()) << "a workload exactly when there is no error";
  return made;
}

inline std::unique_ptr<Workload> must_make(const std::string& section, const Making& making = {}) {
  Made made = make_workload(section, making);
  EXPECT_TRUE(made.errors.empty()) << made.errors.front();
  return std::move(made.workload);
}

inline const Context& one_thread() {
  static const Context context({.threads = 1});
  return context;
}

inline bool same_rows(const TokenBatch& whole, Index first_row, const TokenBatch& part) {
  const auto same = [&](const auto& a, const auto& b) {
    return std::equal(b.begin(), b.end(), a.begin() + (a.empty() ? 0 : first_row)) && a.empty() == b.empty();
  };
  const std::size_t bytes = static_cast<std::size_t>(part.num_tokens() * part.hidden.cols()) * sizeof(float);
  return whole.hidden.cols() == part.hidden.cols() &&
         std::memcmp(whole.hidden.row(first_row).data(), part.hidden.data(), bytes) == 0 &&
         same(whole.token_id, part.token_id) && same(whole.sequence_id, part.sequence_id) &&
         same(whole.position, part.position) && same(whole.domain, part.domain);
}

// The laws of every workload: cuts of 1, 7, 64 and all tokens, on 1, 2 and 7 threads, give the same bits; an
// empty slice is in order; a batch is a slice.
inline void expect_stream_laws(const Workload& workload, std::uint64_t first, Index count) {
  const TokenBatch whole = workload.slice(one_thread(), first, count);
  ASSERT_EQ(whole.num_tokens(), count);
  ASSERT_EQ(whole.first_token, first);
  for (const int threads : {1, 2, 7}) {
    const Context context({.threads = threads, .task_delay_seed = threads == 1 ? 0U : 5U});
    for (const Index length : {Index{1}, Index{7}, Index{64}, count}) {
      if (threads > 1 && length == 1) {
        continue;
      }
      for (Index begin = 0; begin < count; begin += length) {
        const Index rows = std::min(length, count - begin);
        const TokenBatch part = workload.slice(context, first + static_cast<std::uint64_t>(begin), rows);
        ASSERT_EQ(part.num_tokens(), rows);
        ASSERT_EQ(part.first_token, first + static_cast<std::uint64_t>(begin));
        ASSERT_TRUE(same_rows(whole, begin, part))
            << threads << " threads, slices of " << length << ", row " << begin;
      }
    }
  }
  const TokenBatch empty = workload.slice(one_thread(), first, 0);
  EXPECT_EQ(empty.num_tokens(), 0);
  EXPECT_EQ(empty.hidden.cols(), whole.hidden.cols());
  const TokenBatch batch = workload.batch(one_thread(), 2);
  EXPECT_EQ(batch.num_tokens(), workload.tokens());
  EXPECT_EQ(batch.first_token, 2 * static_cast<std::uint64_t>(workload.tokens()));
  if (!whole.domain.empty()) {
    const std::size_t names = workload.domain_names().size();
    for (const std::uint32_t domain : whole.domain) {
      ASSERT_LT(domain, names);
    }
  }
}

// Chi-square of counts against stated shares.
inline double chi_square(const std::vector<double>& counts, const std::vector<double>& shares, double total) {
  double sum = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double expected = shares[i] * total;
    sum += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  return sum;
}

}  // namespace moesim
