#include "config/binder.h"

#include <gtest/gtest.h>

#include "config/yaml.h"
#include "params.h"

namespace moesim {
namespace {

struct Bound {
  Binder binder;
  Params params;

  std::string errors() const {
    std::string all;
    for (const Diagnostic& diagnostic : binder.diagnostics.list()) {
      all += (all.empty() ? "" : "\n") + render(diagnostic);
    }
    return all;
  }
  const ResolvedValue& value(const std::string& path) const {
    for (const ResolvedValue& value : binder.resolved) {
      if (value.path == path) {
        return value;
      }
    }
    static const ResolvedValue kNone;
    return kNone;
  }
};

Bound bind_text(const std::string& yaml) {
  Bound bound;
  const Node root = parse_yaml(yaml, "q.yaml", bound.binder.diagnostics);
  bind_places(bound.binder, root, "");
  bind_section(
      bound.binder, root.child("router"), "router", bound.params, {"kind"},
      [](const std::string& key) { return key == "noise_std" ? "'noise_std' is a key of noisy" : ""; });
  return bound;
}

TEST(Bind, FillsTheStructAndRecordsOrigins) {
  const Bound bound = bind_text("router: {kind: a, top_k: 4, width: 0x10}\n");
  EXPECT_EQ(bound.errors(), "");
  EXPECT_EQ(bound.params.top_k, 4);
  EXPECT_EQ(bound.params.width, 16);
  EXPECT_EQ(bound.value("router.top_k").value, "4");
  EXPECT_EQ(bound.value("router.top_k").origin, "q.yaml:1:26");
  EXPECT_EQ(bound.value("router.width").value, "16");
  EXPECT_EQ(bound.value("router.score_func").value, "softmax");
  EXPECT_EQ(bound.value("router.score_func").origin, "default");
  EXPECT_EQ(bound.binder.resolved.size(), 11u);
}

struct Case {
  const char* yaml;
  const char* errors;
};

TEST(Bind, EachMistakeHasItsExactMessage) {
  const Case cases[] = {
      {"router: {width: 1, top_k: 16}",
       "q.yaml:1:27: error: router.top_k: got 16; expected a whole number from 1 to 8 [out-of-range]"},
      {"router:\n  width: 1\n  top_k: two\n",
       "q.yaml:3:10: error: router.top_k: got the text \"two\"; expected a whole number from 1 to 8 "
       "[wrong-type]"},
      {"router: {width: 1, top_k: '2'}",
       "q.yaml:1:27: error: router.top_k: got the text \"2\"; expected a whole number from 1 to 8 "
       "[wrong-type]\n"
       "  help: write 2 without quotes"},
      {"router: {width: 4k}",
       "q.yaml:1:17: error: router.width: got the text \"4k\"; expected a whole number of at least 1, or "
       "none "
       "[wrong-type]\n"
       "  help: write 4000"},
      {"router: {width: 010}",
       "q.yaml:1:17: error: router.width: got 010; expected a whole number of at least 1, or none "
       "[wrong-type]\n"
       "  help: write 10 (a leading zero is not octal here)"},
      {"router: {width: 1, top_k: }",
       "q.yaml:1:20: error: router.top_k: got nothing; expected a whole number from 1 to 8 [wrong-type]"},
      {"router: {width: 1, score_func: sofmax}",
       "q.yaml:1:32: error: router.score_func: unknown choice 'sofmax'; expected one of relu, sigmoid, "
       "softmax "
       "[unknown-choice]\n"
       "  help: did you mean 'softmax'?"},
      {"router: {width: 1, score_func: linear}",
       "q.yaml:1:32: error: router.score_func: unknown choice 'linear'; expected one of relu, sigmoid, "
       "softmax "
       "[unknown-choice]"},
      {"router: {width: 1, threads: Auto}",
       "q.yaml:1:29: error: router.threads: got the text \"Auto\"; expected a whole number from 1 to 64, or "
       "auto "
       "[wrong-type]\n"
       "  help: did you mean 'auto'?"},
      {"router: {width: 1, route_norm: yes}",
       "q.yaml:1:32: error: router.route_norm: got the text \"yes\"; expected true or false [wrong-type]\n"
       "  help: write true"},
      {"router: {width: 1, files: a.txt}",
       "q.yaml:1:27: error: router.files: got the text \"a.txt\"; expected a list of texts [wrong-type]\n"
       "  help: write [a.txt] for a list of one"},
      {"router: {width: 1, files: [a, {b: c}]}",
       "q.yaml:1:31: error: router.files: got a map as item 2; expected a list of texts [wrong-type]"},
      {"router: {width: 1, mixture: [1, '2']}",
       "q.yaml:1:33: error: router.mixture: got the text \"2\" as item 2; expected a list of numbers "
       "[wrong-type]\n"
       "  help: write 2 without quotes"},
      {"router: {width: 1, seed: -1}",
       "q.yaml:1:26: error: router.seed: got -1; expected a whole number from 0 to "
       "9223372036854775807 [out-of-range]"},
      {"a: 1\nrouter: {top_k: 1}",
       "q.yaml:2:1: error: router: missing key 'width'; expected a whole number of at least 1, or none "
       "[missing-key]\n"
       "  help: width: width of a token's vector"},
      {"a: 1",
       "q.yaml:1:1: error: router: missing key 'width'; expected a whole number of at least 1, or none "
       "[missing-key]\n"
       "  help: width: width of a token's vector"},
      {"router: {width: 1, topk: 2}",
       "q.yaml:1:20: error: router.topk: unknown key; expected one of files, kind, mixture, name, "
       "route_norm, "
       "scale, score_func, seed, threads, top_k, top_p, width [unknown-key]\n"
       "  help: did you mean 'top_k'?"},
      {"router: {width: 1, noise_std: 2}",
       "q.yaml:1:20: error: router.noise_std: unknown key; expected one of files, kind, mixture, name, "
       "route_norm, scale, score_func, seed, threads, top_k, top_p, width [unknown-key]\n"
       "  help: 'noise_std' is a key of noisy"},
      {"router: {width: 1, top_k:2}",
       "q.yaml:1:20: error: router.top_k:2: unknown key; expected one of files, kind, mixture, name, "
       "route_norm, "
       "scale, score_func, seed, threads, top_k, top_p, width [unknown-key]\n"
       "  help: write a space behind the colon: 'top_k: 2'"},
      {"router: {width: 1, top_p: 0.5}",
       "q.yaml:1:20: error: router.top_p: has no effect because score_func is not sigmoid [no-effect]"},
      {"router: mixtral",
       "q.yaml:1:1: error: router: got the text \"mixtral\"; expected a section (a map of keys) "
       "[wrong-type]\n"
       "q.yaml:1:1: error: router: missing key 'width'; expected a whole number of at least 1, or none "
       "[missing-key]\n"
       "  help: width: width of a token's vector"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(bind_text(c.yaml).errors(), c.errors) << c.yaml;
  }
}

TEST(Bind, ReportsAllMistakesOfASection) {
  const Bound bound = bind_text("router: {top_k: 0, scor_func: relu, route_norm: 1, seed: x}");
  EXPECT_EQ(bound.binder.diagnostics.list().size(), 5u);
  EXPECT_EQ(bound.params.top_k, 0);
}

TEST(Bind, AKeyWithAnEffectIsNoError) {
  const Bound bound = bind_text("router: {width: 1, score_func: sigmoid, top_p: 0.25}");
  EXPECT_EQ(bound.errors(), "");
  EXPECT_EQ(bound.params.top_p, 0.25);
}

TEST(Bind, AnEmptySectionIsAllDefaults) {
  Binder binder;
  Params params;
  Node null;
  bind_section(binder, &null, "x", params);
  bind_section(binder, nullptr, "y", params);
  ASSERT_EQ(binder.diagnostics.list().size(), 2u);  // the required key, twice
  EXPECT_EQ(params.top_k, 2);
}

TEST(Bind, PresetValuesNeedNoEffectAndAreNotGiven) {
  Binder binder;
  Diagnostics diagnostics;
  Node section = parse_yaml_value("{width: 1, top_p: 0.5}", {"preset mixtral", 0, 0}, diagnostics);
  Params params;
  bind_places(binder, section, "router");
  bind_section(binder, &section, "router", params);
  EXPECT_TRUE(binder.diagnostics.empty()) << binder.diagnostics.render_all();
  EXPECT_FALSE(binder.given("router.top_p"));
  EXPECT_EQ(binder.resolved[3].origin, "preset mixtral");
}

TEST(Bind, OverridesAreGiven) {
  Binder binder;
  Diagnostics diagnostics;
  Node section = parse_yaml_value("{width: 1, topk: 3}", {"--set router={…}", 0, 0}, diagnostics);
  Params params;
  bind_places(binder, section, "router");
  bind_section(binder, &section, "router", params);
  EXPECT_TRUE(binder.given("router.width"));
  ASSERT_EQ(binder.diagnostics.list().size(), 1u);
  EXPECT_EQ(
      render(binder.diagnostics.list()[0]),
      "--set router={…}: error: router.topk: unknown key; expected one of files, mixture, name, route_norm, "
      "scale, score_func, seed, threads, top_k, top_p, width [unknown-key]\n"
      "  help: did you mean 'top_k'?");
}

TEST(Binder, LocatesTheNearestEnclosingSection) {
  Bound bound = bind_text("a: 1\nrouter:\n  width: 1\n  deep:\n    er: 1\n");
  const Binder& binder = bound.binder;
  EXPECT_EQ(binder.locate("router.deep.er").text(), "q.yaml:5:5");
  EXPECT_EQ(binder.locate("router.deep.xx.yy").text(), "q.yaml:4:3");
  EXPECT_EQ(binder.locate("router.top_k").text(), "q.yaml:2:1");
  EXPECT_EQ(binder.locate("router.deep[3]").text(), "q.yaml:4:3");
  EXPECT_EQ(binder.locate("layer").text(), "q.yaml:1:1");
  EXPECT_EQ(binder.locate("").text(), "q.yaml:1:1");
  EXPECT_EQ(Binder().locate("x").text(), "");
  EXPECT_TRUE(binder.given("router.deep"));
  EXPECT_FALSE(binder.given("router.top_k"));
}

TEST(Binder, RememberedPlacesReplaceOthers) {
  Binder binder;
  binder.remember("router.top_k", {"preset x", 0, 0});
  EXPECT_FALSE(binder.given("router.top_k"));
  binder.remember("router.top_k", {"--set router.top_k=1", 0, 0});
  EXPECT_TRUE(binder.given("router.top_k"));
  EXPECT_EQ(binder.locate("router.top_k").text(), "--set router.top_k=1");
}

TEST(Binder, ErrorsCarryNotes) {
  Bound bound = bind_text("layer: {num_experts: 8}\nrouter: {width: 1, top_k: 8}\n");
  bound.binder.error("router.top_k", "got 8", "at most 4", "bad-relation", "write 4",
                     {{bound.binder.locate("layer.num_experts"), "num_experts is 8"}});
  EXPECT_EQ(bound.errors(),
            "q.yaml:2:20: error: router.top_k: got 8; expected at most 4 [bad-relation]\n"
            "  help: write 4\n"
            "  note: q.yaml:1:9: num_experts is 8");
}

TEST(Binder, OfMoreThanSixteenKeysTenAreListed) {
  Bound bound = bind_text("router: {width: 1}\nx: {key_12: 1, zzz: 2, key: 3}\n");
  std::vector<std::string> known;
  for (int i = 0; i < 17; ++i) {
    known.push_back("key_" + std::to_string(i) + (i < 10 ? "_long" : ""));
  }
  Diagnostics ignored;
  const Node root = parse_yaml("x: {key_18: 1, zzz: 2}\n", "q.yaml", ignored);
  bound.binder.report_unknown_keys(*root.child("x"), "x", known);
  const std::string some =
      "key_0_long, key_10, key_11, key_12, key_13, key_14, key_15, key_16, key_1_long, key_2_long, … (17 in "
      "all: 'moesim explain x') [unknown-key]\n";
  EXPECT_EQ(bound.errors(), "q.yaml:1:5: error: x.key_18: unknown key; expected one of " + some +
                                "  help: did you mean 'key_10'?\n" +
                                "q.yaml:1:16: error: x.zzz: unknown key; expected one of " +
                                some.substr(0, some.size() - 1));
}

TEST(Binder, ALongListOfChoicesGoesToTheHelp) {
  FieldInfo info;
  info.name = "formula";
  info.type = "one of";
  for (char c = 'a'; c < 'n'; ++c) {
    info.choices.push_back(std::string(3, c));
  }
  info.expected = field_detail::expected_text(info);
  Node node;
  node.kind = Node::Kind::scalar;
  node.text = "zzzz";
  node.where = {"q.yaml", 1, 2};
  Binder binder;
  const ScalarProblem problem{.got = "unknown choice 'zzzz'", .help = {}, .where = {}};
  binder_detail::report_bad_value(
      binder, "capacity.formula",
      {.info = info, .node = node, .problem = problem, .outcome = ReadOutcome::unknown_choice});
  EXPECT_EQ(render(binder.diagnostics.list()[0]),
            "q.yaml:1:2: error: capacity.formula: unknown choice 'zzzz'; expected one of its 13 choices "
            "[unknown-choice]\n"
            "  help: the choices are aaa, bbb, ccc, ddd, eee, fff, ggg, hhh, iii, jjj, kkk, lll, mmm");
}

TEST(Binder, KnowsThePlacesOfKeysInMapsOfLists) {
  Binder binder;
  const Node root =
      parse_yaml("a:\n  list:\n    - {x: 1}\n    - 2\n    - {y: {z: 3}}\n", "q.yaml", binder.diagnostics);
  bind_places(binder, root, "");
  EXPECT_EQ(binder.locate("a.list[0].x").text(), "q.yaml:3:8");
  EXPECT_EQ(binder.locate("a.list[2].y.z").text(), "q.yaml:5:12");
  EXPECT_EQ(binder.locate("a.list[1]").text(), "q.yaml:2:3") << "of a plain item, its list's";
  EXPECT_TRUE(binder.given("a.list[2].y.z"));
}

}  // namespace
}  // namespace moesim
