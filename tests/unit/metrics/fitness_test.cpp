#include "metrics/fitness.h"

#include <gtest/gtest.h>

namespace moesim {
namespace {

// A machine that nobody could complain about.
FitnessInput fit_machine() {
  FitnessInput in;
  in.build.build_type = "Release";
  in.build.optimised = true;
  in.machine.memory_bytes = std::uint64_t{16} << 30;
  in.machine.memory_limit_bytes = std::uint64_t{12} << 30;
  in.state = {.online_cores = 4,
              .allowed_cores = 4,
              .governor = "performance",
              .huge_pages = "madvise",
              .smt = false,
              .load_average = 0.1,
              .cpu_pressure = 0.0};
  in.use = CpuUse{0.0, 0.0};
  in.threads = 4;
  in.scaling = 3.9;
  in.instructions = "avx2";
  in.usable_instructions = {"avx2", "portable"};
  return in;
}

Fitness fitness_of(const FitnessInput& in, const std::string& name) {
  for (const Finding& finding : judge_machine(in)) {
    if (finding.name == name) {
      EXPECT_EQ(finding.fitness >= Fitness::remark, !finding.advice.empty()) << name << ": what to do";
      EXPECT_FALSE(finding.text.empty());
      return finding.fitness;
    }
  }
  ADD_FAILURE() << "no finding " << name;
  return Fitness::ok;
}

TEST(Fitness, OfAMachineThatIsFit) {
  const std::vector<Finding> findings = judge_machine(fit_machine());
  EXPECT_EQ(overall(findings), Fitness::ok);
  for (const Finding& finding : findings) {
    EXPECT_EQ(finding.fitness, Fitness::ok) << finding.name;
  }
  EXPECT_STREQ(verdict_words(overall(findings)), "fit");
}

TEST(Fitness, WhatIsUnknownIsSaidAndCountsNothing) {
  FitnessInput in = fit_machine();
  in.state.governor.clear();
  in.state.huge_pages.clear();
  in.state.smt.reset();
  in.state.load_average.reset();
  in.state.cpu_pressure.reset();
  in.use.reset();
  for (const char* name : {"governor", "huge_pages", "smt", "steal", "others"}) {
    EXPECT_EQ(fitness_of(in, name), Fitness::unknown) << name;
  }
  EXPECT_EQ(overall(judge_machine(in)), Fitness::ok);
}

struct Case {
  const char* name;
  void (*change)(FitnessInput& in);
  Fitness expected;
};

TEST(Fitness, OfMachinesThatAreNot) {
  const Case cases[] = {
      {"build", [](FitnessInput& in) { in.build.optimised = false; }, Fitness::unfit},
      {"build", [](FitnessInput& in) { in.build.sanitizers = "address"; }, Fitness::unfit},
      {"build", [](FitnessInput& in) { in.build.checks = true; }, Fitness::unfit},
      {"cores", [](FitnessInput& in) { in.scaling = 3.0; }, Fitness::remark},
      {"cores", [](FitnessInput& in) { in.scaling = 1.0; }, Fitness::unfit},
      {"affinity", [](FitnessInput& in) { in.state.allowed_cores = 2; }, Fitness::remark},
      {"quota", [](FitnessInput& in) { in.state.quota_cores = 1.5; }, Fitness::remark},
      {"quota", [](FitnessInput& in) { in.state.quota_cores = 0.5; }, Fitness::unfit},
      {"quota", [](FitnessInput& in) { in.state.throttled_periods = 3; }, Fitness::remark},
      {"smt", [](FitnessInput& in) { in.state.smt = true; }, Fitness::remark},
      {"instructions", [](FitnessInput& in) { in.instructions = "portable"; }, Fitness::remark},
      {"governor", [](FitnessInput& in) { in.state.governor = "powersave"; }, Fitness::remark},
      {"steal", [](FitnessInput& in) { in.use->steal = 0.05; }, Fitness::remark},
      {"steal", [](FitnessInput& in) { in.use->steal = 0.5; }, Fitness::unfit},
      {"others", [](FitnessInput& in) { in.use->others = 0.5; }, Fitness::remark},
      {"others", [](FitnessInput& in) { in.use->others = 3.0; }, Fitness::unfit},
      {"others", [](FitnessInput& in) { in.state.cpu_pressure = 0.5; }, Fitness::remark},
      {"others",
       [](FitnessInput& in) {
         in.use.reset();
         in.state.load_average = 2;
       },
       Fitness::remark},
      {"memory", [](FitnessInput& in) { in.machine.memory_limit_bytes = 1 << 20; }, Fitness::remark},
      {"huge_pages", [](FitnessInput& in) { in.state.huge_pages = "never"; }, Fitness::remark},
  };
  for (const Case& c : cases) {
    FitnessInput in = fit_machine();
    c.change(in);
    EXPECT_EQ(fitness_of(in, c.name), c.expected) << c.name;
    EXPECT_EQ(overall(judge_machine(in)), c.expected) << c.name;
  }
}

TEST(Fitness, OneThreadHasNoScaling) {
  FitnessInput in = fit_machine();
  in.threads = 1;
  in.scaling = 1;
  EXPECT_EQ(fitness_of(in, "cores"), Fitness::ok);
}

TEST(Fitness, TheRowSaysTheSame) {
  FitnessInput in = fit_machine();
  in.state.quota_cores = 0.5;
  in.use.reset();
  const std::vector<Finding> findings = judge_machine(in);
  const FlatRow row = flatten(in, findings);
  EXPECT_EQ(*find_value(row, "verdict"), FlatValue(std::string("not fit")));
  EXPECT_EQ(*find_value(row, "check.quota"), FlatValue(std::string("unfit")));
  EXPECT_EQ(*find_value(row, "check.cores"), FlatValue(std::string("ok")));
  EXPECT_EQ(*find_value(row, "quota_cores"), FlatValue(0.5));
  EXPECT_EQ(*find_value(row, "steal"), FlatValue()) << "not known";
}

}  // namespace
}  // namespace moesim
