// Corruptions of model.safetensors.index.json, each with the message it must give; and folders whose files do
// not keep what the index says.
#include "io/safetensors_index.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "io/safetensors.h"
#include "safetensors_fixture.h"
#include "support/checkpoint_writer.h"
#include "temporary_folder.h"

namespace moesim {
namespace {

using namespace std::string_literals;
namespace fs = std::filesystem;

std::string map_of(const std::string& entries) {
  return "{\"weight_map\":{" + entries + "}}";
}

std::string nested(int depth) {
  return "{\"metadata\":" + std::string(static_cast<std::size_t>(depth), '[') +
         std::string(static_cast<std::size_t>(depth), ']') + ",\"weight_map\":{\"a\":\"x\"}}";
}

TEST(SafetensorsIndex, RefusesCorruptions) {
  const char* bare = "; expected the bare name of a file beside the index, without '/' and \"..\"";
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"", "byte 0: the text ends; expected '{'"},
      {"[]", "byte 0: found '['; expected '{'"},
      {"{}", "byte 0: weight_map is missing; expected an object with each tensor's file"},
      {"{\"metadata\":{}}", "byte 0: weight_map is missing; expected an object with each tensor's file"},
      {map_of(""), "byte 0: weight_map is empty; expected an object with each tensor's file"},
      {"{\"weight_map\":[]}", "byte 14: found '['; expected '{' and tensors with their files"},
      {"{\"weight_map\":null}", "byte 14: found 'n'; expected '{' and tensors with their files"},
      {map_of("\"a\":1"), "byte 19: found '1'; expected a file's name in quotes"},
      {map_of("\"a\":[\"x\"]"), "byte 19: found '['; expected a file's name in quotes"},
      {map_of("\"a\":\"x\",\"a\":\"y\""), "byte 23: tensor 'a' stands twice; expected each name once"},
      {map_of("\"a\":\"x\",\"\\u0061\":\"x\""), "byte 23: tensor 'a' stands twice; expected each name once"},
      {"{\"weight_map\":{\"a\":\"x\"},\"weight_map\":{}}",
       "byte 24: 'weight_map' stands twice; expected each key "
       "once"},
      {"{\"x\":1,\"x\":1}", "byte 7: 'x' stands twice; expected each key once"},
      {map_of("\"a\":\"x\"") + "x",
       "byte 24: found 'x' behind the last bracket; expected the end of the file"},
      {map_of("\"a\":\"x\"") + "\0"s,
       "byte 24: found '\\x00' behind the last bracket; expected the end of the "
       "file"},
      {map_of("\"a\":\"\""), "byte 19: the file ''"s + bare},
      {map_of("\"a\":\".\""), "byte 19: the file '.'"s + bare},
      {map_of("\"a\":\"..\""), "byte 19: the file '..'"s + bare},
      {map_of("\"a\":\"../x.safetensors\""), "byte 19: the file '../x.safetensors'"s + bare},
      {map_of("\"a\":\"/etc/passwd\""), "byte 19: the file '/etc/passwd'"s + bare},
      {map_of("\"a\":\"sub/x.safetensors\""), "byte 19: the file 'sub/x.safetensors'"s + bare},
      {map_of("\"a\":\"..\\u002fx\""), "byte 19: the file '../x'"s + bare},
      {map_of("\"a\":\"x\\u0000/../y\""), "byte 19: the file 'x\\x00/../y'"s + bare},
      {map_of("\"a\":\"x\\u0000\""), "byte 19: the file 'x\\x00'"s + bare},
      {map_of("\"a\":\"" + std::string(256, 'x') + "\""),
       "byte 19: the file '" + std::string(256, 'x') + "'" + bare},
      {nested(65), "byte 76: more than 64 lists and objects in each other; expected fewer"},
      {nested(100'000), "byte 76: more than 64 lists and objects in each other; expected fewer"},
      {"{\"metadata\":[1,]}", "byte 15: found ']'; expected a JSON value"},
      {"{\"metadata\":[1}", "byte 14: found '}'; expected ',' or ']'"},
      {"{\"metadata\":{\"a\"}}", "byte 16: found '}'; expected ':'"},
      {"{\"metadata\":{1:2}}", "byte 13: found '1'; expected a key in quotes"},
      {"{\"metadata\":{\"a\":1,}}", "byte 19: found '}'; expected a key in quotes"},
      {"{\"metadata\":01}", "byte 13: found '1'; expected ',' or '}'"},
      {"{\"metadata\":-}", "byte 13: found '}'; expected a digit"},
      {"{\"metadata\":1.}", "byte 14: found '}'; expected a digit"},
      {"{\"metadata\":1e+}", "byte 15: found '}'; expected a digit"},
      {"{\"metadata\":nul}", "byte 12: found 'n'; expected a JSON value"},
      {"{\"metadata\":NaN}", "byte 12: found 'N'; expected a JSON value"},
      {"{\"metadata\":", "byte 12: the text ends; expected a JSON value"},
      {"{\"metadata\":[[[", "byte 15: the text ends; expected a JSON value"},
      {"{\"metadata\":\"\xff\"}", "byte 13: found '\\xff'; expected UTF-8 text"},
  };
  for (const auto& [text, message] : rows) {
    const Refusal refusal = refusal_of([&, &json = text] { parse_safetensors_index(json, "i.json"); });
    EXPECT_EQ(refusal.message, fmt::format("i.json: error: {} [safetensors-index]", message));
    EXPECT_EQ(refusal.kind, ErrorKind::bad_data);
  }
}

TEST(SafetensorsIndex, IsBounded) {
  std::string entries;
  for (int i = 0; i < 4097; ++i) {
    entries += fmt::format("{}\"{}\":\"{}\"", i == 0 ? "" : ",", i, i);
  }
  EXPECT_NE(refusal_of([&] {
              parse_safetensors_index(map_of(entries), "i.json");
            }).message.find("more than 4096 files; expected fewer [safetensors-index]"),
            std::string::npos);
  std::string keys;
  for (int i = 0; i < 101; ++i) {
    keys += fmt::format("\"k{}\":0,", i);
  }
  EXPECT_NE(refusal_of([&] {
              parse_safetensors_index("{" + keys + "\"weight_map\":{\"a\":\"x\"}}", "i.json");
            }).message.find("more than 100 keys beside weight_map; expected fewer [safetensors-index]"),
            std::string::npos);
}

TEST(SafetensorsIndex, ReadsOverWhatItDoesNotNeed) {
  const SafetensorsIndex index = parse_safetensors_index(
      " {\"metadata\":{\"total_size\":-1.5e+3,\"a\":[true,false,null,{},[],{\"b\":[[]]}],\"c\":\"\\n\"},\r\n"
      "\"weight_map\":{\"b\":\"y.safetensors\",\"a\":\"x.safetensors\",\"c\":\"y.safetensors\"},\"more\":0} "
      "\n",
      "i.json");
  EXPECT_EQ(index.shards, (std::vector<std::string>{"y.safetensors", "x.safetensors"}));
  ASSERT_EQ(index.tensors.size(), 3u);
  EXPECT_EQ(index.tensors[0].tensor, "a");
  EXPECT_EQ(index.tensors[0].shard, 1u);
  EXPECT_EQ(index.tensors[2].shard, 0u);
  EXPECT_EQ(parse_safetensors_index(nested(64), "i.json").tensors.size(), 1u);
}

// A folder with shards x (tensor a) and y (tensor b).
class IndexedFolder : public TemporaryFolder {
 protected:
  void SetUp() override {
    put("x.safetensors", make_safetensors("{" + tensor_entry("a", "U8", "[1]", "[0,1]") + "}", 1));
    put("y.safetensors", make_safetensors("{" + tensor_entry("b", "U8", "[1]", "[0,1]") + "}", 1));
    index_ = in_folder("model.safetensors.index.json");
    put_index("\"a\":\"x.safetensors\",\"b\":\"y.safetensors\"");
  }
  void put_index(const std::string& entries) const { put("model.safetensors.index.json", map_of(entries)); }
  Refusal refusal() const {
    return refusal_of([&] { TensorFolder{folder_}; });
  }
  // Replaces shard y by a link.
  void link_y(const std::string& target) const {
    fs::remove(in_folder("y.safetensors"));
    fs::create_symlink(target, in_folder("y.safetensors"));
  }

  std::string index_;
};

TEST_F(IndexedFolder, IsRead) {
  EXPECT_EQ(TensorFolder(folder_).tensors().size(), 2u);
  EXPECT_EQ(TensorFolder(folder_ + "/").tensors().size(), 2u);
}

TEST_F(IndexedFolder, MustAgreeWithItsIndex) {
  put_index("\"a\":\"x.safetensors\"");
  EXPECT_EQ(TensorFolder(folder_).tensors().size(), 1u);  // shard y is none of its files
  put_index("\"a\":\"x.safetensors\",\"b\":\"y.safetensors\",\"c\":\"y.safetensors\"");
  EXPECT_EQ(refusal().message, index_ +
                                   ": error: byte 55: tensor 'c' is in no file; expected it in y.safetensors "
                                   "[safetensors-index]");
  put_index("\"a\":\"y.safetensors\",\"b\":\"y.safetensors\"");
  EXPECT_EQ(refusal().message, index_ +
                                   ": error: byte 15: tensor 'a' is in no file; expected it in y.safetensors "
                                   "[safetensors-index]");
  put_index("\"a\":\"y.safetensors\",\"b\":\"x.safetensors\"");
  EXPECT_EQ(refusal().message, index_ +
                                   ": error: byte 15: tensor 'a' is in x.safetensors; expected it in "
                                   "y.safetensors [safetensors-index]");
  put_index("\"a\":\"x.safetensors\",\"0\":\"y.safetensors\"");
  EXPECT_EQ(refusal().message, index_ +
                                   ": error: byte 35: tensor '0' is in no file; expected it in y.safetensors "
                                   "[safetensors-index]");
  put("y.safetensors", make_safetensors("{" + tensor_entry("b", "U8", "[1]", "[0,1]") + "," +
                                            tensor_entry("B\x7f", "U8", "[1]", "[1,2]") + "}",
                                        2));
  put_index("\"a\":\"x.safetensors\",\"b\":\"y.safetensors\"");
  EXPECT_EQ(refusal().message,
            in_folder("y.safetensors") +
                ": error: tensor 'B\\x7f' is not in the index; expected the tensors that it "
                "names [safetensors-index]");
  put("y.safetensors", contents(in_folder("x.safetensors")));
  EXPECT_EQ(refusal().message, in_folder("y.safetensors") + ": error: tensor 'a' is in " +
                                   in_folder("x.safetensors") +
                                   " too; expected each tensor in one file [safetensors-malformed]");
}

TEST_F(IndexedFolder, MustHaveItsShards) {
  put_index("\"a\":\"x.safetensors\",\"b\":\"z.safetensors\"");
  EXPECT_EQ(refusal().message,
            in_folder("z.safetensors") +
                ": error: the index names this file and it is not there; expected all files of "
                "the index [file-missing]");
  EXPECT_EQ(refusal().help, "download it, or name a folder that has the files you want and no index");
  EXPECT_EQ(refusal().kind, ErrorKind::missing_input);
  put("y.safetensors", make_safetensors("{"));
  put_index("\"a\":\"x.safetensors\",\"b\":\"y.safetensors\"");
  EXPECT_EQ(refusal().message,
            in_folder("y.safetensors") +
                ": error: byte 0: the header calls itself 1 bytes long; expected at least 2 "
                "[safetensors-malformed]");
}

TEST_F(IndexedFolder, MayBeNoFifoDeviceOrFolder) {
  const std::string y = in_folder("y.safetensors");
  fs::remove(y);
  ASSERT_EQ(::mkfifo(y.c_str(), 0600), 0);
  EXPECT_EQ(refusal().message, y + ": error: this is a pipe; expected a regular file [not-a-file]");
  fs::remove(y);
  fs::create_directory(y);
  EXPECT_EQ(refusal().message, y + ": error: this is a folder; expected a regular file [not-a-file]");
  fs::remove(y);
  fs::remove(index_);
  ASSERT_EQ(::mkfifo(index_.c_str(), 0600), 0);
  EXPECT_EQ(refusal().message, index_ + ": error: this is a pipe; expected a regular file [not-a-file]");
}

TEST_F(IndexedFolder, MayNotBeLeftByLinks) {
  const std::string y = in_folder("y.safetensors");
  const std::string outside =
      y + ": error: this link leads out of " + folder_ + "; expected a file inside it [path-outside]";
  const TempFolder other;
  const std::string elsewhere = other.write("b.safetensors", contents(y));
  const std::vector<std::string> targets = {
      "/dev/zero",
      "/etc/passwd",
      "/proc/self/mem",
      elsewhere,
      "../" + fs::path(other.path()).filename().string() + "/b.safetensors",
      "../../../../../../../../etc/passwd",
      ".."};
  for (const std::string& target : targets) {
    link_y(target);
    EXPECT_EQ(refusal().message, outside) << target;
    EXPECT_EQ(refusal().kind, ErrorKind::bad_data);
    EXPECT_EQ(refusal().help, "copy what the links lead to, and name the copy: cp -rL " + folder_ + " COPY");
  }
  fs::create_directory_symlink(other.path(), in_folder("way"));
  link_y("way/b.safetensors");
  EXPECT_EQ(refusal().message, outside);
  link_y("y.safetensors");
  EXPECT_EQ(refusal().message,
            y + ": error: it cannot be opened: Too many levels of symbolic links; expected a "
                "file that can be read [file-unreadable]");
  link_y("nowhere");
  EXPECT_EQ(refusal().message, y + ": error: there is no such file; expected a file that can be read "
                                   "[file-missing]");
  fs::remove(index_);
  fs::create_symlink("/dev/zero", index_);
  EXPECT_EQ(refusal().message, index_ + ": error: this link leads out of " + folder_ +
                                   "; expected a file inside it [path-outside]");
}

TEST_F(IndexedFolder, MayLinkWithinItself) {
  fs::create_directory(in_folder("deep"));
  fs::rename(in_folder("y.safetensors"), in_folder("deep/b"));
  fs::create_symlink("deep/../deep/b", in_folder("y.safetensors"));
  EXPECT_EQ(TensorFolder(folder_).tensors().size(), 2u);
  const TempFolder other;  // the folder itself may be named by any link
  fs::create_directory_symlink(folder_, other.file("link"));
  EXPECT_EQ(TensorFolder(other.file("link")).tensors().size(), 2u);
}

// snapshots/REVISION/x -> ../../blobs/HASH
TEST_F(IndexedFolder, MayBeASnapshotOfTheHuggingFaceCache) {
  const TempFolder cache;
  fs::create_directories(cache.file("models--a--b/blobs"));
  const std::string snapshot = cache.file("models--a--b/snapshots/0123");
  fs::create_directories(snapshot);
  for (const char* const name : {"x.safetensors", "y.safetensors", "model.safetensors.index.json"}) {
    fs::copy_file(in_folder(name), cache.file(std::string("models--a--b/blobs/hash-of-") + name));
    fs::create_symlink(std::string("../../blobs/hash-of-") + name, snapshot + "/" + name);
  }
  EXPECT_EQ(TensorFolder(snapshot).tensors().size(), 2u);
  EXPECT_EQ(TensorFolder(snapshot).shards()[0], snapshot + "/x.safetensors");
  fs::create_directory_symlink(snapshot, cache.file("link"));
  EXPECT_EQ(TensorFolder(cache.file("link/")).tensors().size(), 2u);
  EXPECT_EQ(TensorFolder(snapshot + "/x.safetensors").tensors().size(), 1u);
  fs::remove(snapshot + "/y.safetensors");
  fs::create_symlink("../../../outside", snapshot + "/y.safetensors");
  cache.write("outside", contents(in_folder("y.safetensors")));
  EXPECT_EQ(refusal_of([&] { TensorFolder{snapshot}; }).message,
            snapshot + "/y.safetensors: error: this link leads out of " + snapshot +
                "; expected a file inside it [path-outside]");
}

TEST_F(IndexedFolder, OfTwoFormsNamesOne) {
  fs::remove(index_);
  fs::copy_file(in_folder("x.safetensors"), in_folder("consolidated.safetensors"));
  EXPECT_EQ(refusal().message, in_folder("x.safetensors") + ": error: tensor 'a' is in " +
                                   in_folder("consolidated.safetensors") +
                                   " too; expected each tensor in one file [safetensors-malformed]");
  EXPECT_EQ(
      refusal().help,
      "the folder may hold one model in two forms: add its model.safetensors.index.json, or name one file");
}

}  // namespace
}  // namespace moesim
