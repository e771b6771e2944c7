#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "io/row_format.h"
#include "page/draw.h"
#include "page/html.h"
#include "page_fixture.h"
#include "page_parts.h"

namespace moesim {
namespace {

using nlohmann::json;
using test::chart_named;
using test::charts_of;
using test::stored_run;
using test::stored_sweep;

std::vector<StoredPoint> many_points(int count) {
  std::vector<StoredPoint> points;
  for (int i = 0; i < count; ++i) {
    StoredPoint point = stored_sweep().front();
    point.place = i;
    point.id = std::to_string(i);
    point.parameters = {{"layer.num_experts", std::int64_t{i % 25}}, {"router.top_k", std::int64_t{i / 25}}};
    for (FlatEntry& entry : point.record) {
      if (entry.name == "m.tokens_per_s") {
        entry.value = 1000.0 + (i == 4321 ? 1e6 : i % 7);
      }
    }
    points.push_back(std::move(point));
  }
  return points;
}

Page a_run_page() {
  const test::StoredRun run = stored_run();
  return run_page("run", run.point, run.detail);
}

TEST(RunPage, HasEveryChartItsRecordAllows) {
  std::vector<std::string> ids;
  for (const Chart& chart : charts_of(a_run_page())) {
    ids.push_back(chart.id);
    EXPECT_FALSE(chart.takeaway.empty()) << chart.id;
    EXPECT_FALSE(chart.table.rows.empty()) << chart.id;
    for (const std::vector<FlatValue>& row : chart.table.rows) {
      EXPECT_EQ(row.size(), chart.table.columns.size()) << chart.id;
    }
    for (const ChartView& view : chart.views) {
      const json option = json::parse(view.option);
      EXPECT_FALSE(option.at("series").empty()) << chart.id;
      if (option.contains("xAxis")) {
        EXPECT_TRUE(option["xAxis"].contains("name")) << chart.id;
        EXPECT_TRUE(option["yAxis"].contains("name")) << chart.id;
      }
    }
  }
  EXPECT_EQ(ids, (std::vector<std::string>{"load", "lorenz", "layers", "steps", "weights", "entropy", "pairs",
                                           "throughput", "parameters", "stages", "timeline"}));
}

TEST(RunPage, NumbersAreThoseOfTheRecord) {
  const test::StoredRun run = stored_run();
  const Chart load = chart_named(run_page("run", run.point, run.detail), "load");
  ASSERT_EQ(load.views.size(), 4u);
  EXPECT_EQ(load.views[0].name, "layer 0, by id");
  const json option = json::parse(load.views[0].option);
  EXPECT_EQ(option["series"][0]["data"], json({20, 28, 36, 44}));
  EXPECT_EQ(option["series"][1]["data"], json({0, 2, 4, 6}));
  EXPECT_EQ(option["series"][0]["markLine"]["data"][0]["yAxis"], 35);  // (20 + 30 + 40 + 50) / 4
  EXPECT_EQ(option["series"][0]["markLine"]["data"][1]["yAxis"], 80);  // 40 rows a step, 2 steps
  const json sorted = json::parse(load.views[1].option);
  EXPECT_EQ(sorted["xAxis"]["data"], json({"e3", "e2", "e1", "e0"}));
  const Chart throughput = chart_named(run_page("run", run.point, run.detail), "throughput");
  const json drawn = json::parse(throughput.views[0].option);
  EXPECT_EQ(drawn["series"][1]["data"][0], json({1000.0, "moe"}));             // 100 tokens in 0.1 s
  EXPECT_EQ(drawn["series"][3]["data"], json::array({json({500.0, "moe"})}));  // the warm-up
  ASSERT_EQ(throughput.views.size(), 2u);
  const json gflops = json::parse(throughput.views[1].option);
  EXPECT_EQ(gflops["yAxis"]["data"], json({"moe", "yardstick"}));  // the dense layer's record has none
  EXPECT_EQ(gflops["series"][1]["data"][0], json({20.0, "moe"}));
  EXPECT_EQ(gflops["series"][1]["data"][2], json({20.0, "yardstick"}));  // 25 · 0.004 / 0.005
  EXPECT_EQ(gflops["series"][0]["data"][0], json({18.0, "moe"}));        // as wide as that of tokens/s
  EXPECT_NE(throughput.takeaway.find("dense_same_active: 1.50 times"), std::string::npos);
}

// What the cell after that of `name` holds: the whole number where it shows a rounded one.
std::string value_beside(const std::string& html, const std::string& name) {
  const std::string before = "<td>" + name + "</td><td";
  const std::size_t at = html.find(before);
  if (at == std::string::npos) {
    return "no such row";
  }
  const std::size_t open = html.find('>', at + before.size());
  const std::string tag = html.substr(at + before.size(), open - at - before.size());
  const std::size_t whole = tag.find("data-v=\"");
  return whole == std::string::npos ? html.substr(open + 1, html.find("</td>", open) - open - 1)
                                    : tag.substr(whole + 8, tag.size() - whole - 9);
}

TEST(RunPage, EveryTableOfTheWrittenPageReadsBack) {
  if (!can_write_pages()) {
    GTEST_SKIP() << "built without npm";
  }
  test::StoredRun run = stored_run();
  run.point.record.push_back({"m.precise", 12345.678901234567});
  run.point.record.push_back({"m.tiny", 1.25e-9});
  run.point.record.push_back({"m.huge", 123456789.25});
  const std::string html = render_html(run_page("run", run.point, run.detail));
  EXPECT_NE(html.find("data-v=\"12345.678901234567\">12345.7</td>"), std::string::npos);
  EXPECT_NE(html.find(">123456789</td>"), std::string::npos);
  for (const FlatEntry& entry : run.point.record) {
    if (entry.name.rfind("m.", 0) == 0) {
      EXPECT_EQ(value_beside(html, entry.name), plain_text(entry.value)) << entry.name;
    }
  }
}

TEST(RunPage, RecordsThatLackAnythingAreDrawnWithoutIt) {
  std::mt19937 random(7);
  for (int i = 0; i < 300; ++i) {
    test::StoredRun run = stored_run();
    std::erase_if(run.point.record, [&](const FlatEntry&) { return random() % 3 == 0; });
    const auto thin = [&](auto& rows) {
      std::erase_if(rows, [&](const auto&) { return random() % 3 == 0; });
    };
    thin(run.detail.loads);
    thin(run.detail.pairs);
    thin(run.detail.bins);
    thin(run.detail.spans);
    thin(run.detail.tokens);
    thin(run.detail.choices);
    thin(run.detail.timings);
    const Page page = run_page("run", run.point, run.detail);
    for (const Chart& chart : charts_of(page)) {
      for (const ChartView& view : chart.views) {
        EXPECT_TRUE(json::accept(view.option));
      }
    }
  }
  const Page bare = run_page("run", StoredPoint{}, StoredDetail{});
  EXPECT_TRUE(charts_of(bare).empty());
  EXPECT_EQ(bare.sections.size(), 1u);
}

TEST(RunPage, WordsKnowTheirExperts) {
  const test::StoredRun run = stored_run();
  const Page page = run_page("run", run.point, run.detail);
  const auto& text = std::get<TokenText>(page.sections.front().blocks.back());
  ASSERT_EQ(text.passages.size(), 1u);
  ASSERT_EQ(text.passages[0].tokens.size(), 2u);
  EXPECT_EQ(text.layers, (std::vector<std::int64_t>{0, 1}));
  const auto& word = text.passages[0].tokens[0];
  ASSERT_EQ(word.choices.size(), 2u);
  ASSERT_EQ(word.choices[0].size(), 2u);
  EXPECT_EQ(word.choices[0][1].expert, 2);
  EXPECT_FALSE(word.choices[0][1].kept);
  EXPECT_EQ(word.choices[1][0].expert, 3);
  EXPECT_TRUE(text.passages[0].tokens[1].choices[0].empty());
  if (!can_write_pages()) {
    return;
  }
  const std::string html = render_html(page, {.pictures = false});
  for (const char* part :
       {"<span class=\"t c1\" title=\"expert 1: 0.600, expert 2: 0.400 (dropped)\">word<sub>1</sub></span>",
        "<span class=\"t none\" title=\"no expert\">other<sub></sub></span>",
        "[[[1,\"0.600\",1,2,\"0.400\",0],[]],[[3,\"0.900\",0],[0,\"0.700\",1]]]"}) {
    EXPECT_NE(html.find(part), std::string::npos) << part;
  }
}

TEST(SweepPage, DrawsThePointsAndNamesTheFailures) {
  const Page page = sweep_page("sweep", stored_sweep());
  std::vector<std::string> ids;
  for (const Chart& chart : charts_of(page)) {
    ids.push_back(chart.id);
  }
  EXPECT_EQ(ids, (std::vector<std::string>{"parallel", "pareto", "grid", "lines", "shares"}));
  const json parallel = json::parse(chart_named(page, "parallel").views[0].option);
  EXPECT_EQ(parallel["series"][0]["data"].size(), 3u);
  EXPECT_EQ(parallel["series"][0]["data"][1]["value"][3],
            500.0);  // axes: experts, top-k, axis; then tokens/s
  const json grid = json::parse(chart_named(page, "grid").views[0].option);
  const json cells = grid["series"][0]["data"];
  ASSERT_EQ(cells.size(), 3u);
  EXPECT_EQ(cells[1], json({{"value", {0, 1, 500.0}}, {"of", json::array({json({1, 500.0})})}}));
  EXPECT_EQ(cells[2]["value"], json({1, 0, 1000.0}));
  const json lines = json::parse(chart_named(page, "lines").views[0].option);
  EXPECT_EQ(lines["series"][0]["data"],
            json::array({{{"value", 1000.0}, {"point", 0}}, {{"value", 1000.0}, {"point", 2}}}));
  const auto& best = std::get<NamedTable>(page.sections.front().blocks.front());
  EXPECT_EQ(best.title, "Highest tokens/s");
  ASSERT_EQ(best.table.rows.size(), 3u);
  EXPECT_EQ(std::get<std::string>(best.table.rows[2][1]), "2") << "top_k 2 runs at half the speed";
  const Section& points = page.sections.at(page.sections.size() - 2);
  const auto& failures = std::get<NamedTable>(points.blocks.back());
  EXPECT_EQ(page.sections.back().id, "repeat");
  EXPECT_EQ(failures.id, "failures");
  EXPECT_EQ(failures.table.rows.size(), 1u);
}

TEST(SweepPage, OfNothingButFailuresHasTheirTable) {
  std::vector<StoredPoint> points = stored_sweep();
  points.erase(points.begin(), points.end() - 1);
  const Page page = sweep_page("sweep", points);
  EXPECT_TRUE(charts_of(page).empty());
  EXPECT_EQ(page.sections.size(), 1u);
}

TEST(Html, TheSameRecordGivesTheSameBytes) {
  if (!can_write_pages()) {
    GTEST_SKIP() << "built without npm";
  }
  EXPECT_EQ(render_html(a_run_page()), render_html(a_run_page()));
}

TEST(Html, ATypicalPageIsSmallAndASweepOf500PointsToo) {
  if (!can_write_pages()) {
    GTEST_SKIP() << "built without npm";
  }
  EXPECT_LT(render_html(a_run_page()).size(), 3u << 20);
  EXPECT_LT(render_html(sweep_page("sweep", many_points(500))).size(), 4u << 20);
}

TEST(SweepPage, OfVeryManyPointsDrawsSomeAndSaysSo) {
  const Page page = sweep_page("sweep", many_points(6000));
  const Chart pareto = chart_named(page, "pareto");
  EXPECT_LE(pareto.table.rows.size(), 2000u);
  EXPECT_GT(pareto.table.rows.size(), 1500u);
  const auto is_best = [](const auto& row) { return std::get<double>(row[3]) > 1e6; };
  EXPECT_EQ(std::count_if(pareto.table.rows.begin(), pareto.table.rows.end(), is_best), 1);
  const auto& note = std::get<Paragraph>(page.sections.at(1).blocks.front()).text;
  EXPECT_NE(note.find(" of 6,000 points are drawn"), std::string::npos) << note;
  if (can_write_pages()) {
    EXPECT_LT(render_html(page).size(), 20u << 20);
  }
}

TEST(RunPage, OfAVeryLargeModelStaysBelowTheLimit) {
  test::StoredRun run = stored_run();
  for (FlatEntry& entry : run.point.record) {
    entry.value = entry.name == "p.layer.num_experts"  ? FlatValue(std::int64_t{4096})
                  : entry.name == "p.layer.num_layers" ? FlatValue(std::int64_t{96})
                                                       : entry.value;
  }
  run.detail.loads.clear();
  for (std::int64_t layer = 0; layer < 96; ++layer) {
    for (std::int64_t e = 0; e < 4096; ++e) {
      run.detail.loads.push_back({-1, layer, e, 100'000 + e * 7 % 1000, 100'000});
    }
  }
  const Page page = run_page("run", run.point, run.detail);
  EXPECT_EQ(chart_named(page, "layers").table.rows.size(), 65536u);
  EXPECT_EQ(chart_named(page, "load").views.size(), 128u);
  if (can_write_pages()) {
    const std::string html = render_html(page);
    EXPECT_LT(html.size(), 20u << 20);
    EXPECT_GT(html.size(), 10u << 20);
    EXPECT_NE(html.find(" of 128 views are here, so that the page stays small."), std::string::npos);
    EXPECT_NE(html.find("of these 16 of 96 layers"), std::string::npos);
  }
}

// 65,536 bars would be minutes of a browser's time.
TEST(RunPage, DrawsSomeOfVeryManyExpertsAndSaysSo) {
  test::StoredRun run = stored_run();
  for (FlatEntry& entry : run.point.record) {
    entry.value = entry.name == "p.layer.num_experts" ? FlatValue(std::int64_t{65536}) : entry.value;
  }
  run.detail.loads.clear();
  for (std::int64_t e = 0; e < 65536; ++e) {
    run.detail.loads.push_back({-1, 0, e, e, e});
  }
  const Page page = run_page("run", run.point, run.detail);
  const Chart& load = chart_named(page, "load");
  for (const ChartView& view : load.views) {
    const auto option = json::parse(view.option);
    const auto& names = option.at("xAxis").at("data");
    ASSERT_EQ(names.size(), 4096u) << view.name;
    EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), 4096u) << view.name;
    EXPECT_EQ(names.front(), view.name.find("sorted") == std::string::npos ? "e0" : "e65535");
    EXPECT_EQ(names.back(), view.name.find("sorted") == std::string::npos ? "e65535" : "e0");
    EXPECT_EQ(option.at("series").at(0).at("data").back(), names.back() == "e0" ? 0 : 65535);
  }
  EXPECT_EQ(load.table.rows.size(), 65536u);
  EXPECT_NE(load.takeaway.find("Drawn: 4,096 of 65,536 experts, evenly chosen."), std::string::npos);
  const auto curve =
      json::parse(chart_named(page, "lorenz").views.front().option).at("series").at(0).at("data");
  EXPECT_EQ(curve.size(), 4097u);
  EXPECT_EQ(curve.back(), json({1.0, 1.0}));
}

TEST(Artist, DrawsTheSamePictureTwice) {
  if (!can_draw()) {
    GTEST_SKIP() << "built without npm or Duktape";
  }
  Artist first;
  Artist second;
  for (const Chart& chart : charts_of(a_run_page())) {
    const std::string svg = first.draw(chart, 0);
    EXPECT_EQ(svg, second.draw(chart, 0)) << chart.id;
    EXPECT_EQ(svg.rfind("<svg", 0), 0u) << chart.id;
    EXPECT_NE(svg.find("<path"), std::string::npos) << chart.id;
  }
}

TEST(Html, EscapesWhatAPageIsMadeOf) {
  EXPECT_EQ(escape_html("<a b=\"c\" d='e'>&"), "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;");
  EXPECT_EQ(escape_json_in_html(R"(["</script>&"])"), R"(["\u003c/script\u003e\u0026"])");
}

}  // namespace
}  // namespace moesim
