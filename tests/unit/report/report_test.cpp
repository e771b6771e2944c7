#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "balance/controller.h"
#include "balance/losses.h"
#include "dispatch/capacity.h"
#include "io/row_format.h"
#include "metrics/flatten.h"
#include "report/config_reference.h"
#include "report/numbers.h"
#include "report/router_reference.h"
#include "report/screen.h"
#include "report/sweep_screen.h"
#include "report/words.h"

namespace moesim {
namespace {

// A record with made-up figures, so that what is printed can be predicted.
RunRecord sample_record() {
  RunRecord r;
  r.name = "sample";
  r.config_source = "sample.yaml";
  r.resolved = {{"seed", "42", "default"},
                {"layer.num_experts", "2", "default"},
                {"router.top_k", "1", "default"},
                {"execute", "true", "default"},
                {"workload.kind", "text", "default"}};
  r.shape = {.num_layers = 1, .d_model = 4, .d_ff = 8, .num_experts = 2};
  r.router = "switch";
  r.tokens = 10;
  r.steps = 1;
  LayerResult layer;
  layer.counts.assignments = 10;
  layer.counts.kept = 9;
  layer.counts.tokens = 10;
  layer.counts.steps = 1;
  layer.counts.routed_per_expert = {7, 3};
  layer.counts.tokens_per_expert = {6, 3};
  layer.counts.routed_in_decile.fill(1);
  layer.counts.dropped_in_decile[9] = 1;
  layer.routed = load_stats(layer.counts.routed_per_expert);
  layer.processed = load_stats(layer.counts.tokens_per_expert);
  r.layers.push_back(layer);
  r.mean_routed = layer.routed;
  r.mean_processed = layer.processed;
  r.dropped_fraction = 0.1;
  r.computed_rows_fraction = 0.9;
  r.nominal = {200, 104, 208, 0};
  r.realised = {200, 94, 188, 0};
  r.timing.verdict = Verdict::ok;
  r.timing.threads = 2;
  r.timing.stages.experts = 0.75;
  r.timing.stages.gate = 0.25;
  VariantResult moe;
  moe.name = "moe";
  moe.tokens_per_s = {1000, 990, 1010};
  moe.samples.resize(6);
  VariantResult dense;
  dense.name = "dense_same_total";
  dense.tokens_per_s = {500, 490, 510};
  dense.ratio = {0.5, 0.49, 0.51};
  dense.samples.resize(6);
  r.variants = {moe, dense};
  r.shown_tokens = {{"english", "evil\x1b[31m", {{1, 0.75F, false}}}};
  return r;
}

TEST(Numbers, AreShortAndExact) {
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(with_commas(1234567), "1,234,567");
  EXPECT_EQ(short_number(182412.7), "182.4k");
  EXPECT_EQ(short_number(3.1e6), "3.1 M");
  EXPECT_EQ(short_bytes(1023), "1023 B");
  EXPECT_EQ(short_bytes(1536), "1.5 KiB");
  EXPECT_EQ(percent(0.051), "5.1 %");
  EXPECT_EQ(percent(0.51), "51 %");
  EXPECT_EQ(short_seconds(0.0123), "12.3 ms");
  EXPECT_EQ(short_seconds(5e-6), "5 µs");
  EXPECT_EQ(counted(1, "step"), "1 step");
  EXPECT_EQ(counted(2000, "step"), "2,000 steps");
  EXPECT_EQ(counted(0, "step"), "0 steps");
  EXPECT_EQ(fold_words("a bc def", 4), "a bc\ndef");
  EXPECT_EQ(fold_words("전문가 e0 열두글자가넘는낱말", 9, " "), " 전문가\n e0\n 열두글자가넘는낱말");
  EXPECT_EQ(fold_words("", 9, "  "), "  ");
  EXPECT_EQ(pad_to("전문가", 4), "전문");
  EXPECT_EQ(pad_to("가a", 5), "가a  ");
}

TEST(Flat, NamesAreUniqueAndJsonReadsBack) {
  const FlatRow row = flatten(sample_record());
  std::set<std::string> names;
  for (const FlatEntry& entry : row) {
    EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
  }
  const nlohmann::json object = nlohmann::json::parse(render_row(row, Format::json));
  EXPECT_EQ(object["p.layer.num_experts"], 2);
  EXPECT_EQ(object["p.execute"], true);
  EXPECT_EQ(object["p.workload.kind"], "text");
  EXPECT_EQ(object["m.tokens_per_s"], 1000.0);
  EXPECT_EQ(object["m.tokens_per_s.lo"], 990.0);
  EXPECT_EQ(object["m.dropped_fraction.decile.9"], 1.0);
  EXPECT_DOUBLE_EQ(object["m.max_violation"], 0.4);
  EXPECT_TRUE(object["m.output_hash"].is_null());
}

TEST(Flat, NumbersKeepTheirTypeAndLongOnesTheirDigits) {
  EXPECT_EQ(typed_value("3"), FlatValue(std::int64_t{3}));
  EXPECT_EQ(typed_value("0.5"), FlatValue(0.5));
  EXPECT_EQ(typed_value("1e3"), FlatValue(std::int64_t{1000}));
  EXPECT_EQ(typed_value("18446744073709551615"), FlatValue(std::string("18446744073709551615")));
}

TEST(Pace, SaysTheRateAndScalesWhatIsLeft) {
  SweepPace pace{.place = 0, .points = 12, .planned_left_s = 36};
  EXPECT_EQ(render_pace(pace), "point 1/12, about 36 s left");
  EXPECT_EQ(share_done(pace), 0);
  pace = {.place = 2,
          .points = 12,
          .ran = 2,
          .ran_s = 12,
          .planned_ran_s = 6,
          .running_s = 3,
          .planned_left_s = 30};
  EXPECT_EQ(render_pace(pace), "point 3/12, 6 s a point, about 57 s left");
  EXPECT_DOUBLE_EQ(share_done(pace), 15.0 / 72.0);
  pace.running_s = 1000;  // longer than all that was expected
  EXPECT_EQ(render_pace(pace), "point 3/12, 6 s a point, under 1 s left");
  EXPECT_EQ(share_done(pace), 1);
  EXPECT_EQ(render_pace({.points = 1}), "point 1/1, under 1 s left");
  EXPECT_EQ(duration(250), "4 min 10 s");
  EXPECT_EQ(duration(5400), "1 h 30 min");
  EXPECT_EQ(duration(59.6), "1 min 0 s");
  EXPECT_EQ(duration(std::nan("")), "under 1 s");
}

TEST(Flat, DoublesKeepEveryDigitAndBadOnesAreNull) {
  const FlatRow row = {{"a", 0.1},
                       {"b", std::nan("")},
                       {"c", std::numeric_limits<double>::infinity()},
                       {"d", std::int64_t{9007199254740993}},
                       {"e", std::string("x\xff")}};
  const nlohmann::json object = nlohmann::json::parse(render_row(row, Format::jsonl));
  EXPECT_EQ(object["a"].get<double>(), 0.1);
  EXPECT_TRUE(object["b"].is_null());
  EXPECT_TRUE(object["c"].is_null());
  EXPECT_EQ(object["d"].get<std::int64_t>(), 9007199254740993);
  EXPECT_EQ(render_row({{"a", std::string("1,\"2\"\n3")}, {"b", 2.5}}, Format::csv),
            "a,b\n\"1,\"\"2\"\"\n3\",2.5\n");
  EXPECT_EQ(render_row({{"a", std::string("x|y")}}, Format::markdown),
            "| name | value |\n|---|---|\n| a | x\\|y |\n");
}

// docs/NAME is what the program prints.
void expect_documented(const std::string& name, const std::string& printed) {
  const std::string path = std::string(MOESIM_SOURCE_DIR) + "/docs/" + name;
  if (std::getenv("MOESIM_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << printed;
  }
  std::ifstream file(path);
  const std::string written{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(printed, written) << "MOESIM_UPDATE_GOLDEN=1 writes it anew";
}

TEST(ConfigReference, IsWhatTheDocumentationSays) {
  expect_documented("config.md", render_config_reference(config_sections()));
}

TEST(RouterReference, IsWhatTheDocumentationSays) {
  expect_documented("routers.md", render_router_reference());
}

TEST(RouterReference, TellsVariantsByWhatDiffers) {
  const auto words = [](const char* name) { return stages_in_words(*router_presets().find(name)); };
  EXPECT_EQ(words("mixtral"), "kind: token_choice, score_func: softmax, top_k: 2, route_norm: true");
  EXPECT_EQ(words("deepseek_v3_mlx"), "mask_fill: zero, norm_single: false, without norm_eps");
  EXPECT_EQ(words("deepseek_v2_mlx"), "nothing");
  EXPECT_EQ(words("switch_train"), "jitter_eps: 0.01");  // in the same room
  EXPECT_EQ(words("hunyuan_large_train"),
            "capacity: {factor: 1.0, formula: megatron, drop: recycle}");  // the same choice
  EXPECT_EQ(words("hunyuan_a13b_capacity"),
            "norm_eps: 1.1920929e-7, norm_floor: clamp; "
            "capacity: {factor: 1.0, formula: fastmoe, min: 8, drop: position_k_major}");
}

TEST(RouterReference, TellsPresetsByWhatIsNoDefault) {
  const auto words = [](const char* name) {
    return in_one_line(stages_beyond_defaults(*router_presets().find(name)));
  };
  EXPECT_EQ(words("mixtral"), "route_norm: true");
  EXPECT_EQ(words("jamba"), "");  // two experts by softmax are token choice's own values
  EXPECT_EQ(words("llama4"), "score_func: sigmoid, select_on: logit, top_k: 1, weight_on: input");
  EXPECT_EQ(words("expert_choice_capped"), "max_experts_per_token: 2");
}

// A router without a source, a transcript or (families) an example is not finished.
TEST(RouterReference, EveryEntryIsComplete) {
  const std::string root = MOESIM_SOURCE_DIR;
  const auto exists = [&root](const std::string& path) { return std::ifstream(root + "/" + path).is_open(); };
  for (const RouterFamily& family : router_families().entries()) {
    EXPECT_FALSE(family.origin.empty()) << family.name << " names no source";
    EXPECT_TRUE(exists("tests/golden/router/" + family.name + ".txt")) << family.name << " has no transcript";
    EXPECT_TRUE(exists("configs/router_" + family.name + ".yaml")) << family.name << " has no example config";
    for (const FieldInfo& field : family.fields()) {
      EXPECT_FALSE(field.doc.empty()) << family.name << ": " << field.name << " says nothing";
    }
  }
  for (const RouterPreset& preset : router_presets().entries()) {
    EXPECT_FALSE(preset.origin.empty()) << preset.name << " names no source";
    EXPECT_TRUE(exists("tests/golden/router/" + preset.name + ".txt")) << preset.name << " has no transcript";
  }
  for (const FormulaInfo& formula : capacity_formulas()) {
    EXPECT_FALSE(formula.origin.empty() || formula.rows.empty()) << formula.name;
  }
  for (const DropRuleInfo& rule : drop_rules()) {
    EXPECT_FALSE(rule.origin.empty() || rule.summary.empty()) << rule.name;
  }
  for (const LossEntry& loss : losses().entries()) {
    EXPECT_FALSE(loss.origin.empty() || loss.formula.empty()) << loss.name;
  }
  for (const ControllerEntry& controller : controllers().entries()) {
    EXPECT_FALSE(controller.origin.empty() || controller.source_kind.empty()) << controller.name;
  }
}

TEST(Screen, ShowsDropsRatiosAndNeverRawEscapes) {
  const std::string screen = render_screen(sample_record(), {.colour = false, .unicode = true});
  EXPECT_EQ(screen.find('\033'), std::string::npos);
  EXPECT_NE(screen.find("evil\\x1b[31m"), std::string::npos) << screen;
  EXPECT_NE(screen.find("e1 0.75 (dropped)"), std::string::npos) << screen;
  EXPECT_NE(screen.find("1 dropped"), std::string::npos) << screen;
  EXPECT_NE(screen.find("0.50x MoE [0.49 .. 0.51] (warm)\n"), std::string::npos) << screen;
  EXPECT_NE(screen.find(" GFLOP/s  (90 % of the rows computed)\n"), std::string::npos) << screen;
  EXPECT_NE(screen.find("gate 25 %"), std::string::npos) << screen;
  EXPECT_NE(
      screen.find("weights warm in cache: figures for small batches flatter the smaller layer; num_layers ≥"),
      std::string::npos);
}

TEST(Screen, NamesThePartsOfTheLayerAndTheKindsOfThePool) {
  RunRecord record = sample_record();
  EXPECT_NE(render_screen(record, {}).find("2 experts, switch top-1, d_model 4, d_ff 8, swiglu\n"),
            std::string::npos);
  record.shape = {.num_layers = 1,
                  .d_model = 4,
                  .d_ff = 8,
                  .num_experts = 2,
                  .constant_experts = 1,
                  .copy_experts = 1,
                  .zero_experts = 1,
                  .shared_width = 30,
                  .shared_kind = SharedKind::residual_mix,
                  .latent_width = 3};
  record.layers[0].counts.routed_per_expert = {5, 2, 1, 1, 1};
  record.layers[0].counts.tokens_per_expert = {4, 2, 1, 1, 1};
  record.ffn_rows_fraction = 6.0 / 9.0;
  const std::string screen = render_screen(record, {});
  EXPECT_NE(
      screen.find("2 experts + 1 zero + 1 copy + 1 constant + shared of width 30 (residual_mix), switch "
                  "top-1, d_model 4, d_ff 8, latent 3, swiglu\n"),
      std::string::npos)
      << screen;
  EXPECT_NE(screen.find("         5   1 dropped\n"), std::string::npos) << screen;
  EXPECT_NE(screen.find("         1   zero\n"), std::string::npos) << screen;
  EXPECT_NE(screen.find("         1   copy\n"), std::string::npos) << screen;
  EXPECT_NE(screen.find("         1   constant\n"), std::string::npos) << screen;
  EXPECT_NE(
      screen.find("  on ffn experts           67 %   of the kept assignments; equal loads would give 40 %\n"),
      std::string::npos)
      << screen;
}

TEST(Screen, ShowsWhereReroutedAssignmentsRan) {
  RunRecord record = sample_record();
  LayerCounts& counts = record.layers.front().counts;
  counts.tokens_per_expert = {5, 4};
  counts.rerouted = 1;
  record.resolved.push_back({"capacity.drop", "recycle", "default"});
  record.resolved.push_back({"capacity.group", "5", "default"});
  record.capacity = 5;
  record.shown_tokens.front().assignments = {{.expert = 0, .weight = 0.5F, .moved_to = 1}};
  const std::string screen = render_screen(record, {.colour = false, .unicode = true});
  EXPECT_NE(screen.find("e0 0.50 (ran on e1)"), std::string::npos) << screen;
  EXPECT_NE(screen.find("7   2 dropped or re-routed"), std::string::npos) << screen;
  EXPECT_NE(screen.find("3   1 more by re-routing"), std::string::npos) << screen;
  EXPECT_NE(
      screen.find("re-routed                10 %   of the assignments run on another expert, their own was "
                  "full"),
      std::string::npos)
      << screen;
  EXPECT_NE(screen.find("by tenth of a group, %"), std::string::npos) << screen;
  EXPECT_NE(screen.find("capacity 5 rows an expert"), std::string::npos) << screen;
  record.resolved[record.resolved.size() - 2].value = "device_level";
  EXPECT_NE(render_screen(record, {}).find("capacity 5 rows a device"), std::string::npos);
}

TEST(Screen, SaysWhenTheTextRepeatsAndHowToGoOn) {
  RunRecord record = sample_record();
  EXPECT_EQ(render_screen(record, {}).find("repeat"), std::string::npos);
  record.tokens_before_repeat = 10;
  EXPECT_EQ(render_screen(record, {}).find("repeat"), std::string::npos);
  record.tokens_before_repeat = 9;
  const std::string screen = render_screen(record, {.program = "build/moesim"});
  EXPECT_NE(screen.find("1 step of 10 tokens, dropless; begins to repeat after 9 tokens"), std::string::npos)
      << screen;
  EXPECT_NE(screen.find("\nnext    build/moesim run sample.yaml --set"), std::string::npos) << screen;
}

TEST(Screen, OfASoftRouterSpeaksOfSlots) {
  RunRecord record = sample_record();
  record.router = "soft";
  record.slots = 4;
  record.dropped_fraction = 0;
  record.resolved.push_back({"router.slots_per_expert", "2", "default"});
  const std::string text = render_screen(record, {});
  EXPECT_NE(text.find("2 experts, soft (4 slots), "), std::string::npos) << text;
  EXPECT_NE(text.find("(experts with the largest shares of its output)"), std::string::npos) << text;
  EXPECT_NE(text.find("slots each expert computed over all steps"), std::string::npos) << text;
  EXPECT_EQ(text.find("top-1"), std::string::npos) << text;
  EXPECT_NE(describe_in_words(record).find(
                "All 10 tokens of a batch are mixed into 4 slots and out of them: a token "
                "costs what 104 of the layer's 200 parameters cost (52 %)."),
            std::string::npos)
      << describe_in_words(record);
  EXPECT_NE(next_step(record, "moesim").find("--set router.slots_per_expert=4 "), std::string::npos);
}

VariantResult same_time(Interval ratio) {
  VariantResult dense;
  dense.name = "dense_same_time";
  dense.width = 1600;
  dense.narrowest = 16;
  dense.widest = 3200;
  dense.width_trials = 4;
  dense.total_params = 1'234'567;
  dense.ratio = ratio;
  return dense;
}

TEST(Words, SayWhatDenseLayerTakesTheSameTime) {
  RunRecord record = sample_record();
  const auto words = [&record](const VariantResult& dense) {
    record.variants[1] = dense;
    return describe_in_words(record);
  };
  VariantResult dense = same_time({1.004, 0.991, 1.012});
  EXPECT_NE(
      words(dense).find("This MoE runs here like a dense layer of 1.235 M parameters (width 1,600, 1.00 "
                        "times the MoE's tokens/s [0.99 .. 1.01]"),
      std::string::npos)
      << words(dense);
  EXPECT_EQ(words(dense).find("closest"), std::string::npos);
  dense.ratio = {1.1, 1.05, 1.2};
  EXPECT_NE(words(dense).find("[1.05 .. 1.20], the closest width that was found"), std::string::npos)
      << words(dense);
  dense.width = dense.widest;
  EXPECT_NE(
      words(dense).find("This MoE is slower here than the widest dense layer there was room for: 1.235 M"),
      std::string::npos)
      << words(dense);
  dense.width = dense.narrowest;
  dense.ratio = {0.5, 0.4, 0.6};
  EXPECT_NE(words(dense).find("This MoE is faster here than the narrowest dense layer: 1.235 M parameters"),
            std::string::npos)
      << words(dense);
  dense.skipped = "needs 20 s";
  EXPECT_EQ(words(dense).find("This MoE"), std::string::npos) << words(dense);
}

TEST(Words, SayWhatTheSameFlopsMake) {
  RunRecord record = sample_record();
  record.variants[1].name = "dense_same_flops";
  EXPECT_NE(describe_in_words(record).find("2.00 times the tokens/s of a dense layer with the same FLOPs per "
                                           "token (one layer"),
            std::string::npos)
      << describe_in_words(record);
  EXPECT_NE(render_screen(record, {}).find("dense, same FLOPs"), std::string::npos);
}

TEST(Flat, TheWidthOfTheSameTimeIsAMeasuredFigure) {
  RunRecord record = sample_record();
  record.variants[1] = same_time({1.0, 0.99, 1.01});
  const auto json = [&record] { return nlohmann::json::parse(render_row(flatten(record), Format::json)); };
  nlohmann::json object = json();
  EXPECT_EQ(object["m.dense_same_time.width"], 1600);
  EXPECT_EQ(object["m.dense_same_time.total_params"], 1'234'567);
  EXPECT_EQ(object["m.dense_same_time.width_trials"], 4);
  EXPECT_EQ(object["m.dense_same_time.widest"], 3200);
  EXPECT_EQ(object["m.dense_same_time.match"], "matched");
  record.variants[1] = {};
  record.variants[1].name = "dense_same_time";
  record.variants[1].skipped = "needs 20 s";
  object = json();
  EXPECT_TRUE(object["m.dense_same_time.width"].is_null());
  EXPECT_TRUE(object["m.dense_same_time.total_params"].is_null());
  EXPECT_EQ(object["m.dense_same_time.skipped"], "needs 20 s");
  EXPECT_FALSE(object.contains("m.dense_same_time.match"));
}

TEST(Sweep, HasAColumnForABaselineThatSomePointHas) {
  SweepAnalysis analysis;
  analysis.points.resize(2);
  analysis.pareto = {true, false};
  analysis.points[0].record = {{"m.tokens_per_s", 1000.0}, {"m.load_cv", 0.5}};
  EXPECT_EQ(render_sweep(analysis, {}, {}).find("runs like"), std::string::npos);
  EXPECT_EQ(render_sweep(analysis, {}, {}).find("vs same FLOPs"), std::string::npos);
  analysis.points[1].record = {{"m.tokens_per_s", 1000.0},
                               {"m.dense_same_flops.ratio_to_moe", 0.8},
                               {"m.dense_same_time.total_params", std::int64_t{1'234'567}}};
  const std::string table = render_sweep(analysis, {}, {});
  EXPECT_NE(table.find("vs same FLOPs  runs like  load CV"), std::string::npos) << table;
  EXPECT_NE(table.find("1.25x    1.235 M"), std::string::npos) << table;
}

TEST(Sweep, HasNoColumnThatIsEmptyAndNoParametersWhereNoExpertsRan) {
  SweepAnalysis analysis;
  analysis.points.resize(2);
  analysis.pareto = {true, true};
  analysis.best = {0, 1, 1};
  for (const double more : {0.0, 1.0}) {
    analysis.points[more > 0 ? 1 : 0].record = {{"p.execute", false},      {"m.tokens_per_s", 1000.0 + more},
                                                {"m.load_cv", 0.5 + more}, {"m.active_params", 7 - more},
                                                {"m.total_params", 9.0},   {"m.dropped_fraction", 0.0}};
  }
  const std::string routed = render_sweep(analysis, {}, {});
  for (const char* word : {"vs", "dropped", "active", "total", "MaxVio"}) {
    EXPECT_EQ(routed.find(word), std::string::npos) << word << "\n" << routed;
  }
  EXPECT_NE(routed.find("tokens/s  load CV"), std::string::npos) << routed;
  EXPECT_NE(routed.find("at least as good in tokens/s and load CV\n"), std::string::npos) << routed;
  analysis.points[0].record[0].value = true;
  EXPECT_NE(render_sweep(analysis, {}, {}).find("load CV  active  total"), std::string::npos);
}

TEST(Screen, OfARoutingOnlyRunNamesNoPartsThatItHasNot) {
  RunRecord record = sample_record();
  record.executed = false;
  record.has_gate = false;
  record.variants.resize(1);
  record.timing.stages = {.route = 0.5, .plan = 0.5};
  record.resolved.back().value = "synthetic_logits";
  const std::string logits = render_screen(record, {.colour = false, .unicode = true});
  for (const char* word :
       {"layer", "d_model", "d_ff", "gate", "norm", "PARAMETERS", "parameters", "GFLOP", "weights"}) {
    EXPECT_EQ(logits.find(word), std::string::npos) << word << "\n" << logits;
  }
  EXPECT_NE(logits.find("routing only: 2 experts, switch "), std::string::npos) << logits;
  EXPECT_NE(logits.find("route 50 %   plan 50 %"), std::string::npos) << logits;
  EXPECT_EQ(logits.find(" \n"), std::string::npos) << logits;
  record.resolved.back().value = "text";
  record.has_gate = true;
  record.shape.num_layers = 2;
  const std::string gated = render_screen(record, {.colour = false, .unicode = true});
  EXPECT_NE(gated.find("2 layers, routing only: 2 experts, switch "), std::string::npos) << gated;
  for (const char* word : {", d_model 4\n", "gate ", "norm ", "GFLOP/s"}) {
    EXPECT_NE(gated.find(word), std::string::npos) << word << "\n" << gated;
  }
  EXPECT_EQ(gated.find("d_ff"), std::string::npos) << gated;
}

// Three points that take 10, 20 and 40 s.
SweepPlan plan_of_three() {
  SweepPlan plan;
  plan.name = "s";
  plan.axes = {"a"};
  for (const char* id : {"x", "y", "z"}) {
    SweepPoint point;
    point.id = id;
    const double seconds = 10.0 * static_cast<double>(1 << plan.points.size());
    point.forecast.record_seconds = seconds;
    point.forecast.bytes = static_cast<std::uint64_t>(seconds) << 20;
    plan.points.push_back(point);
  }
  return plan;
}

TEST(Sweep, SaysWhatIsLeftToDo) {
  SweepPlan plan = plan_of_three();
  EXPECT_EQ(
      render_sweep_plan(plan, {}),
      "sweep    s: 3 points of a\nneeds    about 1 min 10 s in all, at most 40.0 MiB of memory at once\n");
  EXPECT_EQ(render_sweep_plan(plan, {"z"}),
            "sweep    s: 3 points of a\nresume   1 point already finished\n"
            "needs    about 30 s for the 2 points left, at most 20.0 MiB of memory at once\n");
  EXPECT_EQ(render_sweep_plan(plan, {"x", "z", "of another sweep"}),
            "sweep    s: 3 points of a\nresume   2 points already finished\n"
            "needs    about 20 s for the 1 point left, at most 20.0 MiB of memory at once\n");
  EXPECT_EQ(render_sweep_plan(plan, {"x", "y", "z"}),
            "sweep    s: 3 points of a\nresume   3 points already finished: nothing is left to run\n");
  plan.points[0].forecast.record_seconds = 0.2;
  EXPECT_NE(render_sweep_plan(plan, {"y", "z"}).find("needs    under 1 s for the 1 point left,"),
            std::string::npos);
  plan.points[2].too_large = "no room";
  EXPECT_NE(render_sweep_plan(plan, {"x"}).find("1 point will fail"), std::string::npos);
  EXPECT_EQ(render_sweep_plan(plan, {"z"}).find("will fail"), std::string::npos) << "it has finished";
}

TEST(Words, SuggestOnlyKeysThatTheRouterHas) {
  RunRecord record = sample_record();
  record.dropped_fraction = 0;
  EXPECT_NE(next_step(record, "moesim").find("--set router.top_k=2 "), std::string::npos);
  record.resolved.push_back({"router.stop", "lucidrains", "default"});
  EXPECT_EQ(next_step(record, "moesim").find("top_k"), std::string::npos);
  record.resolved.clear();
  EXPECT_NE(next_step(record, "moesim").find("--set 'router={preset: mixtral}' "), std::string::npos);
}

TEST(Words, ProposeOneBudget) {
  RunRecord record = sample_record();
  record.timing.verdict = Verdict::noisy;
  record.timing.budget_s = 1;
  record.resolved.push_back({"measure.budget_s", "1", "--set measure.budget_s=1"});
  record.resolved.push_back({"router.top_k", "1", "--set router.top_k=1"});
  const std::string next = next_step(record, "moesim");
  EXPECT_NE(next.find(" --set router.top_k=1 --budget 60 "), std::string::npos) << next;
  EXPECT_EQ(next.find("budget_s"), std::string::npos) << next;
}

TEST(Screen, AsciiStyleUsesNoBlockCharacters) {
  RunRecord record = sample_record();
  const std::string screen = render_screen(record, {.colour = true, .unicode = false});
  EXPECT_EQ(screen.find("█"), std::string::npos);
  EXPECT_NE(screen.find("###"), std::string::npos);
  EXPECT_NE(screen.find("\033[1mLOAD\033[0m"), std::string::npos);
}

TEST(Screen, TokensPerSecondAlwaysSayThroughHowManyLayers) {
  RunRecord record = sample_record();
  for (const Index layers : {1, 3}) {
    record.shape.num_layers = layers;
    const std::string screen = render_screen(record, {});
    const std::string word = layers == 1 ? "one layer" : "3 layers";
    EXPECT_NE(screen.find("tokens/s through " + word), std::string::npos);
    const std::string words = describe_in_words(record);
    EXPECT_NE(words.find("(" + word), std::string::npos) << words;
  }
}

TEST(Words, SayWhatIsClearAndWhatIsNot) {
  RunRecord record = sample_record();
  std::string words = describe_in_words(record);
  EXPECT_NE(words.find("2.00 times the tokens/s of a dense layer with the same total parameters"),
            std::string::npos)
      << words;
  EXPECT_NE(words.find("untrained gate: the busiest expert gets 1.40 times its fair share"),
            std::string::npos);
  record.variants[1].ratio = {0.99, 0.9, 1.1};
  words = describe_in_words(record);
  EXPECT_NE(words.find("no clear difference"), std::string::npos) << words;
  record.variants.clear();
  EXPECT_EQ(describe_in_words(record).find("tokens/s"), std::string::npos);
}

}  // namespace
}  // namespace moesim
