#include "config/load.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace moesim {
namespace {

namespace fs = std::filesystem;

// A folder of its own for each test; the working folder while it runs.
class LoadConfig : public testing::Test {
 protected:
  void SetUp() override {
    old_ = fs::current_path();
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::temp_directory_path() /
              ("moesim_load_" + std::to_string(::getpid()) + "_" + std::string(test->name()));
    fs::create_directories(folder_);
    fs::current_path(folder_);
  }
  void TearDown() override {
    fs::current_path(old_);
    fs::remove_all(folder_);
  }

  static void write(const std::string& path, const std::string& text) {
    if (fs::path(path).has_parent_path()) {
      fs::create_directories(fs::path(path).parent_path());
    }
    std::ofstream(path, std::ios::binary) << text;
  }
  LoadedConfig load(const std::string& path, const std::vector<std::string>& overrides = {}) {
    diagnostics_ = {};
    return load_config(path, overrides, diagnostics_);
  }
  std::string errors() const {
    std::string all;
    for (const Diagnostic& diagnostic : diagnostics_.list()) {
      all += (all.empty() ? "" : "\n") + render(diagnostic);
    }
    return all;
  }
  // "text|help" of the Error that loading throws.
  std::string thrown(const std::string& path, ErrorKind kind = ErrorKind::missing_input) {
    try {
      load(path);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), kind);
      return error.what() + ("|" + error.help());
    }
    return "";
  }

  fs::path folder_;
  fs::path old_;
  Diagnostics diagnostics_;
};

TEST_F(LoadConfig, ReadsAFileAsTyped) {
  write("sub/a.yaml", "name: x\nlayer: {d_ff: 1}\n");
  const LoadedConfig loaded = load("sub/a.yaml");
  EXPECT_EQ(errors(), "");
  EXPECT_TRUE(loaded.complete);
  EXPECT_EQ(loaded.source.name, "sub/a.yaml");
  EXPECT_EQ(loaded.source.directory, "sub");
  EXPECT_FALSE(loaded.source.embedded);
  EXPECT_EQ(loaded.text, "name: x\nlayer: {d_ff: 1}\n");
  EXPECT_EQ(loaded.root.child("layer")->find("d_ff")->where.text(), "sub/a.yaml:2:9");
  EXPECT_EQ(load((folder_ / "sub/a.yaml").string()).source.directory, (folder_ / "sub").string());
}

TEST_F(LoadConfig, AFileWithoutAFolderLiesInTheWorkingFolder) {
  write("a.yaml", "name: x");
  EXPECT_EQ(load("a.yaml").source.directory, ".");
}

TEST_F(LoadConfig, FindsBuiltInConfigsInAnyFolder) {
  for (const char* name : {"quickstart", "quickstart.yaml"}) {
    const LoadedConfig loaded = load(name);
    EXPECT_EQ(errors(), "");
    EXPECT_TRUE(loaded.source.embedded);
    EXPECT_EQ(loaded.source.name, "quickstart (built in)");
    EXPECT_EQ(loaded.root.child("name")->text, "quickstart");
    EXPECT_EQ(loaded.root.find("name")->where.source, "quickstart.yaml");
  }
}

TEST_F(LoadConfig, AFileHidesABuiltInConfigButAFolderDoesNot) {
  fs::create_directory("quickstart");
  EXPECT_TRUE(load("quickstart").source.embedded);
  write("quickstart.yaml", "name: mine");
  EXPECT_EQ(load("quickstart.yaml").root.child("name")->text, "mine");
}

TEST_F(LoadConfig, MissingConfigsAreSuggested) {
  write("mine.yaml", "name: x");
  write("sub/other.yaml", "name: x");
  const std::string rest =
      ": error: there is no such file; expected a config or the name of a built-in one [file-missing]|";
  EXPECT_EQ(thrown("quikstart"), "quikstart" + rest + "did you mean 'quickstart'?");
  EXPECT_EQ(thrown("mime.yaml"), "mime.yaml" + rest + "did you mean 'mine.yaml'?");
  EXPECT_EQ(thrown("sub/othr.yaml"), "sub/othr.yaml" + rest + "did you mean 'sub/other.yaml'?");
  EXPECT_EQ(thrown("text/english.txt").rfind("text/english.txt" + rest, 0), 0u);
  EXPECT_EQ(thrown("presets/routers.yaml").rfind("presets/routers.yaml" + rest, 0), 0u);
  EXPECT_EQ(thrown("x\x1b").rfind("x\\x1b" + rest, 0), 0u);
  EXPECT_EQ(thrown("").rfind("\"\"" + rest, 0), 0u);
  EXPECT_EQ(thrown("nowhere/at/all.yaml").rfind("nowhere/at/all.yaml" + rest, 0), 0u);
}

TEST_F(LoadConfig, RefusesWhatIsNoFile) {
  fs::create_directory("folder");
  EXPECT_NE(thrown("folder"), "");
  ASSERT_EQ(::mkfifo("pipe", 0600), 0);
  EXPECT_NE(thrown("pipe"), "");
  EXPECT_NE(thrown("/dev/zero"), "");
  write("large.yaml", std::string((1 << 20) + 1, '#'));
  EXPECT_NE(thrown("large.yaml", ErrorKind::bad_data), "");
}

TEST_F(LoadConfig, ARootThatIsNoMapIsAnError) {
  write("a.yaml", "- a\n");
  const LoadedConfig loaded = load("a.yaml");
  EXPECT_EQ(errors(),
            "a.yaml:1:1: error: got a list; expected a map of keys, such as 'name: test' [wrong-type]");
  EXPECT_EQ(loaded.root.kind, Node::Kind::map);
  EXPECT_FALSE(loaded.complete);
  write("b.yaml", "name:x\n");
  load("b.yaml");
  EXPECT_EQ(errors(),
            "b.yaml:1:1: error: got the text \"name:x\"; expected a map of keys, such as 'name: test' "
            "[wrong-type]\n"
            "  help: write a space behind the colon");
}

TEST_F(LoadConfig, AnEmptyFileIsAnEmptyMap) {
  write("a.yaml", "");
  EXPECT_EQ(load("a.yaml").root.kind, Node::Kind::map);
  EXPECT_EQ(errors(), "");
}

TEST_F(LoadConfig, SaysWhetherAllOfTheTextReachedTheTree) {
  write("a.yaml", "a: 1\na: 2\n");
  EXPECT_TRUE(load("a.yaml").complete);
  EXPECT_TRUE(load("a.yaml", {"b"}).complete);
  write("b.yaml", "a: [1\n");
  EXPECT_FALSE(load("b.yaml").complete);
}

TEST_F(LoadConfig, AppliesOverridesLast) {
  write("base.yaml", "router: {kind: a, x: 1}\nseed: 1\n");
  write("a.yaml", "extends: base.yaml\nrouter: {x: 2}\n");
  const LoadedConfig loaded = load("a.yaml", {"router.x=3", "seed=4"});
  EXPECT_EQ(errors(), "");
  EXPECT_EQ(loaded.root.child("router")->child("x")->text, "3");
  EXPECT_EQ(loaded.root.child("seed")->where.text(), "--set seed=4");
}

TEST_F(LoadConfig, ExtendsAChainOfFiles) {
  write("sub/base.yaml", "extends: deep/root.yaml\nb: 2\nlayer: {x: 1, y: 2}\n");
  write("sub/deep/root.yaml", "a: 0\nb: 0\nc: 0\nlayer: {z: 0}\n");
  write("a.yaml", "a: 1\nextends: sub/base.yaml\nlayer: {y: 3}\n");
  const LoadedConfig loaded = load("a.yaml");
  EXPECT_EQ(errors(), "");
  const Node& root = loaded.root;
  EXPECT_EQ(root.child("extends"), nullptr);
  EXPECT_EQ(root.child("a")->where.text(), "a.yaml:1:4");
  EXPECT_EQ(root.child("b")->where.text(), "sub/base.yaml:2:4");
  EXPECT_EQ(root.child("c")->where.text(), "sub/deep/root.yaml:3:4");
  EXPECT_EQ(root.child("layer")->entries.size(), 3u);
  EXPECT_EQ(root.child("layer")->child("y")->text, "3");
  EXPECT_EQ(loaded.text, "a: 1\nextends: sub/base.yaml\nlayer: {y: 3}\n");
  EXPECT_EQ(loaded.source.name, "a.yaml");
}

TEST_F(LoadConfig, AnotherKindInTheExtendingFileReplacesTheSection) {
  write("base.yaml", "router: {preset: mixtral, top_k: 2}\nlayer: {a: 1}\n");
  write("a.yaml", "extends: base.yaml\nrouter: {kind: hash}\n");
  const LoadedConfig loaded = load("a.yaml");
  EXPECT_EQ(loaded.root.child("router")->entries.size(), 1u);
  EXPECT_NE(loaded.root.child("layer"), nullptr);
}

TEST_F(LoadConfig, MistakesInTheBaseNameTheBase) {
  write("base.yaml", "a: 1\na: 2\n");
  write("a.yaml", "extends: base.yaml\nb: 1\nb: 2\n");
  load("a.yaml");
  EXPECT_EQ(diagnostics_.render_all(),
            "a.yaml:3:1: error: b: given twice [duplicate-key]\n"
            "  help: remove one of the two\n"
            "  note: a.yaml:2:1: first given here\n"
            "base.yaml:2:1: error: a: given twice [duplicate-key]\n"
            "  help: remove one of the two\n"
            "  note: base.yaml:1:1: first given here\n"
            "2 errors. Nothing was run.");
}

TEST_F(LoadConfig, RefusesPathsThatLeaveTheFolder) {
  write("sub/inner.yaml", "a: 1\n");
  write("base.yaml", "a: 1\n");
  const std::string rest = "; expected a config in the same folder or below it [bad-extends]";
  const auto message = [&](const std::string& value) {
    write("a.yaml", "name: x\nextends: " + value + "\n");
    EXPECT_FALSE(load("a.yaml").complete);
    return errors();
  };
  EXPECT_EQ(message("../a.yaml"), "a.yaml:2:10: error: extends: '../a.yaml' holds '..'" + rest);
  EXPECT_EQ(message("sub/../a.yaml"), "a.yaml:2:10: error: extends: 'sub/../a.yaml' holds '..'" + rest);
  EXPECT_EQ(message("/etc/passwd"), "a.yaml:2:10: error: extends: '/etc/passwd' begins with '/'" + rest);
  EXPECT_EQ(message("[b.yaml]"), "a.yaml:2:10: error: extends: got a list" + rest);
  EXPECT_EQ(message("~"), "a.yaml:2:10: error: extends: got nothing" + rest);
  EXPECT_EQ(message("''"), "a.yaml:2:10: error: extends: got the text \"\"" + rest);
  EXPECT_EQ(message("b.yaml"), "a.yaml:2:10: error: extends: there is no file 'b.yaml'" + rest);
  EXPECT_EQ(message("bose.yaml"), "a.yaml:2:10: error: extends: there is no file 'bose.yaml'" + rest +
                                      "\n  help: did you mean 'base.yaml'?");
  EXPECT_EQ(message("sub/innr.yaml"), "a.yaml:2:10: error: extends: there is no file 'sub/innr.yaml'" + rest +
                                          "\n  help: did you mean 'sub/inner.yaml'?");
  EXPECT_EQ(message("sub"),
            "a.yaml:2:10: error: extends: 'sub' is no file of at most 1 MiB that can be read" + rest);
  EXPECT_EQ(message("quickstart"), "a.yaml:2:10: error: extends: there is no file 'quickstart'" + rest);
}

TEST_F(LoadConfig, RefusesSymbolicLinksThatLeaveTheFolder) {
  write("secret.yaml", "a: 1\n");
  write("in/other.yaml", "a: 2\n");
  fs::create_symlink("../secret.yaml", "in/out.yaml");
  fs::create_directory_symlink("..", "in/up");
  fs::create_symlink("other.yaml", "in/inside.yaml");
  fs::create_symlink("loop.yaml", "in/loop.yaml");
  const std::string rest = "; expected a config in the same folder or below it [bad-extends]";
  write("in/a.yaml", "extends: out.yaml\n");
  load("in/a.yaml");
  EXPECT_EQ(errors(),
            "in/a.yaml:1:10: error: extends: 'out.yaml' leads out of the folder by a symbolic link" + rest);
  write("in/a.yaml", "extends: up/secret.yaml\n");
  load("in/a.yaml");
  EXPECT_EQ(
      errors(),
      "in/a.yaml:1:10: error: extends: 'up/secret.yaml' leads out of the folder by a symbolic link" + rest);
  write("in/a.yaml", "extends: loop.yaml\n");
  load("in/a.yaml");
  EXPECT_EQ(errors(), "in/a.yaml:1:10: error: extends: there is no file 'loop.yaml'" + rest);
  write("in/a.yaml", "extends: inside.yaml\n");
  EXPECT_EQ(load("in/a.yaml").root.child("a")->text, "2");
  EXPECT_EQ(errors(), "");
}

TEST_F(LoadConfig, RefusesCyclesAndLongChains) {
  const std::string rest = "; expected a config in the same folder or below it [bad-extends]";
  write("a.yaml", "extends: a.yaml\n");
  load("a.yaml");
  EXPECT_EQ(errors(), "a.yaml:1:10: error: extends: 'a.yaml' leads back to itself" + rest);
  write("a.yaml", "extends: b.yaml\nx: 1\n");
  write("b.yaml", "extends: ./a.yaml\ny: 2\n");
  const LoadedConfig loaded = load("a.yaml");
  EXPECT_EQ(errors(), "b.yaml:1:10: error: extends: './a.yaml' leads back to ./a.yaml" + rest);
  EXPECT_EQ(loaded.root.entries.size(), 2u);
  for (int i = 0; i < 20; ++i) {
    write("c" + std::to_string(i) + ".yaml", "extends: c" + std::to_string(i + 1) + ".yaml\n");
  }
  load("c0.yaml");
  EXPECT_EQ(errors(), "c15.yaml:1:10: error: extends: a chain of more than 16 configs" + rest);
}

}  // namespace
}  // namespace moesim
