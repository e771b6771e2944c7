#include "models/layout.h"

#include <gmock/gmock.h>

#include <set>

#include "config/diagnostics.h"

namespace moesim {
namespace {

using testing::HasSubstr;

const TensorLayout& layout_named(const std::string& name) {
  for (const TensorLayout& layout : tensor_layouts()) {
    if (layout.name == name) {
      return layout;
    }
  }
  ADD_FAILURE() << "no layout " << name;
  return tensor_layouts().front();
}

std::string problems_of(const std::string& text) {
  try {
    parse_layout(text, "my.yaml");
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "none";
}

TEST(TensorLayouts, HaveNamesSummariesAndSources) {
  std::set<std::string> names;
  for (const TensorLayout& layout : tensor_layouts()) {
    EXPECT_TRUE(names.insert(layout.name).second) << layout.name;
    EXPECT_FALSE(layout.summary.empty()) << layout.name;
    EXPECT_FALSE(layout.origin.empty()) << layout.name;
    EXPECT_FALSE(layout.gate.none()) << layout.name;
    EXPECT_FALSE(layout.experts.none()) << layout.name;
  }
  EXPECT_GE(names.size(), 20U);
}

// A fused tensor may lie in several ways, and its name alone does not tell which.
TEST(TensorLayouts, WithFusedTensorsOfOneNameNameTheirModelTypes) {
  for (const TensorLayout& layout : tensor_layouts()) {
    const TensorPattern& fused = layout.experts.gate_up;
    if (!fused.none() && fused.name.find(".gate_up_proj") != std::string::npos) {
      EXPECT_FALSE(layout.model_types.empty()) << layout.name;
    }
  }
}

TEST(TensorLayouts, ReadAxesAsTheyAreWritten) {
  const TensorLayout& oss = layout_named("gpt_oss_mxfp4");
  EXPECT_EQ(oss.experts.gate_up.name, "mlp.experts.gate_up_proj_blocks");
  EXPECT_EQ(oss.experts.gate_up.parts, Parts::pairs);
  EXPECT_EQ(oss.experts.gate_up.holds, Holds::all);
  EXPECT_TRUE(oss.experts.gate_up.units_first);
  EXPECT_TRUE(oss.experts.gate_up.mxfp4);
  EXPECT_FALSE(oss.experts.down.units_first);
  const TensorLayout& llama = layout_named("llama4");
  EXPECT_EQ(llama.experts.gate_up.parts, Parts::halves);
  EXPECT_FALSE(llama.experts.gate_up.units_first);
  EXPECT_TRUE(llama.experts.down.units_first);
  const TensorLayout& mixtral = layout_named("mixtral");
  EXPECT_EQ(mixtral.experts.up.axes, "F,D");
  EXPECT_EQ(mixtral.experts.down.axes, "D,F");
  EXPECT_EQ(mixtral.experts.down.holds, Holds::one);
  EXPECT_EQ(layout_named("dbrx").experts.down.holds, Holds::stacked);
  EXPECT_FALSE(layout_named("ernie45_paddle").gate.units_first);
}

TEST(TensorLayouts, MakeNamesOfLayersAndExperts) {
  const TensorLayout& mixtral = layout_named("mixtral");
  EXPECT_EQ(tensor_name(mixtral, "model.", 12, mixtral.experts.down, 7),
            "model.layers.12.block_sparse_moe.experts.7.w2.weight");
  const TensorLayout& dbrx = layout_named("dbrx");
  EXPECT_EQ(tensor_name(dbrx, "transformer.", 3, dbrx.gate), "transformer.blocks.3.ffn.router.layer.weight");
}

TEST(LayoutFile, IsAnEntryOfTheData) {
  const TensorLayout layout = parse_layout(
      "prefixes: ['net.']\n"
      "layer: 'block{layer}.'\n"
      "gate: moe.w [D,E]\n"
      "ignored: [moe.step]\n"
      "experts: {gate_up: 'moe.in [E,D,F2]', down: 'moe.out [E,F,D]'}\n",
      "my.yaml");
  EXPECT_EQ(layout.name, "my.yaml");
  EXPECT_EQ(tensor_name(layout, layout.prefixes.at(0), 4, layout.gate), "net.block4.moe.w");
  EXPECT_FALSE(layout.gate.units_first);
  EXPECT_EQ(layout.experts.gate_up.parts, Parts::pairs);
  EXPECT_EQ(layout.ignored, std::vector<std::string>{"moe.step"});
}

TEST(LayoutFile, SaysWhatIsWrong) {
  EXPECT_EQ(problems_of("gate: a [F,D]\nexperts: {up: 'b.{expert}', down: 'c.{expert}'}\n"),
            "my.yaml:1:1: error: gate: got 'a [F,D]'; expected [E,D], [D,E] [bad-layout]\n"
            "1 error. Nothing was run.");
  EXPECT_EQ(
      problems_of("gate: a\nexperts: {up: b, down: 'c.{expert}'}\n"),
      "my.yaml:2:11: error: experts.up: got 'b'; expected a name with {expert}, or axes with E [bad-layout]\n"
      "1 error. Nothing was run.");
  EXPECT_EQ(
      problems_of("gate: a\nexperts: {up: 'b.{expert}', gate_up: 'c.{expert}', down: 'd.{expert}'}\n"),
      "my.yaml:2:1: error: experts: names neither or both of up and gate_up; expected gate and up, gate_up "
      "alone, or up alone [bad-layout]\n"
      "1 error. Nothing was run.");
  EXPECT_THAT(problems_of("gate: a\n"),
              HasSubstr("experts: missing; expected the experts' tensors [missing-key]"));
  EXPECT_THAT(problems_of("experts: {up: 'b.{expert}', down: 'c.{expert}'}\n"), HasSubstr("[missing-key]"));
  EXPECT_THAT(problems_of("gate: a\ngates: b\nexperts: {up: 'b.{expert}', down: 'c.{expert}'}\n"),
              HasSubstr("[unknown-key]"));
  EXPECT_THAT(problems_of("gate: a\nlayer: blocks.\nexperts: {up: 'b.{expert}', down: 'c.{expert}'}\n"),
              HasSubstr("got 'blocks.'; expected a text with {layer} [bad-layout]"));
  EXPECT_THAT(problems_of("gate: a\nexperts: {up: 'b.{expert}', down: 'c.{expert}'}\n"
                          "shared: {up: 'x [E,F,D]', down: y}\n"),
              HasSubstr("expected axes without E: shared experts are one [bad-layout]"));
  EXPECT_THAT(
      problems_of("gate: a\nexperts: {gate_up: 'b [E,2F,D] mxfp4', down: 'c_blocks [E,D,F] mxfp4'}\n"),
      HasSubstr("expected a name that ends in _blocks [bad-layout]"));
  EXPECT_THAT(problems_of("gate: a b c\nexperts: {up: 'b.{expert}', down: 'c.{expert}'}\n"),
              HasSubstr("expected a tensor's name, then perhaps its axes: [E,D], [D,E] [bad-layout]"));
}

TEST(LayoutFile, ThatIsMissingIsAnError) {
  EXPECT_THROW(read_layout("/nowhere/layout.yaml"), Error);
}

}  // namespace
}  // namespace moesim
