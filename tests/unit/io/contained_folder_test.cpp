// Both ways of keeping links inside a folder: the kernel's, and ours where it has none.
#include "io/contained_folder.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>

#include "temporary_folder.h"

namespace moesim {
namespace {

namespace fs = std::filesystem;

class ContainedFolders : public TemporaryFolder,
                         public testing::WithParamInterface<ContainedFolder::Resolve> {
 protected:
  // The short name of the error that opening `name` ends with; "" when it opens.
  std::string outcome(const std::string& name) const {
    const ContainedFolder folder(in_folder("root"), GetParam());
    const std::string message = refusal_of([&] { folder.open(name); }).message;
    const std::size_t at = message.rfind('[');
    return at == std::string::npos ? message : message.substr(at);
  }
};

TEST_P(ContainedFolders, OpenWhatIsInsideAndNothingElse) {
  put("root/file", "x");
  put("root/deep/file", "x");
  put("outside", "x");
  put("root-beside/file", "x");
  const auto link = [&](const std::string& target, const std::string& name) {
    fs::create_symlink(target, in_folder("root/" + name));
  };
  link("file", "to_file");
  link("to_file", "to_link");
  link("deep/../deep/file", "to_deep");
  link("deep/../../outside", "through_deep");
  link("../outside", "up");
  link("../root/file", "up_and_back");
  link("../root-beside/file", "beside");
  link("/etc/passwd", "absolute");
  link("/dev/zero", "device");
  link("/proc/self/cwd/file", "magic");
  link("loop", "loop");
  link("nowhere", "dangling");
  link("deep", "to_folder");
  ASSERT_EQ(::mkfifo(in_folder("root/fifo").c_str(), 0600), 0);
  EXPECT_EQ(outcome("file"), "");
  EXPECT_EQ(outcome("to_file"), "");
  EXPECT_EQ(outcome("to_link"), "");
  EXPECT_EQ(outcome("to_deep"), "");
  EXPECT_EQ(outcome("through_deep"), "[path-outside]");
  EXPECT_EQ(outcome("up"), "[path-outside]");
  EXPECT_EQ(outcome("beside"), "[path-outside]");
  EXPECT_EQ(outcome("absolute"), "[path-outside]");
  EXPECT_EQ(outcome("device"), "[path-outside]");
  EXPECT_NE(outcome("magic"), "");
  EXPECT_EQ(outcome("loop"), "[file-unreadable]");
  EXPECT_EQ(outcome("dangling"), "[file-missing]");
  EXPECT_EQ(outcome("missing"), "[file-missing]");
  EXPECT_EQ(outcome("to_folder"), "[not-a-file]");
  EXPECT_EQ(outcome("deep"), "[not-a-file]");
  EXPECT_EQ(outcome("fifo"), "[not-a-file]");
  if (GetParam() == ContainedFolder::Resolve::kernel) {
    EXPECT_EQ(outcome("up_and_back"), "[path-outside]");  // on its way it leaves
  }
}

INSTANTIATE_TEST_SUITE_P(Both, ContainedFolders,
                         testing::Values(ContainedFolder::Resolve::kernel,
                                         ContainedFolder::Resolve::ourselves));

using ContainedFolderTest = TemporaryFolder;

TEST_F(ContainedFolderTest, KnowsBareNames) {
  for (const std::string& name : {std::string("model.safetensors"), std::string(255, 'x'), std::string("..."),
                                  std::string(".hidden"), std::string("a b"), std::string("\xff")}) {
    EXPECT_TRUE(is_bare_name(name)) << name;
  }
  for (const std::string& name : {std::string(), std::string("."), std::string(".."), std::string("a/b"),
                                  std::string("/"), std::string("a\0b", 3), std::string(256, 'x')}) {
    EXPECT_FALSE(is_bare_name(name)) << name;
  }
}

TEST_F(ContainedFolderTest, ListsAndNamesItsFiles) {
  put("b.end", "");
  put("a.end", "");
  put(".end", "");
  put(".hidden.end", "");
  put("other", "");
  const ContainedFolder folder(folder_);
  EXPECT_EQ(folder.names_ending_in(".end", 10), (std::vector<std::string>{"a.end", "b.end"}));
  EXPECT_EQ(folder.names_ending_in(".end", 1).size(), 1u);
  EXPECT_EQ(folder.path_of("x"), in_folder("x"));
  EXPECT_TRUE(folder.has("other"));
  EXPECT_FALSE(folder.has("others"));
}

TEST_F(ContainedFolderTest, MustBeThere) {
  const Refusal refusal = refusal_of([&] { ContainedFolder folder(in_folder("none")); });
  EXPECT_EQ(refusal.message, in_folder("none") +
                                 ": error: it cannot be opened: No such file or directory; expected a "
                                 "folder that can be read [file-unreadable]");
  EXPECT_EQ(refusal.kind, ErrorKind::missing_input);
}

}  // namespace
}  // namespace moesim
