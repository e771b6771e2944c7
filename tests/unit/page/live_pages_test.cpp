// Pages of the commands that store nothing: their numbers are those of the results.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "io/row_format.h"
#include "live_fixture.h"
#include "page/draw.h"
#include "page/html.h"
#include "report/balance_screen.h"

namespace moesim {
namespace {

using nlohmann::json;
using test::a_comparison;
using test::a_loop;
using test::chart_ids;
using test::chart_named;
using test::charts_of;
using test::table_named;
using test::TwoRouters;

std::vector<Page> all_pages() {
  return {balance_page(a_loop()), compare_page({a_comparison()}, "again"), TwoRouters().page()};
}

TEST(LivePages, EveryChartHasATakeawayATableAndNamedAxes) {
  for (const Page& page : all_pages()) {
    std::set<std::string> ids;
    for (const Section& section : page.sections) {
      EXPECT_TRUE(ids.insert(section.id).second) << section.id;
    }
    for (const Chart& chart : charts_of(page)) {
      EXPECT_TRUE(ids.insert(chart.id).second) << chart.id;
      EXPECT_FALSE(chart.title.empty()) << chart.id;
      EXPECT_FALSE(chart.takeaway.empty()) << chart.id;
      EXPECT_FALSE(chart.table.rows.empty()) << chart.id;
      EXPECT_LE(chart.table.rows.size(), 2000u) << chart.id << ": the page shows no more";
      for (const std::vector<FlatValue>& row : chart.table.rows) {
        EXPECT_EQ(row.size(), chart.table.columns.size()) << chart.id;
      }
      for (const ChartView& view : chart.views) {
        EXPECT_EQ(view.name.empty(), chart.views.size() == 1) << chart.id;
        const json option = json::parse(view.option);
        EXPECT_FALSE(option.at("series").empty()) << chart.id;
        for (const char* axis : {"xAxis", "yAxis"}) {
          EXPECT_TRUE(option.at(axis).at("type") == "category" || option.at(axis).at("name") != "")
              << chart.id;
        }
      }
    }
  }
}

TEST(LivePages, TheSameResultGivesTheSameBytes) {
  if (!can_write_pages()) {
    GTEST_SKIP() << "built without npm";
  }
  const std::vector<Page> first = all_pages();
  const std::vector<Page> second = all_pages();
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_TRUE(render_html(first[i]) == render_html(second[i])) << first[i].title;
  }
}

TEST(LivePages, AllChartsCanBeDrawn) {
  if (!can_draw()) {
    GTEST_SKIP() << "built without npm or Duktape";
  }
  Artist artist;
  for (const Page& page : all_pages()) {
    for (const Chart& chart : charts_of(page)) {
      for (std::size_t view = 0; view < chart.views.size(); ++view) {
        const std::string svg = artist.draw(chart, view);
        EXPECT_EQ(svg.find("NaN"), std::string::npos) << chart.id << " " << chart.views[view].name;
        EXPECT_EQ(svg.find("Infinity"), std::string::npos) << chart.id << " " << chart.views[view].name;
      }
    }
  }
}

TEST(BalancePage, HasEveryChart) {
  EXPECT_EQ(chart_ids(balance_page(a_loop())),
            (std::vector<std::string>{"course", "reached", "speed", "price", "final-load", "bias"}));
}

TEST(BalancePage, TheCourseHoldsEveryStepOfEveryController) {
  const BalanceRecord record = a_loop();
  const Chart course = chart_named(balance_page(record), "course");
  std::vector<std::string> views;
  for (const ChartView& view : course.views) {
    views.push_back(view.name);
  }
  // Experts of a token that compute something never change here: not a view.
  EXPECT_EQ(views, (std::vector<std::string>{"MaxVio", "MaxVio, logarithmic", "MinVio", "dead experts",
                                             "score", "experts a token"}));
  const json option = json::parse(course.views[0].option);
  ASSERT_EQ(option["series"].size(), 3u);
  EXPECT_EQ(option["series"][1]["name"], "word");
  EXPECT_EQ(option["series"][2]["name"], "word (2)") << "two of one title are told apart";
  EXPECT_EQ(option["series"][0]["markLine"]["data"][0]["yAxis"], 0.2);
  for (std::size_t c = 0; c < 3; ++c) {
    ASSERT_EQ(option["series"][c]["data"].size(), 60u);
    for (std::size_t step = 0; step < 60; ++step) {
      EXPECT_EQ(option["series"][c]["data"][step],
                json::array({static_cast<double>(step), record.courses[c].steps[step].max_violation}));
    }
  }
  const json logarithmic = json::parse(course.views[1].option);
  EXPECT_EQ(logarithmic["yAxis"]["type"], "log");
  EXPECT_EQ(logarithmic["series"][2]["data"][3], json::array({3.0, nullptr})) << "0 has no logarithm";
  EXPECT_EQ(course.table.rows.size(), 5u * 60u);
  EXPECT_EQ(std::get<double>(course.table.rows[10][4]), record.courses[1].steps[10].max_violation);
  EXPECT_EQ(course.takeaway, "word is the first below MaxVio 0.5, at step 2.");
}

TEST(BalancePage, ALongCourseIsDrawnInMeansAndItsBeginningStepByStep) {
  const BalanceRecord record = a_loop("word", 5000);
  const Chart course = chart_named(balance_page(record), "course");
  const json data = json::parse(course.views[0].option)["series"][0]["data"];
  ASSERT_EQ(data.size(), 400u);
  EXPECT_EQ(data[99], json::array({99.0, record.courses[0].steps[99].max_violation}));
  EXPECT_LE(course.table.rows.size(), 2000u);
  std::int64_t next = 0;
  for (std::size_t i = 0; i < 400; ++i) {
    const auto from = std::get<std::int64_t>(course.table.rows[i][1]);
    const auto to = std::get<std::int64_t>(course.table.rows[i][2]);
    EXPECT_EQ(from, next);
    double sum = 0;
    for (std::int64_t step = from; step <= to; ++step) {
      sum += record.courses[0].steps[static_cast<std::size_t>(step)].max_violation;
    }
    EXPECT_DOUBLE_EQ(std::get<double>(course.table.rows[i][3]), sum / static_cast<double>(to - from + 1));
    next = to + 1;
  }
  EXPECT_EQ(next, 5000);
}

TEST(BalancePage, WhatItComesToIsThatOfTheRows) {
  const BalanceRecord record = a_loop();
  const Page page = balance_page(record);
  const std::vector<FlatRow> rows = balance_rows(record);
  const DataTable table = table_named(page, "controllers");
  const Chart reached = chart_named(page, "reached");
  const Chart price = chart_named(page, "price");
  const json means = json::parse(reached.views[0].option)["series"][1]["data"];
  const json lost = json::parse(price.views[0].option)["series"][0]["data"];
  for (std::size_t c = 0; c < 3; ++c) {
    const double last = std::get<double>(*find_value(rows[c], "m.max_violation.last_50"));
    const double kept = std::get<double>(*find_value(rows[c], "m.gate_mass.kept"));
    EXPECT_EQ(std::get<double>(table.rows[c][4]), last);
    EXPECT_EQ(std::get<double>(table.rows[c][9]), kept);
    EXPECT_EQ(table.rows[c].size(), 11u) << "no coefficient, and nobody but one expert that computes";
    EXPECT_EQ(means[c][0], last);
    EXPECT_EQ(std::get<double>(price.table.rows[c][2]), kept);
    EXPECT_EQ(lost[c], 1 - kept);
  }
  // Steps 10 to 59 are the last fifty: 1/11 … 1/60, of which two are below and two above what is drawn.
  EXPECT_EQ(std::get<double>(reached.table.rows[1][2]), 1.0 / 58);
  EXPECT_EQ(std::get<double>(reached.table.rows[1][3]), 1.0 / 13);
  const Chart speed = chart_named(page, "speed");
  EXPECT_EQ(json::parse(speed.views[0].option)["series"][0]["data"], json({nullptr, 2, 3}));
  EXPECT_EQ(page.verdict.rfind("word ends lowest: MaxVio ", 0), 0u) << page.verdict;
  EXPECT_NE(page.verdict.find("with word a token keeps 75 % of the score"), std::string::npos)
      << page.verdict;
}

TEST(BalancePage, LoadsAreOverTheFairShareOfWhatComputes) {
  const Chart load = chart_named(balance_page(a_loop()), "final-load");
  const json by_id = json::parse(load.views[0].option)["series"][0]["data"];
  ASSERT_EQ(by_id.size(), 9u) << "three experts that compute, three courses";
  EXPECT_EQ(by_id[0], json::array({0, 0, 2.0}));  // 60 of 90 tokens, a fair share being 30
  EXPECT_EQ(by_id[2][2].get<double>(), 10.0 * 3 / 90);
  EXPECT_EQ(by_id[8], json::array({2, 2, 1.0}));
  const json sorted = json::parse(load.views[1].option)["series"][0]["data"];
  EXPECT_EQ(sorted[3][2].get<double>(), 32.0 * 3 / 90);
}

TEST(BalancePage, BiasesAndThresholdsAreThoseOfTheLastState) {
  const Chart bias = chart_named(balance_page(a_loop()), "bias");
  ASSERT_EQ(bias.views.size(), 2u) << "the router alone has none";
  const json added = json::parse(bias.views[0].option);
  EXPECT_EQ(added["series"][0]["data"], json({0.25, -0.5, 0.125, 0.0}));
  EXPECT_EQ(added["yAxis"]["name"], "added to the score");
  const json thresholds = json::parse(bias.views[1].option);
  EXPECT_EQ(thresholds["series"][0]["data"], json({0.5, 0.25, nullptr, 0.75}));
  EXPECT_EQ(bias.takeaway, "The largest bias is that of word: 0.5 on scores.");
}

TEST(BalancePage, OfAnythingShortIsDrawnWithoutIt) {
  EXPECT_EQ(chart_ids(balance_page(a_loop("word", 0))), (std::vector<std::string>{"final-load", "bias"}));
  BalanceRecord one = a_loop("word", 1);
  one.courses.resize(1);
  for (const Chart& chart : charts_of(balance_page(one))) {
    for (const ChartView& view : chart.views) {
      EXPECT_TRUE(json::accept(view.option));
    }
  }
  BalanceRecord uneven = a_loop();
  uneven.courses[1].steps.pop_back();
  uneven.courses[1].last_loads.pop_back();
  uneven.courses[1].last.bias.pop_back();
  EXPECT_EQ(chart_ids(balance_page(uneven)), std::vector<std::string>{"bias"});
}

TEST(BalancePage, OfVeryManyExpertsSaysThatTheyAreNotDrawn) {
  BalanceRecord record = a_loop();
  record.num_experts = 1001;
  for (BalanceCourse& course : record.courses) {
    course.last_loads.resize(1001, 1);
    course.last.bias.resize(course.last.bias.empty() ? 0 : 1001, 0.5);
    course.last.thresholds.resize(course.last.thresholds.empty() ? 0 : 1001, 0.5);
  }
  const Page page = balance_page(record);
  EXPECT_EQ(chart_ids(page), (std::vector<std::string>{"course", "reached", "speed", "price", "final-load"}))
      << "1,000 of them compute";
  record.num_zero_experts = 0;
  const Page without = balance_page(record);
  EXPECT_EQ(chart_ids(without), (std::vector<std::string>{"course", "reached", "speed", "price"}));
  const auto& words = std::get<Paragraph>(without.sections[2].blocks.front());
  EXPECT_EQ(words.text, "1,001 experts are too many to be drawn one by one; up to 1,000 are.");
}

TEST(ComparePage, OfAComparisonMeasuredNowHoldsItsSamples) {
  const CompareResult result = a_comparison();
  const Page page = compare_page({result}, "moesim compare a b");
  EXPECT_EQ(chart_ids(page), (std::vector<std::string>{"ratios", "pairs", "seconds", "load-difference"}));
  EXPECT_EQ(page.title, "word B against word A");
  EXPECT_NE(page.verdict.find("B reaches 2.000 times A's tokens/s [1.900 .. 2.100]: faster."),
            std::string::npos)
      << page.verdict;
  const json ratios = json::parse(chart_named(page, "ratios").views[0].option);
  EXPECT_EQ(ratios["series"][0]["data"][0], json::array({1.9, "B"}));
  EXPECT_EQ(ratios["series"][0]["data"][1], json::array({2.1, "B"}));
  EXPECT_EQ(ratios["series"][1]["data"][0], json::array({2.0, "B"}));
  const json pairs = json::parse(chart_named(page, "pairs").views[0].option)["series"][0]["data"];
  ASSERT_EQ(pairs.size(), 6u);
  EXPECT_EQ(pairs[0], json::array({0.9, 1.0 / 6}));
  EXPECT_EQ(pairs[5], json::array({2.2, 1.0}));
  EXPECT_EQ(chart_named(page, "pairs").takeaway, "B was faster than A in 5 of 6 pairs of rounds.");
  const json seconds = json::parse(chart_named(page, "seconds").views[0].option)["series"];
  ASSERT_EQ(seconds.size(), 2u);
  EXPECT_EQ(seconds[0]["data"].back(), json::array({result.entries[0].seconds.front(), 1.0}));
  const Chart loads = chart_named(page, "load-difference");
  ASSERT_EQ(loads.views.size(), 2u);
  EXPECT_EQ(json::parse(loads.views[0].option)["series"][0]["data"], json({-0.25, 0.0, 0.25}));
  EXPECT_EQ(json::parse(loads.views[1].option)["series"][0]["data"], json({0.0, 0.0, 0.0}));
  const DataTable metrics = table_named(page, "metrics");
  EXPECT_EQ(plain_text(metrics.rows[1][0]), "m.load_cv");
  EXPECT_EQ(std::get<double>(metrics.rows[1][2]), 0.25);
  EXPECT_EQ(table_named(page, "differences").rows.size(), 2u);
  EXPECT_EQ(chart_named(page, "seconds").takeaway, "All samples, which the runs took in turns.");
  CompareResult unequal = result;
  unequal.entries[1].settings.push_back({"p.workload.tokens", std::int64_t{1}, std::int64_t{2}});
  EXPECT_NE(chart_named(compare_page({unequal}, ""), "seconds").takeaway.find("different numbers of tokens"),
            std::string::npos);
}

TEST(ComparePage, OfVeryMuchDrawsSomeAndSaysSo) {
  CompareResult result = a_comparison();
  for (Comparison& entry : result.entries) {
    entry.seconds.clear();
    for (int i = 1; i <= 30000; ++i) {
      entry.seconds.push_back(i);
    }
    entry.loads = std::vector<Counts>(70, {1, 2, 3});
  }
  const Page page = compare_page({result}, "");
  const json seconds = json::parse(chart_named(page, "seconds").views[0].option)["series"][1]["data"];
  ASSERT_EQ(seconds.size(), 2000u);
  EXPECT_EQ(seconds[0], json::array({15.0, 15.0 / 30000}));
  EXPECT_EQ(seconds[1999], json::array({30000.0, 1.0}));
  const Chart loads = chart_named(page, "load-difference");
  EXPECT_EQ(loads.views.size(), 64u);
  EXPECT_EQ(loads.takeaway, "Every expert is chosen as often. The first 64 of 70 layers.");
  for (Comparison& entry : result.entries) {
    entry.loads = {Counts(1001, 1)};
  }
  EXPECT_EQ(chart_ids(compare_page({result}, "")), (std::vector<std::string>{"ratios", "pairs", "seconds"}));
}

TEST(ComparePage, OfThreeSidesNamesEach) {
  CompareResult result = a_comparison();
  result.entries.push_back(result.entries[1]);
  result.entries[2].title = "third";
  result.entries[2].loads = {{1, 2}};  // of another shape: not compared
  const Page page = compare_page({result}, "again");
  EXPECT_EQ(page.title, "word B, third against word A");
  EXPECT_EQ(json::parse(chart_named(page, "pairs").views[0].option)["series"].size(), 2u);
  EXPECT_EQ(json::parse(chart_named(page, "seconds").views[0].option)["series"].size(), 3u);
  EXPECT_EQ(json::parse(chart_named(page, "load-difference").views[0].option)["series"].size(), 1u);
  const DataTable verdicts = table_named(page, "verdicts");
  ASSERT_EQ(verdicts.rows.size(), 2u);
  EXPECT_EQ(plain_text(verdicts.rows[1][0]), "C");
}

TEST(ComparePage, OfRunsWithoutTimesHasNoRatios) {
  CompareResult result = a_comparison();
  for (Comparison& entry : result.entries) {
    entry.timed = false;
    entry.seconds.clear();
    entry.ratios.clear();
  }
  const Page page = compare_page({result}, "again");
  EXPECT_EQ(chart_ids(page), std::vector<std::string>{"load-difference"});
  EXPECT_EQ(page.verdict, "The runs were not timed on both sides.");
}

// What a side does with a token, read from its result alone.
std::map<std::int32_t, float> kept_of(const RoutedSide& side, Index token) {
  std::map<std::int32_t, float> kept;
  const auto& a = std::get<Assignments>(side.result.routing);
  const auto t = static_cast<std::size_t>(token);
  for (Index n = a.begin[t]; n < a.begin[t + 1]; ++n) {
    kept[a.expert[static_cast<std::size_t>(n)]] = a.weight[static_cast<std::size_t>(n)];
  }
  return kept;
}

TEST(RouteDiffPage, CountsTheTokensOfEachStage) {
  const TwoRouters routers;
  const RouteDiffDetail detail = routers.detail();
  const RouteDiff diff = routers.diff();
  Index same = 0;
  float largest = 0;
  for (Index t = 0; t < 12; ++t) {
    const auto a = kept_of(routers.a(), t);
    const auto b = kept_of(routers.b(), t);
    same += a == b ? 1 : 0;
    for (const auto& [expert, weight] : a) {
      largest = std::max(largest, std::abs(weight - (b.count(expert) == 1 ? b.at(expert) : 0.0F)));
    }
    for (const auto& [expert, weight] : b) {
      largest = std::max(largest, a.count(expert) == 1 ? 0.0F : weight);
    }
  }
  ASSERT_TRUE(same > 0 && same < 12) << "some tokens must differ";
  std::vector<std::string> stages;
  Index parts = 0;
  for (const StageDiff& stage : detail.stages) {
    stages.push_back(stage.stage);
    parts += stage.parts;
  }
  EXPECT_EQ(stages, (std::vector<std::string>{"logits", "noise", "scores", "selection scores", "group limits",
                                              "selection", "weights", "goes to"}));
  EXPECT_EQ(diff.same, same);
  EXPECT_EQ(detail.stages.back().same, same);
  EXPECT_FLOAT_EQ(static_cast<float>(detail.stages.back().largest), largest);
  EXPECT_EQ(parts, 12 - same);
  EXPECT_EQ(detail.num_parted, 12 - same);
  EXPECT_EQ(detail.stages[3].same, 12);
  EXPECT_EQ(detail.stages[4].masked, 12) << "one side masks what the other fills with 0";
  const Page page = routers.page();
  const Chart chart = chart_named(page, "stages");
  const json series = json::parse(chart.views[0].option)["series"];
  for (std::size_t s = 0; s < detail.stages.size(); ++s) {
    EXPECT_EQ(series[0]["data"][s], detail.stages[s].same);
    EXPECT_EQ(series[1]["data"][s], detail.stages[s].parts);
    EXPECT_EQ(series[0]["data"][s].get<Index>() + series[1]["data"][s].get<Index>() +
                  series[2]["data"][s].get<Index>(),
              12);
    EXPECT_EQ(std::get<std::int64_t>(chart.table.rows[s][1]), detail.stages[s].same);
  }
  EXPECT_EQ(table_named(page, "parted").rows.size(), static_cast<std::size_t>(12 - same));
}

TEST(RouteDiffPage, ShowsTheLoadsAndTheFirstToken) {
  const TwoRouters routers;
  const RouteDiff diff = routers.diff();
  const Page page = routers.page("moesim route --preset a --diff b");
  EXPECT_EQ(chart_ids(page), (std::vector<std::string>{"stages", "largest", "first-token", "load"}));
  const json load = json::parse(chart_named(page, "load").views[0].option)["series"];
  EXPECT_EQ(load[0]["data"], json(routers.a().result.routed));
  EXPECT_EQ(load[1]["data"], json(routers.b().result.routed));
  const Chart token = chart_named(page, "first-token");
  EXPECT_EQ(token.views.front().name, diff.stage) << "where it parts first";
  const auto stage = std::find_if(diff.a.stages.begin(), diff.a.stages.end(),
                                  [&](const StageValues& s) { return s.stage == diff.stage; });
  const json drawn = json::parse(token.views.front().option)["series"][0]["data"];
  for (std::size_t e = 0; e < stage->values.size(); ++e) {
    EXPECT_EQ(drawn[e], std::isfinite(stage->values[e]) ? json(stage->values[e]) : json(nullptr));
  }
  const DataTable different = table_named(page, "differences");
  std::set<std::string> names;
  for (const std::vector<FlatValue>& row : different.rows) {
    names.insert(plain_text(row[0]));
  }
  EXPECT_EQ(names, (std::set<std::string>{"router.preset", "router.mask_fill"}));
  EXPECT_GT(table_named(page, "settings").rows.size(), 10u);
}

TEST(RouteDiffPage, OfARouterAndItself) {
  const TwoRouters routers("mixtral", "mixtral");
  const Page page = routers.page();
  EXPECT_EQ(page.verdict, "All 12 tokens go to the same experts with the same weights.");
  EXPECT_EQ(chart_ids(page), (std::vector<std::string>{"stages", "load"}));
  EXPECT_TRUE(table_named(page, "differences").rows.empty());
}

TEST(RouteDiffPage, OfRoutersThatTellNoStagesReadsTheResults) {
  const TwoRouters routers("mixtral", "phi35_moe");
  const RouteDiffDetail detail = routers.detail();
  ASSERT_EQ(detail.stages.size(), 3u);
  EXPECT_EQ(detail.stages[0].stage, "selection");
  EXPECT_EQ(detail.stages[1].stage, "weights");
  EXPECT_EQ(detail.stages[2].same, routers.diff().same);
  Index parts = 0;
  for (const StageDiff& stage : detail.stages) {
    parts += stage.parts;
  }
  EXPECT_EQ(parts, 12 - routers.diff().same);
}

}  // namespace
}  // namespace moesim
