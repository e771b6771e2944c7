#include "store/result_store.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "core/error.h"
#include "store/run_folder.h"
#include "support/temp_folder.h"

namespace moesim {
namespace {

RunRecord sample_record() {
  RunRecord record;
  VariantResult moe;
  moe.name = "moe";
  moe.warm_up_seconds = 0.5;
  moe.samples = {{0.25, 0, 0}, {0.125, 1, 1}};
  VariantResult yardstick;
  yardstick.name = "yardstick";
  yardstick.samples = {{1.0, 0, 1}, {2.0, 1, 0}};
  record.variants = {moe, yardstick};
  record.detail.loads = {{0, 0, {3, 1}, {2, 1}}, {-1, 0, {3, 1}, {2, 1}}};
  record.detail.co_activation = {{0, 2, {0, 5, 0, 0}}};
  record.detail.histograms = {make_histogram("weight", 0)};
  record.detail.timeline = {{1, "experts", 0.5, 0.75}};
  record.detail.tokens = {{"english", "word", {{1, 0.75F, true}}}, {"english", "alone", {}}};
  return record;
}

StoredPoint point_with(const std::string& id, std::int64_t place) {
  StoredPoint point;
  point.id = id;
  point.place = place;
  point.parameters = {{"layer.num_experts", std::int64_t{8}}};
  point.record = {{"m.load_cv", 0.25}, {"name", std::string("x")}, {"m.output_hash", std::monostate{}}};
  point.again = "moesim run x --set layer.num_experts=8";
  point.finished = "2026-01-01T00:00:00Z";
  return point;
}

ErrorKind kind_of_opening(const std::string& folder) {
  try {
    const ResultStore store(folder, Database::Access::read);
  } catch (const Error& error) {
    return error.kind();
  }
  return ErrorKind::internal;
}

TEST(ResultStore, WhatWasPutIsReadInOrderOfPlace) {
  const TempFolder folder;
  const RunRecord record = sample_record();
  {
    ResultStore store(folder.file("run"), Database::Access::write);
    store.describe("command", "moesim sweep x");
    store.put(point_with("b", 1), &record);
    store.put(point_with("a", 0), &record);
    StoredPoint failed = point_with("c", 2);
    failed.status = PointStatus::failed;
    failed.error = "no memory";
    store.put(failed, nullptr);
  }
  const ResultStore store(folder.file("run"), Database::Access::read);
  EXPECT_EQ(store.description("command"), "moesim sweep x");
  EXPECT_EQ(store.description("nothing"), "");
  std::string ids;
  store.for_each_point([&](const StoredPoint& point) {
    ids += point.id;
    EXPECT_EQ(point.record.size(), 3u);
    EXPECT_EQ(std::get<double>(point.record[0].value), 0.25);
    EXPECT_EQ(point.error, point.id == "c" ? "no memory" : "");
    EXPECT_EQ(point.again, "moesim run x --set layer.num_experts=8");
  });
  EXPECT_EQ(ids, "abc");
  EXPECT_EQ(store.statuses().at("c"), PointStatus::failed);
  const std::vector<StoredSample> samples = store.samples("a");
  ASSERT_EQ(samples.size(), 4u);
  EXPECT_EQ(samples[1].seconds, 0.125);
  EXPECT_EQ(samples[1].yardstick_seconds, 2.0);
  int rows = 0;
  store.for_each_expert_row([&](const FlatRow& row) {
    ++rows;
    EXPECT_EQ(row.size(), 6u);
  });
  EXPECT_EQ(rows, 8);
}

TEST(ResultStore, APointPutTwiceIsThereOnce) {
  const TempFolder folder;
  const RunRecord record = sample_record();
  ResultStore store(folder.file("run"), Database::Access::write);
  store.put(point_with("a", 0), &record);
  store.put(point_with("a", 0), &record);
  EXPECT_EQ(store.statuses().size(), 1u);
  EXPECT_EQ(store.samples("a").size(), 4u);
  int rows = 0;
  store.for_each_expert_row([&](const FlatRow&) { ++rows; });
  EXPECT_EQ(rows, 4);
}

TEST(ResultStore, StrangeAndDamagedFilesAreRefused) {
  const TempFolder folder;
  EXPECT_EQ(kind_of_opening(folder.file("none")), ErrorKind::missing_input);
  folder.write("text/results.sqlite", "this is no database, but it is long enough to look like a file");
  EXPECT_EQ(kind_of_opening(folder.file("text")), ErrorKind::bad_data);
  folder.write("empty/results.sqlite", "");
  EXPECT_EQ(kind_of_opening(folder.file("empty")), ErrorKind::bad_data);
  std::filesystem::create_directories(folder.file("other"));
  { Database(folder.file("other/results.sqlite"), Database::Access::write).execute("CREATE TABLE x (y)"); }
  EXPECT_EQ(kind_of_opening(folder.file("other")), ErrorKind::bad_data);
}

TEST(ResultStore, AnyDamagedByteIsAnErrorOrHarmless) {
  const TempFolder folder;
  const RunRecord record = sample_record();
  {
    ResultStore store(folder.file("run"), Database::Access::write);
    store.put(point_with("a", 0), &record);
  }
  std::ifstream file(results_path(folder.file("run")), std::ios::binary);
  const std::string good{std::istreambuf_iterator<char>(file), {}};
  for (std::size_t at = 0; at < good.size(); at += at < 8192 ? 37 : 997) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x55);
    folder.write("bad/results.sqlite", bad);
    try {
      const ResultStore store(folder.file("bad"), Database::Access::read);
      store.for_each_point([](const StoredPoint&) {});
      store.for_each_expert_row([](const FlatRow&) {});
      store.samples("a");
    } catch (const Error& error) {
      EXPECT_NE(error.kind(), ErrorKind::internal) << at << " " << error.what();
    }
  }
}

TEST(ResultStore, AFullDiskKeepsWhatWasFinished) {
  const TempFolder folder;
  const RunRecord record = sample_record();
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  {
    ResultStore store(folder.file("run"), Database::Access::write);
    store.put(point_with("a", 0), &record);
    const rlimit small{.rlim_cur = std::filesystem::file_size(results_path(folder.file("run"))) + 4096,
                       .rlim_max = before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
    ErrorKind kind = ErrorKind::internal;
    for (int i = 0; i < 100 && kind == ErrorKind::internal; ++i) {
      try {
        store.put(point_with("more" + std::to_string(i), i + 1), &record);
      } catch (const Error& error) {
        kind = error.kind();
      }
    }
    ::setrlimit(RLIMIT_FSIZE, &before);
    EXPECT_EQ(kind, ErrorKind::write_failed);
    store.put(point_with("last", 500), &record);  // room again
  }
  const ResultStore store(folder.file("run"), Database::Access::read);
  EXPECT_EQ(store.statuses().count("a"), 1u);
  EXPECT_EQ(store.statuses().count("last"), 1u);
  for (const auto& [id, status] : store.statuses()) {
    EXPECT_EQ(store.samples(id).size(), 4u) << id;
  }
}

TEST(FolderLock, OneWriterAtATime) {
  const TempFolder folder;
  const FolderLock lock(folder.path());
  try {
    const FolderLock second(folder.path());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::busy);
    EXPECT_NE(std::string(error.what()).find("process " + std::to_string(::getpid())), std::string::npos)
        << error.what();
  }
}

TEST(RunFolder, NamesAreSafe) {
  EXPECT_EQ(run_folder_name("a b/../c", "T", "0123456789"), "a_b_.._c-T-01234567");
  EXPECT_EQ(sweep_folder_name("", "0123456789"), "run-01234567");
  EXPECT_EQ(sweep_folder_name("../x", "0123456789"), "run.._x-01234567");
  EXPECT_EQ(utc_now().size(), 20u);
}

}  // namespace
}  // namespace moesim
