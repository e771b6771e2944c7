#include "engine/sweep_axes.h"

#include <gtest/gtest.h>

#include <set>

#include "config/yaml.h"
#include "core/error.h"

namespace moesim {
namespace {

std::string read(const std::string& yaml, const std::vector<std::string>& options, SweepSpec& spec) {
  Diagnostics diagnostics;
  const Node root = parse_yaml(yaml, "s.yaml", diagnostics);
  spec = read_sweep(root.child("sweep"), options, diagnostics);
  std::string messages;
  for (const Diagnostic& diagnostic : diagnostics.list()) {
    messages += render(diagnostic) + "\n";
  }
  return messages;
}

std::string shown(const std::string& yaml, const std::vector<std::string>& options = {}) {
  SweepSpec spec;
  const std::string problems = read(yaml, options, spec);
  if (!problems.empty()) {
    return problems;
  }
  std::string text;
  for (const SweepAxis& axis : spec.axes) {
    text += axis.key + ":";
    for (const std::string& value : axis.values) {
      text += " " + value;
    }
    text += "\n";
  }
  return text;
}

TEST(SweepAxes, ListsRangesAndSectionsFromBothPlaces) {
  EXPECT_EQ(shown("sweep: {layer.num_experts: [4, 8], router.top_k: 1..3}"),
            "layer.num_experts: 4 8\nrouter.top_k: 1 2 3\n");
  EXPECT_EQ(shown("sweep: {a.b: '8..32:8'}"), "a.b: 8 16 24 32\n");
  EXPECT_EQ(shown("sweep: {a.b: '1..10:4'}"), "a.b: 1 5 9\n");
  EXPECT_EQ(shown("{}", {"a.b=1..2,8", "router={preset: mixtral},{kind: hash, top_k: 2}"}),
            "a.b: 1 2 8\nrouter: {preset: mixtral} {kind: hash, top_k: 2}\n");
  EXPECT_EQ(shown("{}", {"t.x='a, b',c'd,\"e, \\\"f\",g"}), "t.x: 'a, b' 'c''d' 'e, \"f' g\n");
  EXPECT_EQ(shown("{}", {"a.b='1..3'"}), "a.b: '1..3'\n");
  EXPECT_EQ(shown("sweep: {a.b: [4, 8], c.d: [1]}", {"a.b=5"}), "a.b: 5\nc.d: 1\n");
  EXPECT_EQ(shown("sweep: {c.drop: [random, 'two words'], c.x: [true, 0.5]}"),
            "c.drop: random 'two words'\nc.x: true 0.5\n");
}

TEST(SweepAxes, MistakesAreSaidWhereTheyStand) {
  EXPECT_EQ(
      shown("sweep: {a.b: 4}"),
      "s.yaml:1:14: error: sweep.a.b: got 4; expected a list of 1 to 10000 values, or a range [bad-axis]\n"
      "  help: a.b: [4, 8], or a.b: 1..4\n");
  EXPECT_EQ(
      shown("sweep: {a.b: []}"),
      "s.yaml:1:14: error: sweep.a.b: a list of 0 values; expected a list of 1 to 10000 values, or a range "
      "[bad-axis]\n  help: a.b: [4, 8], or a.b: 1..4\n");
  EXPECT_EQ(shown("{}", {"a.b=4..1"}),
            "-p a.b=4..1: error: sweep.a.b: got '4..1'; expected a range of whole numbers, first..last or "
            "first..last:step [bad-axis]\n  help: for example 1..4 or 8..64:8\n");
  EXPECT_NE(shown("{}", {"a.b=1..10000000000"}).find("at most 10000 values"), std::string::npos);
  EXPECT_NE(shown("{}", {"a.b=-9223372036854775807..9223372036854775807"}).find("at most 10000"),
            std::string::npos);
  EXPECT_NE(shown("{}", {"a.b=1,,2"}).find("nothing stands before the ','"), std::string::npos);
  EXPECT_NE(shown("{}", {"a.b= "}).find("no value; expected values between commas"), std::string::npos);
  EXPECT_NE(shown("{}", {"a.b"}).find("this is no axis"), std::string::npos);
  EXPECT_NE(shown("{}", {"a.b=4,4"}).find("'4' stands twice"), std::string::npos);
  EXPECT_NE(shown("sweep: {a.b: [1, 2], sample: 0}").find("at least 1"), std::string::npos);
  EXPECT_NE(
      shown("sweep: {a.b: [1, 2], sample_seed: -1}").find("a whole number from 0 to 9223372036854775807"),
      std::string::npos);
  EXPECT_NE(shown("{}", {"sweep.sample=1,2"}).find("a sweep cannot vary itself"), std::string::npos);
  EXPECT_NE(shown("sweep: [1]").find("got a list; expected a section"), std::string::npos);
  EXPECT_NE(shown("sweep: {a.b: [1, 2], zip: [[a.b, c.d]]}").find("'c.d' is no axis"), std::string::npos);
  EXPECT_NE(
      shown("sweep: {a.b: [1, 2], c.d: [1, 2, 3], zip: [[a.b, c.d]]}").find("has 3 values, 'a.b' has 2"),
      std::string::npos);
}

std::vector<std::vector<std::size_t>> choices_of(const std::string& yaml) {
  SweepSpec spec;
  EXPECT_EQ(read(yaml, {}, spec), "");
  return draw_sample(spec, combinations(spec));
}

using Choices = std::vector<std::vector<std::size_t>>;

TEST(SweepAxes, TheGridGoesThroughEveryCombinationLastAxisFirst) {
  EXPECT_EQ(choices_of("sweep: {a: [1, 2], b: [1, 2, 3]}"),
            (Choices{{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}, {1, 2}}));
  EXPECT_EQ(choices_of("sweep: {a: [1, 2], b: [3, 4], c: [5, 6], zip: [[a, c]]}"),
            (Choices{{0, 0, 0}, {0, 1, 0}, {1, 0, 1}, {1, 1, 1}}));
}

TEST(SweepAxes, ASampleIsDifferentCombinationsAndAlwaysTheSame) {
  const std::string yaml = "sweep: {a: 1..40, b: 1..40, sample: 30, sample_seed: 7}";
  const Choices sample = choices_of(yaml);
  EXPECT_EQ(sample.size(), 30u);
  EXPECT_EQ(std::set<std::vector<std::size_t>>(sample.begin(), sample.end()).size(), 30u);
  EXPECT_EQ(choices_of(yaml), sample);
  EXPECT_NE(choices_of("sweep: {a: 1..40, b: 1..40, sample: 30, sample_seed: 8}"), sample);
  EXPECT_EQ(choices_of("sweep: {a: 1..4, sample: 100}").size(), 4u);
}

TEST(SweepAxes, TooManyCombinationsAreRefusedBeforeTheyAreMade) {
  EXPECT_THROW(choices_of("sweep: {a: 1..5000, b: 1..5000, c: 1..5000}"), Error);
}

std::string value_of(const std::string& key) {
  return key == "router.top_k"        ? "2"
         : key == "layer.num_experts" ? "8"
         : key == "execute"           ? "true"
         : key == "kind"              ? "hash"
                                      : "";
}

TEST(Where, ComparesNumbersAndKeys) {
  EXPECT_TRUE(holds("router.top_k <= layer.num_experts / 4", value_of));
  EXPECT_FALSE(holds("router.top_k > 2 || layer.num_experts != 8", value_of));
  EXPECT_TRUE(holds("execute && router.top_k * 4 == layer.num_experts", value_of));
}

TEST(Where, SaysWhatItDoesNotUnderstand) {
  const auto message = [](const std::string& expression) {
    try {
      holds(expression, value_of);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_NE(message("router.top_j < 3").find("there is no key 'router.top_j'"), std::string::npos);
  EXPECT_NE(message("kind < 3").find("'kind' is hash, not a number"), std::string::npos);
  EXPECT_FALSE(holds("0/0", value_of));
  EXPECT_TRUE(holds("true && false == 0", value_of));
  for (const char* bad : {"", "1 <", "1, 1", "(1", "a = 3", "router.top_k = 3", "1 2", "@", "system(1)"}) {
    EXPECT_NE(message(bad).find("[bad-where]"), std::string::npos) << bad << ": " << message(bad);
  }
  EXPECT_NE(message(std::string(2000, '1')).find("more than 1000 characters"), std::string::npos);
}

}  // namespace
}  // namespace moesim
