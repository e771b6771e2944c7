#include "io/files.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "temporary_folder.h"

namespace moesim {
namespace {

using namespace std::string_literals;

constexpr std::uint64_t kEnough = 1 << 20;

class ReadFile : public TemporaryFolder {
 protected:
  void expect_refused(const std::string& path, ErrorKind kind, const std::string& message) const {
    const Refusal refusal = refusal_of([&] { read_file(path, kEnough); });
    EXPECT_TRUE(refusal.thrown) << path;
    EXPECT_EQ(refusal.message, message);
    EXPECT_EQ(refusal.kind, kind);
  }
};

TEST_F(ReadFile, GivesAllBytes) {
  EXPECT_EQ(read_file(put("a", "line\r\n\0\xff end"s), kEnough), "line\r\n\0\xff end"s);
  EXPECT_EQ(read_file(put("empty", ""), kEnough), "");
  EXPECT_EQ(read_file(in_folder("empty"), 0), "");
  const std::string large(300'000, 'x');
  EXPECT_EQ(read_file(put("large", large), kEnough), large);
}

TEST_F(ReadFile, AcceptsExactlyTheLimit) {
  const std::string path = put("a", "12345");
  EXPECT_EQ(read_file(path, 5), "12345");
  const Refusal refusal = refusal_of([&] { read_file(path, 4); });
  EXPECT_EQ(refusal.kind, ErrorKind::bad_data);
  EXPECT_EQ(refusal.message,
            path + ": error: the file is 5 bytes long; expected at most 4 bytes [file-too-large]");
}

TEST_F(ReadFile, RefusesAHugeFileBeforeAskingForMemory) {
  const std::string path = put("sparse", "");
  ASSERT_EQ(::truncate(path.c_str(), off_t{1} << 42), 0);
  expect_refused(path, ErrorKind::bad_data,
                 path +
                     ": error: the file is 4398046511104 bytes long; expected at most 1048576 bytes "
                     "[file-too-large]");
}

TEST_F(ReadFile, ReadsFilesThatDoNotKnowTheirLength) {
  EXPECT_NE(read_file("/proc/self/status", kEnough).find("Name:"), std::string::npos);
  const Refusal refusal = refusal_of([] { read_file("/proc/self/status", 10); });
  EXPECT_EQ(refusal.message,
            "/proc/self/status: error: the file is more than 10 bytes long; expected at most 10 bytes "
            "[file-too-large]");
}

TEST_F(ReadFile, SaysWhatIsNotThere) {
  const std::string ending =
      ": error: there is no such file; expected a file that can be read [file-missing]";
  expect_refused(in_folder("none"), ErrorKind::missing_input, in_folder("none") + ending);
  expect_refused(in_folder("no/such/folder"), ErrorKind::missing_input, in_folder("no/such/folder") + ending);
  put("file", "x");
  expect_refused(in_folder("file/below"), ErrorKind::missing_input, in_folder("file/below") + ending);
  expect_refused("", ErrorKind::missing_input, "\"\"" + ending);
  std::filesystem::create_symlink("nowhere", in_folder("dangling"));
  expect_refused(in_folder("dangling"), ErrorKind::missing_input, in_folder("dangling") + ending);
}

TEST_F(ReadFile, RefusesWhatIsNotARegularFile) {
  const auto message = [](const std::string& path, const char* what) {
    return path + ": error: this is a " + what + "; expected a regular file [not-a-file]";
  };
  expect_refused(folder_, ErrorKind::missing_input, message(folder_, "folder"));
  expect_refused("/dev/zero", ErrorKind::missing_input, message("/dev/zero", "device"));
  expect_refused("/dev/null", ErrorKind::missing_input, message("/dev/null", "device"));
  const std::string fifo = in_folder("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  expect_refused(fifo, ErrorKind::missing_input, message(fifo, "pipe"));  // and does not wait for a writer
  std::filesystem::create_symlink("fifo", in_folder("link"));
  expect_refused(in_folder("link"), ErrorKind::missing_input, message(in_folder("link"), "pipe"));

  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string socket_path = in_folder("socket");
  ASSERT_LT(socket_path.size(), sizeof address.sun_path);
  socket_path.copy(address.sun_path, socket_path.size());
  ASSERT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  expect_refused(socket_path, ErrorKind::missing_input, message(socket_path, "socket"));
  ::close(socket);
}

TEST_F(ReadFile, SaysWhyAFileCannotBeOpened) {
  const auto message = [](const std::string& shown, const char* why) {
    return shown + ": error: it cannot be opened: " + why +
           "; expected a file that can be read [file-unreadable]";
  };
  std::filesystem::create_symlink("loop", in_folder("loop"));
  expect_refused(in_folder("loop"), ErrorKind::missing_input,
                 message(in_folder("loop"), "Too many levels of symbolic links"));
  const std::string long_name = in_folder(std::string(300, 'a'));
  expect_refused(long_name, ErrorKind::missing_input, message(long_name, "File name too long"));
  if (::geteuid() != 0) {
    const std::string secret = put("secret", "x");
    ASSERT_EQ(::chmod(secret.c_str(), 0), 0);
    expect_refused(secret, ErrorKind::missing_input, message(secret, "Permission denied"));
  }
}

TEST_F(ReadFile, DoesNotStopAtAZeroByteInTheName) {
  const std::string path = put("file", "x");
  const Refusal refusal = refusal_of([&] { read_file(path + "\0.yaml"s, kEnough); });
  EXPECT_EQ(refusal.message, path +
                                 "\\x00.yaml: error: it cannot be opened: Invalid argument; expected a file "
                                 "that can be read [file-unreadable]");
}

TEST_F(ReadFile, ANameCannotTalkToTheTerminal) {
  EXPECT_EQ(refusal_of([] { read_file("\x1b[2J\n", kEnough); }).message,
            "\\x1b[2J\\n: error: there is no such file; expected a file that can be read [file-missing]");
}

TEST_F(ReadFile, FollowsALinkToAFile) {
  put("file", "text");
  std::filesystem::create_symlink("file", in_folder("link"));
  EXPECT_EQ(read_file(in_folder("link"), kEnough), "text");
}

class ExpandGlob : public TemporaryFolder {
 protected:
  void SetUp() override {
    TemporaryFolder::SetUp();
    for (const char* name : {"b.txt", "a.txt", "B.txt", "c.md", ".hidden.txt", "a\\b.txt"}) {
      put(name, "x");
    }
    for (const char* sub : {"one", "two"}) {
      std::filesystem::create_directory(in_folder(sub));
      put(sub + "/z.txt"s, "x");
    }
  }
  std::vector<std::string> expand(const std::string& pattern) const {
    std::vector<std::string> paths = expand_glob(in_folder(pattern));
    for (std::string& path : paths) {
      EXPECT_EQ(path.substr(0, folder_.size() + 1), folder_ + "/");
      path.erase(0, folder_.size() + 1);
    }
    return paths;
  }
  using Names = std::vector<std::string>;
};

TEST_F(ExpandGlob, IsSortedByBytes) {
  EXPECT_EQ(expand("*.txt"), (Names{"B.txt", "a.txt", "a\\b.txt", "b.txt"}));
  EXPECT_EQ(expand("?.txt"), (Names{"B.txt", "a.txt", "b.txt"}));
  EXPECT_EQ(expand("[ab].*"), (Names{"a.txt", "b.txt"}));
  EXPECT_EQ(expand("*/z.txt"), (Names{"one/z.txt", "two/z.txt"}));
}

TEST_F(ExpandGlob, WithoutWildcardsIsTheFileOrNothing) {
  EXPECT_EQ(expand("a.txt"), Names{"a.txt"});
  EXPECT_EQ(expand("a\\b.txt"), Names{"a\\b.txt"});
  EXPECT_EQ(expand("none.txt"), Names{});
  EXPECT_EQ(expand_glob(""), Names{});
  EXPECT_EQ(expand_glob(in_folder("a.txt\0x"s)), Names{});
}

TEST_F(ExpandGlob, MatchesNothingWhereThereIsNothing) {
  EXPECT_EQ(expand("*.yaml"), Names{});
  EXPECT_EQ(expand("missing/*.txt"), Names{});
  EXPECT_EQ(expand("a.txt/*"), Names{});
}

TEST_F(ExpandGlob, AFolderThatCannotBeSearchedIsAnError) {
  std::filesystem::create_symlink("loop", in_folder("loop"));
  const Refusal refusal = refusal_of([&] { expand("loop/*"); });
  EXPECT_EQ(refusal.kind, ErrorKind::missing_input);
  EXPECT_EQ(refusal.message,
            in_folder("loop/*") +
                ": error: a folder of this pattern cannot be searched; expected a file that can be "
                "read [file-unreadable]");
}

}  // namespace
}  // namespace moesim
