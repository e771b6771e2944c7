#include "core/build_info.h"

#include <gtest/gtest.h>

namespace moesim {
namespace {

TEST(BuildInfo, KnowsItself) {
  const BuildInfo info = build_info();
  EXPECT_FALSE(info.version.empty());
  EXPECT_FALSE(info.revision.empty());
  EXPECT_TRUE(info.compiler.rfind("gcc ", 0) == 0 || info.compiler.rfind("clang ", 0) == 0) << info.compiler;
  EXPECT_FALSE(info.build_type.empty());
  EXPECT_FALSE(info.arch.empty());
  EXPECT_EQ(info.eigen.rfind("3.4", 0), 0u) << info.eigen;
  EXPECT_EQ(info.tbb.rfind("2021.", 0), 0u) << info.tbb;
}

TEST(BuildInfo, OnlyAnOptimisedBuildWithoutChecksMeasures) {
  BuildInfo info;
  EXPECT_FALSE(info.fit_to_measure());
  info.optimised = true;
  EXPECT_TRUE(info.fit_to_measure());
  info.checks = true;
  EXPECT_FALSE(info.fit_to_measure());
  info.checks = false;
  info.sanitizers = "address";
  EXPECT_FALSE(info.fit_to_measure());
}

TEST(ProcessorCanRun, HoldsWhereTheTestRuns) {
  std::string missing = "leftover";
  EXPECT_TRUE(processor_can_run(missing));
  EXPECT_EQ(missing, "");
}

}  // namespace
}  // namespace moesim
