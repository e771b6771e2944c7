// Nothing that a stored file says becomes part of the page's own language.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "live_fixture.h"
#include "page/draw.h"
#include "page/html.h"
#include "page/stored_loads.h"
#include "page_fixture.h"

namespace moesim {
namespace {

using test::stored_run;
using test::stored_sweep;

std::vector<std::string> payloads() {
  std::vector<std::string> all;
  const char* cores[] = {"<script>alert(1)</script>",
                         "<img src=x onerror=alert(1)>",
                         "<svg/onload=alert(1)>",
                         "<svg><script>alert(1)</script></svg>",
                         "<iframe src=javascript:alert(1)>",
                         "<a href=javascript:alert(1)>x</a>",
                         "<body onload=alert(1)>",
                         "<meta http-equiv=refresh content=0;url=http://x>",
                         "<base href=http://x/>",
                         "<style>@import 'http://x'</style>",
                         "<link rel=stylesheet href=http://x>",
                         "<object data=x>",
                         "<math><mtext></mtext></math>",
                         "<details open ontoggle=alert(1)>",
                         "<!--<script>",
                         "--><script>alert(1)</script>",
                         "]]><script>alert(1)</script>",
                         "{{constructor.constructor('alert(1)')()}}",
                         "__proto__",
                         "constructor"};
  const char* ways[] = {"",         "\"",        "'",           "\">", "'>",           "</title>",
                        "</style>", "</script>", "</noscript>", "\\",  "\xe2\x80\xa8", "&lt;"};
  for (const char* core : cores) {
    for (const char* way : ways) {
      all.push_back(std::string(way) + core);
    }
  }
  return all;
}

// Every tag and attribute of the page, apart from the bodies of its own scripts and style.
void expect_only_own_tags(const std::string& html, const std::string& payload) {
  static const std::set<std::string> tags = {
      "!DOCTYPE", "html",   "head",   "meta",     "link",     "title",   "style",
      "body",     "header", "h1",     "h2",       "h3",       "p",       "span",
      "nav",      "ul",     "li",     "a",        "button",   "main",    "section",
      "figure",   "div",    "sub",    "select",   "option",   "label",   "details",
      "summary",  "table",  "thead",  "tbody",    "tr",       "th",      "td",
      "pre",      "code",   "footer", "script",   "noscript", "svg",     "g",
      "path",     "text",   "rect",   "defs",     "clipPath", "pattern", "linearGradient",
      "stop",     "image",  "use",    "polyline", "polygon",  "circle",  "tspan"};
  std::size_t at = 0;
  int scripts = 0;
  while ((at = html.find('<', at)) != std::string::npos) {
    std::size_t end = at + 1;
    char quote = 0;
    while (end < html.size() && (quote != 0 || html[end] != '>')) {
      quote = quote == 0 && (html[end] == '"' || html[end] == '\'') ? html[end]
              : quote == html[end]                                  ? '\0'
                                                                    : quote;
      ++end;
    }
    ASSERT_LT(end, html.size()) << payload;
    const std::string tag = html.substr(at + 1, end - at - 1);
    const std::string name =
        tag.substr(tag[0] == '/' ? 1 : 0, tag.find_first_of(" /\n", 1) - (tag[0] == '/' ? 1 : 0));
    EXPECT_TRUE(tags.count(name) == 1) << payload << " made <" << tag << ">";
    bool in_quotes = false;
    for (std::size_t i = 0; i < tag.size(); ++i) {
      in_quotes = in_quotes != (tag[i] == '"');
      EXPECT_FALSE(!in_quotes && tag.compare(i, 3, " on") == 0) << payload << " made <" << tag << ">";
    }
    at = end;
    if (name == "style" || name == "script") {
      if (tag[0] != '/') {
        scripts += name == "script" && tag.find("application/json") == std::string::npos ? 1 : 0;
        const std::size_t body_end = html.find("</" + name + ">", at);
        ASSERT_NE(body_end, std::string::npos);
        if (tag.find("application/json") != std::string::npos) {
          const std::string body = html.substr(at + 1, body_end - at - 1);
          EXPECT_EQ(body.find('<'), std::string::npos) << payload;
          EXPECT_TRUE(nlohmann::json::accept(body)) << payload;
        }
        at = body_end;
      }
    }
  }
  EXPECT_EQ(scripts, 3) << payload;
}

TEST(HostilePage, NoTextOfARecordBecomesATagAnAttributeOrAScript) {
  if (!can_write_pages()) {
    GTEST_SKIP() << "built without npm";
  }
  ASSERT_GE(payloads().size(), 100u);
  // Many on one page, so that the library is written and read a few times only.
  const std::vector<std::string> all = payloads();
  constexpr std::size_t kAtOnce = 24;
  for (std::size_t first = 0; first < all.size(); first += kAtOnce) {
    Page page{all[first], all[first], {all[first]}, {}};
    for (std::size_t i = first; i < std::min(all.size(), first + kAtOnce); ++i) {
      const test::StoredRun run = stored_run(all[i]);
      for (const Page& part :
           {run_page(all[i], run.point, run.detail), sweep_page(all[i], stored_sweep(all[i])),
            balance_page(test::a_loop(all[i])), compare_page({test::a_comparison(all[i])}, all[i]),
            test::TwoRouters("deepseek_v3", "deepseek_v3_zero_fill", all[i]).page(all[i])}) {
        page.badges.push_back(part.title);
        page.sections.insert(page.sections.end(), part.sections.begin(), part.sections.end());
      }
    }
    expect_only_own_tags(render_html(page, {.pictures = false}), all[first]);
  }
}

TEST(HostilePage, WithPicturesToo) {
  if (!can_write_pages()) {
    GTEST_SKIP() << "built without npm";
  }
  for (const std::string& payload : {payloads()[0], payloads()[30]}) {
    const test::StoredRun run = stored_run(payload);
    expect_only_own_tags(render_html(run_page(payload, run.point, run.detail)), payload);
    expect_only_own_tags(render_html(balance_page(test::a_loop(payload))), payload);
    expect_only_own_tags(render_html(compare_page({test::a_comparison(payload)}, payload)), payload);
  }
}

TEST(HostilePage, NamesInAPictureAreText) {
  if (!can_draw()) {
    GTEST_SKIP() << "built without npm or Duktape";
  }
  Artist artist;
  const std::vector<std::string> all = payloads();
  for (std::size_t i = 0; i < all.size(); i += 5) {
    const std::string& payload = all[i];
    const Page page = sweep_page("sweep", stored_sweep(payload));
    for (const Section& section : page.sections) {
      for (const Block& block : section.blocks) {
        if (const Chart* chart = std::get_if<Chart>(&block); chart != nullptr && chart->id == "parallel") {
          const std::string svg = artist.draw(*chart, 0);
          for (const char* tag :
               {"<script", "<img", "<iframe", "<object", "<foreignObject", "<a ", "<style>@"}) {
            EXPECT_EQ(svg.find(tag), std::string::npos) << payload;
          }
        }
      }
    }
  }
}

TEST(HostilePage, NumbersThatContradictTheRecordAreLeftOut) {
  test::StoredRun run = stored_run();
  constexpr std::int64_t kHuge = std::int64_t{1} << 62;
  run.detail.loads.push_back({-1, kHuge, 0, 1, 1});
  run.detail.loads.push_back({-1, 0, kHuge, 1, 1});
  run.detail.loads.push_back({-1, -5, -5, 1, 1});
  run.detail.loads.push_back({-1, 1, 1, -7, 1});
  run.detail.pairs.push_back({0, 3, kHuge, 5});
  run.detail.pairs.push_back({0, -1, 2, 5});
  run.detail.spans.push_back({kHuge, "x", 0, 1});
  run.detail.spans.push_back({0, "x", 5, 1});
  run.detail.choices.push_back({0, 0, kHuge, 1e300, true});
  run.detail.choices.push_back({kHuge, 0, -1, 0.5, true});
  run.detail.choices.push_back({0, kHuge, 1, 0.5, true});
  run.detail.bins.push_back({"weight", 0, -1e308, 1e308, -5});
  const Page page = run_page("run", run.point, run.detail);
  const Page before = run_page("run", stored_run().point, stored_run().detail);
  for (std::size_t s = 0; s < page.sections.size(); ++s) {
    for (std::size_t b = 0; b < page.sections[s].blocks.size(); ++b) {
      const Chart* chart = std::get_if<Chart>(&page.sections[s].blocks[b]);
      if (chart != nullptr) {
        EXPECT_EQ(chart->views.front().option,
                  std::get<Chart>(before.sections[s].blocks[b]).views.front().option)
            << chart->id;
      }
    }
  }
}

// Each row claims another layer or step of 65,536 experts: filled in, they would take terabytes.
TEST(HostilePage, FewRowsAskForLittleMemory) {
  test::StoredRun run = stored_run();
  for (FlatEntry& entry : run.point.record) {
    if (entry.name == "p.layer.num_experts" || entry.name == "p.layer.num_layers") {
      entry.value = std::int64_t{65536};
    }
  }
  run.detail.loads.clear();
  for (std::int64_t i = 0; i < 40'000; ++i) {
    run.detail.loads.push_back({-1, i, 0, 1, 1});
    run.detail.loads.push_back({i, 0, 0, 1, 1});
  }
  const StoredLoads loads = read_loads(run.point, run.detail);
  std::size_t numbers = 0;
  for (const LayerLoads& layer : loads.total) {
    numbers += layer.routed.size();
  }
  for (const auto& [step, layer] : loads.first_layer_by_step) {
    numbers += layer.routed.size();
  }
  EXPECT_LE(numbers, run.detail.loads.size() + 65536);
}

TEST(HostilePage, AbsurdSizesInTheRecordAskForNoMemory) {
  for (const double size : {-1.0, 0.0, 1e18, 1e300}) {
    test::StoredRun run = stored_run();
    for (FlatEntry& entry : run.point.record) {
      if (entry.name == "p.layer.num_experts" || entry.name == "p.layer.num_layers") {
        entry.value = size;
      }
    }
    EXPECT_NO_THROW(run_page("run", run.point, run.detail)) << size;
  }
}

}  // namespace
}  // namespace moesim
