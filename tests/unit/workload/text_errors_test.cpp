// Every message of the text workload, and where files are looked for.
#include <cstdlib>

#include "io/assets.h"
#include "unit/workload/making.h"

namespace moesim {
namespace {

// The environment variable as it was, afterwards.
class DataFolder {
 public:
  explicit DataFolder(const char* value) {
    const char* before = std::getenv("MOESIM_DATA");
    had_ = before != nullptr;
    before_ = had_ ? before : "";
    value == nullptr ? ::unsetenv("MOESIM_DATA") : ::setenv("MOESIM_DATA", value, 1);
  }
  ~DataFolder() { had_ ? ::setenv("MOESIM_DATA", before_.c_str(), 1) : ::unsetenv("MOESIM_DATA"); }

 private:
  bool had_ = false;
  std::string before_;
};

std::string all_errors(const std::string& section, const Making& making) {
  std::string joined;
  for (const std::string& error : make_workload(section, making).errors) {
    joined += (joined.empty() ? "" : "\n") + error;
  }
  const std::string before = "config file, ";
  const std::string folder = before + making.directory;  // which changes from run to run
  for (std::size_t at = joined.find(folder); at != std::string::npos; at = joined.find(folder, at + 1)) {
    joined.replace(at + before.size(), making.directory.size(), "FOLDER");
  }
  return joined;
}

std::string files(const std::string& list) {
  return "{kind: text, files: [" + list + "]}";
}

TEST(TextErrors, FilesAreRequired) {
  EXPECT_EQ(all_errors("{kind: text}", {}),
            "c.yaml:1:1: error: workload: missing key 'files'; expected a list of texts [missing-key]\n"
            "  help: files: text files: paths or patterns (* ? [...]), relative to the config file; "
            "${MOESIM_DATA}/ may stand in front");
  EXPECT_EQ(all_errors("{kind: text, files: []}", {}),
            "c.yaml:1:24: error: workload.files: got an empty list; expected at least one path or pattern "
            "[file-missing]");
}

TEST(TextErrors, ReportsEachMissingFile) {
  const TestFolder folder;
  EXPECT_EQ(
      all_errors(files("nope.txt, '', /no/where.txt, '*.md', '/no/*.md'"), {.directory = folder.path()}),
      "c.yaml:1:24: error: workload.files: there is no file 'nope.txt'; expected a path relative to the "
      "folder of the config file, FOLDER [file-missing]\n"
      "c.yaml:1:24: error: workload.files: got an empty path; expected the path of a file [file-missing]\n"
      "c.yaml:1:24: error: workload.files: there is no file '/no/where.txt'; expected the path of a file "
      "that can be read [file-missing]\n"
      "c.yaml:1:24: error: workload.files: no file matches '*.md'; expected a pattern that matches at least "
      "one file [file-missing]\n"
      "  help: patterns are relative to the folder of the config file, FOLDER\n"
      "c.yaml:1:24: error: workload.files: no file matches '/no/*.md'; expected a pattern that matches at "
      "least one file [file-missing]");
}

TEST(TextErrors, SuggestsABuiltInText) {
  const TestFolder folder;
  EXPECT_EQ(
      all_errors(files("text/englsh.txt"), {.directory = folder.path()}),
      "c.yaml:1:24: error: workload.files: there is no file 'text/englsh.txt'; expected a path relative to "
      "the folder of the config file, FOLDER [file-missing]\n  help: did you mean 'text/english.txt'?");
  EXPECT_EQ(
      all_errors(files("text/englsh.txt"), {.embedded = true}),
      "c.yaml:1:24: error: workload.files: there is no built-in file 'text/englsh.txt'; expected the path of "
      "a built-in text, or an absolute path [file-missing]\n  help: did you mean 'text/english.txt'?");
}

TEST(TextErrors, ExpandsTheDataFolderAndNothingElse) {
  const TestFolder folder;
  folder.write("deep/a.txt", "words");
  {
    const DataFolder data(folder.path().c_str());
    EXPECT_EQ(must_make(files("'${MOESIM_DATA}/deep/*.txt'"))->token_text(0), "words");
    EXPECT_EQ(must_make(files("'${MOESIM_DATA}/deep/a.txt'"), {.embedded = true})->token_text(0), "words");
    EXPECT_EQ(
        all_errors(files("'${HOME}/a.txt'"), {.directory = folder.path()}),
        "c.yaml:1:24: error: workload.files: there is no file '${HOME}/a.txt'; expected a path relative to "
        "the folder of the config file, FOLDER [file-missing]\n"
        "  help: only ${MOESIM_DATA}/ in front of a path is expanded");
    EXPECT_EQ(
        all_errors(files("~/a.txt"), {.directory = folder.path()}),
        "c.yaml:1:24: error: workload.files: there is no file '~/a.txt'; expected a path relative to the "
        "folder of the config file, FOLDER [file-missing]\n"
        "  help: only ${MOESIM_DATA}/ in front of a path is expanded");
    EXPECT_EQ(
        all_errors(files("'deep/${MOESIM_DATA}/a.txt'"), {.directory = folder.path()}),
        "c.yaml:1:24: error: workload.files: there is no file 'deep/${MOESIM_DATA}/a.txt'; expected a path "
        "relative to the folder of the config file, FOLDER [file-missing]\n"
        "  help: only ${MOESIM_DATA}/ in front of a path is expanded");
  }
  for (const char* unset : {static_cast<const char*>(nullptr), ""}) {
    const DataFolder data(unset);
    EXPECT_EQ(all_errors(files("'${MOESIM_DATA}/a.txt'"), {}),
              "c.yaml:1:24: error: workload.files: MOESIM_DATA is not set; expected the folder of the "
              "optional data "
              "sets [data-missing]\n  help: export MOESIM_DATA=<folder>");
  }
}

TEST(TextErrors, NamesTheByteThatIsNotUtf8) {
  const TestFolder folder;
  const std::string path = folder.write("bad.txt", "good \xc3(");
  EXPECT_EQ(all_errors(files("bad.txt"), {.directory = folder.path()}),
            "c.yaml:1:24: error: workload.files: " + path +
                ": byte 5 (\\xc3) is not UTF-8; expected UTF-8 text [bad-utf8]\n"
                "  help: iconv -f <its encoding> -t UTF-8");
}

TEST(TextErrors, RejectsTextsWithoutATokenAndReportsAll) {
  const TestFolder folder;
  const std::string blank = folder.write("blank.txt", " \n\u3000");
  const std::string empty = folder.write("empty.txt", "");
  EXPECT_EQ(all_errors(files("blank.txt, empty.txt"), {.directory = folder.path()}),
            "c.yaml:1:24: error: workload.files: " + blank +
                ": there is no token in it; expected a text that is not empty [empty-file]\n" +
                "c.yaml:1:24: error: workload.files: " + empty +
                ": there is no token in it; expected a text that is not empty [empty-file]");
  EXPECT_EQ(must_make("{kind: text, tokenizer: char, files: [blank.txt]}", {.directory = folder.path()})
                ->token_text(2),
            "\u3000");
}

TEST(TextErrors, RejectsLargeFilesBeforeReadingThem) {
  const TestFolder folder;
  const std::string path = folder.write("large.txt", "x");
  std::filesystem::resize_file(path, (std::uintmax_t{64} << 20) + 1);
  EXPECT_EQ(all_errors(files("large.txt"), {.directory = folder.path()}),
            "c.yaml:1:24: error: workload.files: " + path +
                ": the file is 67108865 bytes long; expected at most 67108864 bytes [file-too-large]");
}

TEST(TextErrors, LimitsAllFilesTogether) {
  const TestFolder folder;
  const std::string path = folder.write("large.txt", "x");
  std::filesystem::resize_file(path, std::uintmax_t{64} << 20);
  EXPECT_EQ(
      all_errors(
          "{kind: text, tokenizer: byte, files: [large.txt, large.txt, large.txt, large.txt, large.txt]}",
          {.directory = folder.path()}),
      "c.yaml:1:41: error: workload.files: the files up to " + path +
          " are 335544320 bytes long together; expected at most 268435456 bytes [file-too-large]");
}

TEST(TextErrors, RejectsWhatIsNotARegularFile) {
  const TestFolder folder;
  folder.write("sub/a.txt", "x");
  EXPECT_EQ(all_errors(files("sub, /dev/zero"), {.directory = folder.path()}),
            "c.yaml:1:24: error: workload.files: " + folder.path() +
                "/sub: this is a folder; expected a regular file [not-a-file]\n"
                "c.yaml:1:24: error: workload.files: /dev/zero: this is a device; expected a regular file "
                "[not-a-file]");
}

TEST(TextErrors, ShowsFileNamesSafely) {
  const TestFolder folder;
  folder.write("a\x1b.txt", "");
  EXPECT_EQ(all_errors(files("'a*.txt'"), {.directory = folder.path()}),
            "c.yaml:1:24: error: workload.files: " + folder.path() +
                "/a\\x1b.txt: there is no token in it; expected a text that is not empty [empty-file]");
}

TEST(TextErrors, RejectsKeysWithoutEffect) {
  const TestFolder folder;
  folder.write("one.txt", "a b");
  const auto errors = [&](const std::string& rest) {
    return all_errors("{kind: text, files: [one.txt], " + rest + "}", {.directory = folder.path()});
  };
  EXPECT_EQ(errors("context_tokens: 0, context_weight: 0.5"),
            "c.yaml:1:61: error: workload.context_weight: has no effect because workload.context_tokens is 0 "
            "[no-effect]");
  EXPECT_EQ(errors("context_tokens: 4, context_weight: 0"),
            "c.yaml:1:42: error: workload.context_tokens: has no effect because workload.context_weight is 0 "
            "[no-effect]");
  EXPECT_EQ(
      errors("context_tokens: 1, context_decay: 0.5"),
      "c.yaml:1:61: error: workload.context_decay: has no effect because at most one context token is mixed "
      "in [no-effect]");
  EXPECT_EQ(
      errors("chunk_tokens: 4"),
      "c.yaml:1:42: error: workload.chunk_tokens: has no effect because workload.files is a single file "
      "[no-effect]");
  EXPECT_EQ(errors("context_tokens: 0, context_weight: 0"), "");
  EXPECT_EQ(errors("context_tokens: 4, context_weight: 1"), "");
}

TEST(TextErrors, SaysWhichKindAnUnknownKeyBelongsTo) {
  const TestFolder folder;
  folder.write("one.txt", "a b");
  EXPECT_EQ(
      all_errors("{kind: text, files: [one.txt], clusters: 4}", {.directory = folder.path()}),
      "c.yaml:1:42: error: workload.clusters: unknown key; expected one of chunk_tokens, context_decay, "
      "context_tokens, context_weight, files, kind, steps, tokenizer, tokens [unknown-key]\n"
      "  help: 'clusters' belongs to workload.kind: gaussian_clusters");
  EXPECT_EQ(all_errors("{kind: text, files: [one.txt], tokenizer: bpe}", {.directory = folder.path()}),
            "c.yaml:1:53: error: workload.tokenizer: unknown choice 'bpe'; expected one of byte, char, word "
            "[unknown-choice]");
}

TEST(TextFiles, BuiltInConfigsFindBuiltInTexts) {
  const Asset* english = find_asset("text/english.txt");
  ASSERT_NE(english, nullptr);
  const auto workload =
      must_make("{kind: text, tokenizer: byte, files: [text/english.txt]}", {.embedded = true});
  EXPECT_EQ(workload->token_text(0)[0], english->bytes[0]);
  EXPECT_EQ(workload->domain_names(), std::vector<std::string>{"english"});
  EXPECT_EQ(must_make(files("'text/*.txt'"), {.embedded = true})->domain_names(),
            (std::vector<std::string>{"code", "english", "korean"}));
}

TEST(TextFiles, TextBesideTheConfigWinsOverTheBuiltInOne) {
  const TestFolder folder;
  const auto first = [&](const std::string& name) {
    return must_make(files(name), {.directory = folder.path()})->token_text(0);
  };
  EXPECT_EQ(first("text/korean.txt"), must_make(files("text/korean.txt"), {.embedded = true})->token_text(0));
  folder.write("text/korean.txt", "mine");
  EXPECT_EQ(first("text/korean.txt"), "mine");
}

TEST(TextFiles, TakesFoldersAndExistingNamesLiterally) {
  const TestFolder folder;
  folder.write("odd [x]*/b[1].txt", "literal");
  folder.write("odd [x]*/c.txt", "other");
  folder.write("odd x/c.txt", "wrong");
  const Making making{.directory = folder.path() + "/odd [x]*"};
  EXPECT_EQ(must_make(files("'b[1].txt'"), making)->token_text(0), "literal");
  EXPECT_EQ(must_make(files("'c*.txt'"), making)->token_text(0), "other");
  EXPECT_EQ(must_make(files("'c*.txt'"), making)->domain_names().size(), 1U);
}

TEST(TextFiles, AnEmptyDirectoryIsTheCurrentOne) {
  const TestFolder folder;
  folder.write("here.txt", "here");
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  EXPECT_EQ(must_make(files("here.txt"))->token_text(0), "here");
  std::filesystem::current_path(before);
}

}  // namespace
}  // namespace moesim
