#include "engine/sweep.h"

#include <gtest/gtest.h>

#include <set>

#include "core/error.h"
#include "support/temp_folder.h"

namespace moesim {
namespace {

const char* kBase =
    "layer: {d_model: 16, d_ff: 16, num_experts: 4}\n"
    "workload: {kind: gaussian_clusters, tokens: 32, steps: 1}\n"
    "router: {kind: token_choice, top_k: 1}\n"
    "baselines: []\n"
    "measure: {budget_s: 0, min_samples: 1}\n";

SweepPlan plan_of(const TempFolder& folder, const std::vector<std::string>& axes,
                  const std::string& more = "", const std::vector<std::string>& overrides = {}) {
  return plan_sweep({folder.write("s.yaml", kBase + more), axes, overrides});
}

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return std::string(error.what()) + "\n" + error.help();
  }
  return "no error";
}

TEST(SweepPlan, HasAPointForEachCombinationThatCounts) {
  const TempFolder folder;
  const SweepPlan plan = plan_of(folder, {"layer.num_experts=4,8", "router.top_k=1,2,8"},
                                 "sweep: {where: 'router.top_k <= layer.num_experts / 2'}\n");
  EXPECT_EQ(plan.points.size(), 4u);
  EXPECT_EQ(plan.excluded, 2u);
  EXPECT_EQ(plan.points[3].place, 3);
  EXPECT_EQ(std::get<std::int64_t>(plan.points[3].parameters[0].value), 8);
  std::set<std::string> ids;
  for (const SweepPoint& point : plan.points) {
    ids.insert(point.id);
  }
  EXPECT_EQ(ids.size(), 4u);
}

TEST(SweepPlan, AKeyMayBeWithoutEffectAtSomePointsAndEqualPointsAreMerged) {
  const TempFolder folder;
  // Expert choice fills every expert alike: capacity does nothing there, so its two points are one.
  const SweepPlan plan = plan_of(
      folder,
      {"router={kind: token_choice, top_k: 1},{kind: expert_choice, factor: 1}", "capacity.factor=1,2"},
      "capacity: {formula: switch, drop: random}\n");
  EXPECT_EQ(plan.points.size(), 3u);
  EXPECT_EQ(plan.merged, 1u);
  EXPECT_EQ(plan.points[2].parameters.size(), 1u);
}

TEST(SweepPlan, AKeyWithoutEffectAtAnyPointIsAnError) {
  const TempFolder folder;
  const std::string message = message_of([&] {
    plan_of(folder, {"layer.num_experts=4,8"}, "capacity: {factor: 1}\n", {"router.kind=expert_choice"});
  });
  EXPECT_NE(message.find("capacity: has no effect"), std::string::npos) << message;
}

TEST(SweepPlan, MistakesAtAnyPointAreKnownBeforehandWithThePoint) {
  const TempFolder folder;
  const std::string message = message_of([&] { plan_of(folder, {"router.top_k=1..8"}); });
  EXPECT_NE(message.find("at the point router.top_k=5:"), std::string::npos) << message;
  EXPECT_NE(message.find("--where"), std::string::npos) << message;
  EXPECT_NE(message_of([&] { plan_of(folder, {}); }).find("there is nothing to vary"), std::string::npos);
  EXPECT_NE(message_of([&] {
              plan_of(folder, {"router.top_k=1,2"}, "sweep: {where: 'router.top_k > 4'}\n");
            }).find("leaves no point of 2"),
            std::string::npos);
}

TEST(SweepPlan, TheFolderDoesNotDependOnHowLongIsMeasuredButThePointsDo) {
  const TempFolder folder;
  const SweepPlan a = plan_of(folder, {"router.top_k=1,2"});
  const SweepPlan b = plan_of(folder, {"router.top_k=1,2"}, "", {"measure.budget_s=9"});
  const SweepPlan c = plan_of(folder, {"router.top_k=1,2"}, "", {"seed=9"});
  EXPECT_EQ(a.id, b.id);
  EXPECT_NE(a.points[0].id, b.points[0].id);
  EXPECT_NE(a.id, c.id);
}

TEST(SweepPlan, AKeyThatIsSetAndVariedIsAnError) {
  const TempFolder folder;
  for (const char* set : {"router.top_k=1", "layer.d_ff=8"}) {
    try {
      plan_of(folder, {"router={preset: mixtral},{preset: switch}", "layer.d_ff=16,8"}, "", {set});
      ADD_FAILURE() << set;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("expected one of the two [no-effect]"), std::string::npos)
          << error.what();
    }
  }
}

TEST(SweepPlan, APointTooLargeForTheMachineIsKnownBeforehand) {
  const TempFolder folder;
  const SweepPlan plan = plan_of(folder, {"layer.d_ff=16,1000000000000"});
  EXPECT_TRUE(plan.points[0].too_large.empty());
  EXPECT_NE(plan.points[1].too_large.find("[out-of-memory]"), std::string::npos);
}

TEST(Sweep, RunsWhatIsMissingStoresFailuresAndGoesOn) {
  const TempFolder folder;
  const SweepPlan plan = plan_of(folder, {"layer.d_ff=1000000000000,16,8"});
  ResultStore store(folder.file("run"), Database::Access::write);
  SweepOptions options;
  int asked = 0;
  options.stop_requested = [&] { return ++asked > 1; };
  EXPECT_TRUE(run_sweep(plan, store, options).interrupted);
  EXPECT_EQ(store.statuses().size(), 1u);
  const SweepOutcome rest = run_sweep(plan, store, {});
  EXPECT_FALSE(rest.interrupted);
  EXPECT_EQ(rest.done, 2u);
  EXPECT_EQ(rest.failed, 1u);
  store.for_each_point([&](const StoredPoint& point) {
    EXPECT_NE(point.again.find("--set layer.d_ff="), std::string::npos) << point.again;
    EXPECT_EQ(point.status == PointStatus::failed, point.place == 0);
    EXPECT_EQ(point.error.empty(), point.place != 0);
  });
  EXPECT_EQ(why_run(plan.points[1], store.summaries()), "");
  EXPECT_EQ(why_run(plan.points[0], store.summaries()).rfind("failed before: ", 0), 0u);
  const SweepOutcome again = run_sweep(plan, store, {});
  EXPECT_EQ(again.skipped, 2u);
  SweepOptions fresh;
  fresh.fresh = true;
  EXPECT_EQ(run_sweep(plan, store, fresh).skipped, 0u);
}

TEST(Sweep, AFreshOneThatWasStoppedGoesOnAndKeepsOldResultsUntilThen) {
  const TempFolder folder;
  const SweepPlan plan = plan_of(folder, {"layer.d_ff=1000000000000,16,8"});
  ResultStore store(folder.file("run"), Database::Access::write);
  run_sweep(plan, store, {});
  SweepOptions options;
  options.fresh = true;
  int asked = 0;
  options.stop_requested = [&] { return ++asked > 2; };
  EXPECT_TRUE(run_sweep(plan, store, options).interrupted);
  EXPECT_EQ(why_run(plan.points[1], store.summaries()), "--fresh asked for it");
  std::size_t results = 0;
  store.for_each_point(
      [&](const StoredPoint& point) { results += point.status == PointStatus::done ? 1 : 0; });
  EXPECT_EQ(results, 2u);
  EXPECT_EQ(run_sweep(plan, store, {}).skipped, 0u);
  EXPECT_EQ(run_sweep(plan, store, {}).skipped, 2u);
}

TEST(Sweep, AStoredPointIsTheRunOfItsCommand) {
  const TempFolder folder;
  const SweepPlan plan = plan_of(folder, {"router.top_k=2"});
  ResultStore store(folder.file("run"), Database::Access::write);
  run_sweep(plan, store, {});
  const RunRecord alone = run_experiment(load_experiment(plan.config, {"router.top_k=2"}), {});
  store.for_each_point([&](const StoredPoint& point) {
    EXPECT_EQ(std::get<std::string>(*find_value(point.record, "m.routing_hash")), alone.routing_hash);
    EXPECT_EQ(std::get<std::string>(*find_value(point.record, "m.output_hash")), alone.output_hash);
  });
}

TEST(SweepPlan, WhereSeesTheKeysOfSectionAxesPresetsAndDefaults) {
  const TempFolder folder;
  EXPECT_EQ(plan_of(folder, {"router={kind: token_choice, top_k: 1},{kind: token_choice, top_k: 4}"},
                    "sweep: {where: 'router.top_k >= 4'}\n")
                .points.size(),
            1u);
  // mixtral brings top_k 2; d_ff has a default, num_shared_experts too.
  EXPECT_EQ(plan_of(folder, {"router={preset: mixtral},{preset: switch}"},
                    "sweep: {where: 'router.top_k == 2 && layer.num_shared_experts == 0'}\n")
                .points.size(),
            1u);
}

TEST(SweepPlan, ASampleIsOneOfTheCombinationsThatCount) {
  const TempFolder folder;
  const SweepPlan plan = plan_of(folder, {"seed=1..20", "router.top_k=1,2,4"},
                                 "sweep: {where: 'router.top_k <= 1', sample: 15}\n");
  EXPECT_EQ(plan.points.size(), 15u);
  EXPECT_EQ(plan.excluded, 40u);
}

TEST(Sweep, AConfigEditedMeanwhileEndsItAndStoresNothingWrong) {
  const TempFolder folder;
  const SweepPlan plan = plan_of(folder, {"router.top_k=1,2"});
  ResultStore store(folder.file("run"), Database::Access::write);
  SweepOptions options;
  options.on_end = [&](const SweepPoint&, const StoredPoint&) {
    plan_of(folder, {"router.top_k=1,2"}, "seed: 9\n");
  };
  try {
    run_sweep(plan, store, options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::busy);
    EXPECT_NE(std::string(error.what()).find("changed while the sweep ran"), std::string::npos);
  }
  EXPECT_EQ(store.statuses().size(), 1u);
}

TEST(Sweep, PointsOfAnEarlierFormAreKeptButNotCurrent) {
  const TempFolder folder;
  ResultStore store(folder.file("run"), Database::Access::write);
  const auto current = [&store] {
    std::size_t count = 0;
    store.for_each_point([&](const StoredPoint&) { ++count; });
    return count;
  };
  run_sweep(plan_of(folder, {"router.top_k=1,2"}), store, {});
  run_sweep(plan_of(folder, {"router.top_k=1,2"}, "", {"measure.target=0.5"}), store, {});
  EXPECT_EQ(store.statuses().size(), 4u);
  EXPECT_EQ(current(), 2u);
  const SweepOutcome back = run_sweep(plan_of(folder, {"router.top_k=1,2"}), store, {});
  EXPECT_EQ(back.skipped, 2u);
  EXPECT_EQ(current(), 2u);
}

TEST(Sweep, TheCommandThatRepeatsAPointLeavesTheSweepOut) {
  const TempFolder folder;
  const SweepPlan plan = plan_of(folder, {"layer.d_ff=1000000000000"}, "", {"sweep.where='1 == 1'"});
  ResultStore store(folder.file("run"), Database::Access::write);
  run_sweep(plan, store, {});
  store.for_each_point([](const StoredPoint& point) {
    EXPECT_NE(point.again.find(" --as-sweep-point --set layer.d_ff=1000000000000"), std::string::npos)
        << point.again;
    EXPECT_EQ(point.again.find("sweep."), std::string::npos) << point.again;
  });
}

}  // namespace
}  // namespace moesim
