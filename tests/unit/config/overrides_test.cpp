#include "config/overrides.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "config/yaml.h"

namespace moesim {
namespace {

std::string show(const Node& node) {
  std::string text = node.kind == Node::Kind::null ? "~" : node.quoted ? "'" + node.text + "'" : node.text;
  if (node.kind == Node::Kind::list) {
    text = "[";
    for (const Node& item : node.items) {
      text += (text.size() > 1 ? ", " : "") + show(item);
    }
    return text + "]";
  }
  if (node.kind == Node::Kind::map) {
    text = "{";
    for (const Node::Entry& entry : node.entries) {
      text += (text.size() > 1 ? ", " : "") + entry.key + ": " + show(entry.value);
    }
    return text + "}";
  }
  return text;
}

struct Applied {
  Node root;
  Diagnostics diagnostics;

  std::string text() const { return show(root); }
  std::string errors() const {
    std::string all;
    for (const Diagnostic& diagnostic : diagnostics.list()) {
      all += (all.empty() ? "" : "\n") + render(diagnostic);
    }
    return all;
  }
};

Applied apply_to(const std::string& yaml, const std::vector<std::string>& overrides) {
  Applied applied;
  applied.root = parse_yaml(yaml, "q.yaml", applied.diagnostics);
  apply_overrides(overrides, applied.root, applied.diagnostics);
  return applied;
}

std::string result(const std::string& yaml, const std::vector<std::string>& overrides) {
  const Applied applied = apply_to(yaml, overrides);
  return applied.diagnostics.empty() ? applied.text() : applied.errors();
}

TEST(Overrides, ReplaceAndCreate) {
  EXPECT_EQ(result("{a: {b: 1, c: 2}}", {"a.b=3"}), "{a: {b: 3, c: 2}}");
  EXPECT_EQ(result("{}", {"a.b.c=[1, x]"}), "{a: {b: {c: [1, x]}}}");
  EXPECT_EQ(result("{a: ~}", {"a.b=1"}), "{a: {b: 1}}");
  EXPECT_EQ(result("{a: {b: 1}}", {"a={c: 2}"}), "{a: {c: 2}}");
  EXPECT_EQ(result("{a: [1]}", {"a=[2, 3]"}), "{a: [2, 3]}");
  EXPECT_EQ(result("{}", {"name='4'"}), "{name: '4'}");
  EXPECT_EQ(result("{}", {"name=a=b"}), "{name: a=b}");
  EXPECT_EQ(result("{a: 1}", {"a=2", "a=3"}), "{a: 3}");
}

TEST(Overrides, TheirPlaceIsWhatWasTyped) {
  const Applied applied = apply_to("{}", {"a.b=[1]"});
  EXPECT_EQ(applied.root.find("a")->where.text(), "--set a.b=[1]");
  EXPECT_EQ(applied.root.child("a")->find("b")->where.text(), "--set a.b=[1]");
  EXPECT_EQ(applied.root.child("a")->child("b")->items[0].where.text(), "--set a.b=[1]");
}

TEST(Overrides, BelowSweepTheRestIsOneKey) {
  EXPECT_EQ(result("{sweep: {router.top_k: [1]}}", {"sweep.router.top_k=[1, 2]"}),
            "{sweep: {router.top_k: [1, 2]}}");
  EXPECT_EQ(result("{}", {"sweep.router.kind=[a, b]"}), "{sweep: {router.kind: [a, b]}}");
}

TEST(Overrides, NoneRemovesASection) {
  EXPECT_EQ(result("{capacity: {factor: 1}, a: 1}", {"capacity=none"}), "{capacity: ~, a: 1}");
  EXPECT_EQ(result("{}", {"capacity=none"}), "{capacity: ~}");
  EXPECT_EQ(result("{baselines: [x]}", {"baselines=none"}), "{baselines: ~}");
  EXPECT_EQ(apply_to("{capacity: {a: 1}}", {"capacity=none"}).root.child("capacity")->where.text(),
            "--set capacity=none");
}

TEST(Overrides, NoneIsATextElsewhere) {
  EXPECT_EQ(result("{name: x}", {"name=none"}), "{name: none}");
  EXPECT_EQ(result("{router: {noise: gumbel}}", {"router.noise=none"}), "{router: {noise: none}}");
  EXPECT_EQ(result("{capacity: {a: 1}}", {"capacity='none'"}), "{capacity: 'none'}");
}

TEST(Overrides, NeededSectionsStay) {
  for (const std::string name : {"layer", "workload", "router"}) {
    EXPECT_EQ(result("{" + name + ": {a: 1}}", {name + "=none"}),
              "--set " + name + "=none: error: " + name +
                  ": this section cannot be removed; expected its keys [bad-override]\n  help: for example "
                  "--set '" +
                  name + "={…}'");
  }
}

TEST(Overrides, AnotherVariantReplacesItsSection) {
  EXPECT_EQ(result("{r: {kind: a, x: 1}, q: 1}", {"r.kind=b"}), "{r: {kind: b}, q: 1}");
  EXPECT_EQ(result("{r: {kind: a, x: 1}}", {"r.preset=m"}), "{r: {preset: m}}");
  EXPECT_EQ(result("{r: {x: 1}}", {"r.kind=a"}), "{r: {x: 1, kind: a}}");
  EXPECT_EQ(result("{b: {l: 1, c: {kind: a, x: 1}}}", {"b.c.kind=d"}), "{b: {l: 1, c: {kind: d}}}");
}

TEST(Overrides, TheSameVariantKeepsItsSection) {
  EXPECT_EQ(result("{r: {kind: a, x: 1}}", {"r.kind=a"}), "{r: {kind: a, x: 1}}");
  EXPECT_EQ(result("{r: {preset: m, x: 1}}", {"r.x=2", "r.preset=m"}), "{r: {preset: m, x: 2}}");
}

TEST(Overrides, KindComesFirstWhateverTheOrderTyped) {
  std::vector<std::string> overrides = {"r.y=2", "r.kind=b", "r.c.x=3", "r.c.kind=d"};
  std::sort(overrides.begin(), overrides.end());
  do {
    const Applied applied = apply_to("{r: {kind: a, x: 1, c: {kind: e, z: 1}}}", overrides);
    EXPECT_TRUE(applied.diagnostics.empty());
    const Node& r = *applied.root.child("r");
    EXPECT_EQ(r.entries.size(), 3u) << applied.text();
    EXPECT_EQ(r.child("kind")->text, "b");
    EXPECT_EQ(r.child("y")->text, "2");
    EXPECT_EQ(show(*r.child("c")), "{kind: d, x: 3}");
  } while (std::next_permutation(overrides.begin(), overrides.end()));
}

TEST(Overrides, ASectionComesBeforeItsKeys) {
  EXPECT_EQ(result("{r: {kind: a}}", {"r.x=1", "r={kind: b}"}), "{r: {kind: b, x: 1}}");
  EXPECT_EQ(result("{capacity: {f: 1}}", {"capacity.g=2", "capacity=none"}), "{capacity: {g: 2}}");
}

TEST(Overrides, KindAndPresetTogetherBothStay) {
  EXPECT_EQ(result("{r: {kind: a, x: 1}}", {"r.kind=b", "r.preset=m"}), "{r: {kind: b, preset: m}}");
  EXPECT_EQ(result("{r: {kind: a, x: 1}}", {"r.preset=m", "r.kind=a"}), "{r: {preset: m, kind: a}}");
  EXPECT_EQ(result("{r: {kind: a, x: 1}}", {"r.kind=b", "r.kind=c", "r.y=1"}), "{r: {kind: c, y: 1}}");
}

struct Mistake {
  const char* override_text;
  const char* message;
};

TEST(Overrides, EachMistakeHasItsExactMessage) {
  const Mistake mistakes[] = {
      {"router.top_k",
       "--set router.top_k: error: no '='; expected key=value [bad-override]\n"
       "  help: for example --set router.top_k=4"},
      {"",
       "--set : error: no '='; expected key=value [bad-override]\n  help: for example --set router.top_k=4"},
      {"=4",
       "--set =4: error: an empty part in the key ''; expected letters, digits and '_' between dots "
       "[bad-override]\n  help: for example --set router.top_k=4"},
      {"router..top_k=4",
       "--set router..top_k=4: error: an empty part in the key 'router..top_k'; expected letters, digits and "
       "'_' "
       "between dots [bad-override]\n  help: for example --set router.top_k=4"},
      {".a=4",
       "--set .a=4: error: an empty part in the key '.a'; expected letters, digits and '_' between dots "
       "[bad-override]\n  help: for example --set router.top_k=4"},
      {"a.=4",
       "--set a.=4: error: an empty part in the key 'a.'; expected letters, digits and '_' between dots "
       "[bad-override]\n  help: for example --set router.top_k=4"},
      {"router.top-k=4",
       "--set router.top-k=4: error: 'top-k' cannot be a part of a key; expected letters, digits and '_' "
       "between "
       "dots [bad-override]\n  help: for example --set router.top_k=4"},
      {"files[0]=a",
       "--set files[0]=a: error: 'files[0]' cannot be a part of a key; expected letters, digits and '_' "
       "between "
       "dots [bad-override]\n  help: for example --set router.top_k=4"},
      {"a b=4",
       "--set a b=4: error: 'a b' cannot be a part of a key; expected letters, digits and '_' between dots "
       "[bad-override]\n  help: for example --set router.top_k=4"},
      {"layer.d_ff=",
       "--set layer.d_ff=: error: layer.d_ff: no value behind '='; expected key=value [bad-override]\n"
       "  help: leave the override out to keep what the config says"},
      {"layer.d_ff=  ",
       "--set layer.d_ff=  : error: layer.d_ff: no value behind '='; expected key=value [bad-override]\n"
       "  help: leave the override out to keep what the config says"},
      {"name.x=1",
       "--set name.x=1: error: name.x: name is the text \"test\"; expected a section [bad-override]\n"
       "  help: set the value itself: --set name=…\n"
       "  note: q.yaml:1:8: it stands here"},
      {"name.x.y=1",
       "--set name.x.y=1: error: name.x.y: name is the text \"test\"; expected a section [bad-override]\n"
       "  help: set the value itself: --set name=…\n"
       "  note: q.yaml:1:8: it stands here"},
      {"w.files.0=a",
       "--set w.files.0=a: error: w.files.0: w.files is a list; expected a section [bad-override]\n"
       "  help: set the whole list: --set 'w.files=[…]'\n"
       "  note: q.yaml:1:25: it stands here"},
      {"extends=b.yaml",
       "--set extends=b.yaml: error: extends: cannot be set on the command line [bad-override]\n"
       "  help: write it into a file"},
      {"a.b.c.d.e.f.g.h.i=1",
       "--set a.b.c.d.e.f.g.h.i=1: error: a key with 9 parts; expected at most 8 [bad-override]"},
      {"a=[1, 2", "--set a=[1, 2: error: the '[' is never closed; expected ']' [yaml-syntax]"},
      {"a=1 # x",
       "--set a=1 # x: error: only a part of the value would be read; expected a value in one line "
       "[bad-override]\n"
       "  help: put the whole value in quotes"},
      {"a=\x1b[31m",
       "--set a=\\x1b[31m: error: the control character \\x1b; expected printable text [yaml-syntax]\n"
       "  help: remove it"},
  };
  for (const Mistake& mistake : mistakes) {
    const Applied applied = apply_to("{name: test, w: {files: [a]}}", {mistake.override_text});
    EXPECT_EQ(applied.errors(), mistake.message) << mistake.override_text;
    EXPECT_EQ(applied.text(), "{name: test, w: {files: [a]}}") << mistake.override_text;
  }
}

TEST(Overrides, LongAndBrokenPathsAreHarmless) {
  std::string path = "a";
  for (int i = 0; i < 50000; ++i) {
    path += ".a";
  }
  EXPECT_EQ(apply_to("{}", {path + "=1"}).diagnostics.list().size(), 1u);
  EXPECT_EQ(apply_to("{}", {std::string("a\0b=1", 5)}).diagnostics.list().size(), 1u);
  EXPECT_EQ(apply_to("{}", {"\xff=1"}).diagnostics.list().size(), 1u);
}

TEST(Overrides, OneMistakeDoesNotStopTheOthers) {
  const Applied applied = apply_to("{a: 1}", {"a.b=1", "c=2", "d"});
  EXPECT_EQ(applied.diagnostics.list().size(), 2u);
  EXPECT_EQ(applied.text(), "{a: 1, c: 2}");
}

TEST(OverrideOptions, AreWhatWasTypedOnceEach) {
  const std::vector<ResolvedValue> resolved = {
      {"seed", "7", "--set seed=7"},
      {"router.kind", "random", "--set router={kind: random, top_k: 1}"},
      {"router.top_k", "1", "--set router={kind: random, top_k: 1}"},
      {"layer.d_ff", "8", "c.yaml:2:3"},
      {"capacity.factor", "2", "--set capacity.factor=2"}};
  EXPECT_EQ(override_options(resolved),
            " --set seed=7 --set 'router={kind: random, top_k: 1}' --set capacity.factor=2");
  EXPECT_EQ(override_options(resolved, "capacity"), " --set seed=7 --set 'router={kind: random, top_k: 1}'");
  EXPECT_EQ(override_options(resolved, "router"), " --set seed=7 --set capacity.factor=2");
  EXPECT_EQ(config_argument("quickstart (built in)"), "quickstart");
  EXPECT_EQ(config_argument("a b.yaml"), "'a b.yaml'");
}

}  // namespace
}  // namespace moesim
