#include <cmath>
#include <limits>

#include "core/error.h"
#include "io/npy.h"
#include "unit/workload/making.h"

namespace moesim {
namespace {

std::string write_array(const TestFolder& folder, Index rows, Index cols) {
  Matrix matrix(rows, cols);
  for (Index r = 0; r < rows; ++r) {
    for (Index c = 0; c < cols; ++c) {
      matrix.row(r)[static_cast<std::size_t>(c)] = static_cast<float>(100 * r + c);
    }
  }
  const std::string path = folder.path() + "/x.npy";
  write_npy(path, matrix.view());
  return path;
}

std::string only_error(const std::string& section, const Making& making) {
  const Made made = make_workload(section, making);
  EXPECT_EQ(made.errors.size(), 1U);
  return made.errors.empty() ? "no error" : made.errors.front();
}

constexpr const char* kSection = "{kind: array, file: x.npy, tokens: 30}";

TEST(Array, RepeatsTheRowsOfTheFile) {
  const TestFolder folder;
  write_array(folder, 3, 2);
  const auto workload = must_make(kSection, {.directory = folder.path(), .d_model = 2});
  const TokenBatch batch = workload->slice(one_thread(), 2, 5);
  const std::vector<float> hidden(batch.hidden.data(), batch.hidden.data() + 10);
  EXPECT_EQ(hidden, (std::vector<float>{200, 201, 0, 1, 100, 101, 200, 201, 0, 1}));
  EXPECT_EQ(batch.token_id, (std::vector<std::uint32_t>{2, 0, 1, 2, 0}));
  EXPECT_EQ(batch.position, (std::vector<std::uint64_t>{2, 0, 1, 2, 0}));
  EXPECT_EQ(batch.sequence_id, std::vector<std::uint32_t>(5, 0));
  EXPECT_TRUE(batch.domain.empty());
  EXPECT_TRUE(workload->domain_names().empty());
  EXPECT_EQ(workload->token_text(4), "row 1");
}

TEST(Array, KeepsTheLawsOfAStream) {
  const TestFolder folder;
  write_array(folder, 600, 8);
  const auto workload = must_make(kSection, {.directory = folder.path()});
  expect_stream_laws(*workload, 400, 700);
  expect_stream_laws(*workload, 6000000000001, 100);
}

TEST(Array, KeepsOnlyTheOpenFile) {
  const TestFolder folder;
  write_array(folder, 1000, 8);
  const auto workload = must_make(kSection, {.directory = folder.path()});
  EXPECT_EQ(workload->memory_bytes(30, 8), 30U * 52);
  EXPECT_EQ(workload->memory_bytes(30, 4), std::numeric_limits<std::uint64_t>::max()) << "has one width";
}

TEST(Array, NamesBothWidths) {
  const TestFolder folder;
  const std::string path = write_array(folder, 3, 5);
  EXPECT_EQ(only_error(kSection, {.directory = folder.path()}),
            "c.yaml:1:25: error: workload.file: " + path +
                ": the array has 5 columns, but layer.d_model is 8; expected the same number [bad-relation]\n"
                "  help: set layer.d_model to 5, or with layer.checkpoint take vectors of its width");
}

TEST(Array, RejectsAnArrayWithoutRows) {
  const TestFolder folder;
  const std::string path = write_array(folder, 0, 8);
  EXPECT_EQ(only_error(kSection, {.directory = folder.path()}),
            "c.yaml:1:25: error: workload.file: " + path +
                ": the array has no rows; expected at least one row [empty-file]");
}

TEST(Array, ReportsWhatTheFileSaysAtItsKey) {
  const TestFolder folder;
  EXPECT_EQ(only_error(kSection, {.directory = folder.path()}),
            "c.yaml:1:25: error: workload.file: " + folder.path() +
                "/x.npy: there is no such file; expected a file that can be read [file-missing]");
  EXPECT_EQ(only_error("{kind: array, file: x.npy}", {.embedded = true}),
            "c.yaml:1:25: error: workload.file: a built-in config has no file 'x.npy' beside it; expected an "
            "absolute path [file-missing]");
  folder.write("x.npy", "not an array at all");
  const std::string error = only_error(kSection, {.directory = folder.path()});
  EXPECT_EQ(error.rfind("c.yaml:1:25: error: workload.file: " + folder.path() + "/x.npy: ", 0), 0U) << error;
  EXPECT_EQ(error.find("error: ", 20), std::string::npos) << error;
}

TEST(Array, RequiresAFile) {
  EXPECT_EQ(
      only_error("{kind: array}", {}),
      "c.yaml:1:1: error: workload: missing key 'file'; expected a text [missing-key]\n"
      "  help: file: an .npy file of float32 or float64 with layer.d_model columns, relative to the config "
      "file; ${MOESIM_DATA}/ may stand in front");
}

TEST(Array, RefusesNumbersThatAreNotFinite) {
  const TestFolder folder;
  Matrix matrix(2, 8);
  matrix.fill(1.0F);
  matrix.row(1)[3] = std::numeric_limits<float>::quiet_NaN();
  write_npy(folder.path() + "/x.npy", matrix.view());
  const auto workload = must_make(kSection, {.directory = folder.path()});
  EXPECT_NO_THROW(workload->slice(one_thread(), 0, 1));
  EXPECT_THROW(workload->slice(one_thread(), 0, 2), Error);
}

}  // namespace
}  // namespace moesim
