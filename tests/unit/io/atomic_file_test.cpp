#include "io/atomic_file.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "io/files.h"
#include "temporary_folder.h"

namespace moesim {
namespace {

class WriteFileAtomically : public TemporaryFolder {
 protected:
  using Names = std::vector<std::string>;
};

// While it lives no file may grow beyond `bytes`: the disk is "full" in the middle of a write.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : old_handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limited{.rlim_cur = bytes, .rlim_max = old_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limited);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, old_handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit old_{};
  void (*old_handler_)(int);
};

TEST_F(WriteFileAtomically, CreatesAndReplaces) {
  const std::string path = in_folder("report.md");
  write_file_atomically(path, "first, longer");
  EXPECT_EQ(contents(path), "first, longer");
  write_file_atomically(path, "second");
  EXPECT_EQ(contents(path), "second");
  write_file_atomically(path, "");
  EXPECT_EQ(contents(path), "");
  EXPECT_EQ(names(), Names{"report.md"});
}

TEST_F(WriteFileAtomically, JoinsParts) {
  const std::string_view parts[] = {"one", "", "two"};
  write_parts_atomically(in_folder("x"), parts);
  EXPECT_EQ(contents(in_folder("x")), "onetwo");
}

TEST_F(WriteFileAtomically, ReplacesTheFileAndDoesNotRewriteIt) {
  const std::string path = put("x", "old");
  const int open_before = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  write_file_atomically(path, "new");
  char seen[4] = {};
  EXPECT_EQ(::read(open_before, seen, 3), 3);
  EXPECT_STREQ(seen, "old");
  ::close(open_before);
}

TEST_F(WriteFileAtomically, ReadersSeeTheOldFileOrTheNewOne) {
  const std::string path = in_folder("x");
  const std::string versions[] = {std::string(200'000, 'a'), std::string(100'000, 'b')};
  write_file_atomically(path, versions[0]);
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (int i = 0; i < 20; ++i) {
      write_file_atomically(path, versions[i % 2]);
    }
    done = true;
  });
  while (!done) {
    const std::string seen = read_file(path, 1 << 20);
    EXPECT_TRUE(seen == versions[0] || seen == versions[1]) << seen.size();
  }
  writer.join();
}

TEST_F(WriteFileAtomically, TwoWritersDoNotMixTheirBytes) {
  const std::string path = in_folder("x");
  const auto write_often = [&](char letter) {
    for (int i = 0; i < 20; ++i) {
      write_file_atomically(path, std::string(50'000, letter));
    }
  };
  std::thread first(write_often, 'a');
  std::thread second(write_often, 'b');
  first.join();
  second.join();
  const std::string seen = contents(path);
  EXPECT_EQ(seen, std::string(50'000, seen.at(0)));
  EXPECT_EQ(names(), Names{"x"});
}

TEST_F(WriteFileAtomically, HasTheModeOfItsPredecessorOrOfANewFile) {
  const auto mode = [](const std::string& path) {
    struct stat status {};
    ::stat(path.c_str(), &status);
    return status.st_mode & 07777;
  };
  const std::string path = put("x", "old");
  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  write_file_atomically(path, "new");
  EXPECT_EQ(mode(path), 0640u);
  write_file_atomically(in_folder("new"), "new");
  put("plain", "");
  EXPECT_EQ(mode(in_folder("new")), mode(in_folder("plain")));
}

TEST_F(WriteFileAtomically, KeepsALinkAndReplacesItsFile) {
  std::filesystem::create_directory(in_folder("sub"));
  put("sub/file", "old");
  std::filesystem::create_symlink("sub/file", in_folder("link"));
  write_file_atomically(in_folder("link"), "new");
  EXPECT_TRUE(std::filesystem::is_symlink(in_folder("link")));
  EXPECT_EQ(contents(in_folder("sub/file")), "new");
}

TEST_F(WriteFileAtomically, AcceptsTheLongestNames) {
  const std::string path = in_folder(std::string(255, 'n'));
  write_file_atomically(path, "x");
  EXPECT_EQ(contents(path), "x");
}

TEST_F(WriteFileAtomically, AMissingFolderCannotBeCreatedIn) {
  const Refusal refusal = refusal_of([&] { write_file_atomically(in_folder("none/report.md"), "x"); });
  EXPECT_EQ(refusal.kind, ErrorKind::cannot_create);
  EXPECT_EQ(refusal.message, in_folder("none/report.md") + ": error: there is no folder " +
                                 in_folder("none") +
                                 "; expected a folder that can be written [cannot-create]");
  EXPECT_EQ(refusal.help, "mkdir -p " + in_folder("none"));
}

TEST_F(WriteFileAtomically, RefusesNamesThatAreNoFiles) {
  const auto message = [](const std::string& path, const char* why) {
    return path + ": error: it cannot be created: " + why +
           "; expected a file that can be written [cannot-create]";
  };
  const auto refused = [](const std::string& path) {
    const Refusal refusal = refusal_of([&] { write_file_atomically(path, "x"); });
    EXPECT_EQ(refusal.kind, ErrorKind::cannot_create);
    return refusal.message;
  };
  EXPECT_EQ(refused(folder_), message(folder_, "Is a directory"));
  EXPECT_EQ(refused(in_folder("new/")), message(in_folder("new/"), "Is a directory"));
  EXPECT_EQ(refused(""), message("\"\"", "No such file or directory"));
  put("file", "x");
  EXPECT_EQ(refused(in_folder("file/x")), message(in_folder("file/x"), "Not a directory"));
  EXPECT_EQ(refused(in_folder("a") + '\0' + "b"), message(in_folder("a\\x00b"), "Invalid argument"));
  EXPECT_EQ(refused("/proc/self/nothing"), message("/proc/self/nothing", "No such file or directory"));
  EXPECT_EQ(names(), Names{"file"});
}

TEST_F(WriteFileAtomically, AFullDeviceIsAnError) {
  const Refusal refusal = refusal_of([] { write_file_atomically("/dev/full", "12345"); });
  EXPECT_EQ(refusal.kind, ErrorKind::write_failed);
  EXPECT_EQ(
      refusal.message,
      "/dev/full: error: 0 of 5 bytes could be written: No space left on device; expected room for all of "
      "them [write-failed]");
  EXPECT_EQ(refusal.help, "free some space, or write to another folder");
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/full"));
}

TEST_F(WriteFileAtomically, ADeviceIsWrittenAndNotReplaced) {
  write_file_atomically("/dev/null", "gone");
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST_F(WriteFileAtomically, AFullDiskLeavesTheOldFileAndNothingElse) {
  const std::string path = put("x", "old");
  Refusal refusal;
  {
    const FileSizeLimit limit(4096);
    refusal = refusal_of([&] { write_file_atomically(path, std::string(10'000, 'n')); });
  }
  EXPECT_EQ(refusal.kind, ErrorKind::write_failed);
  EXPECT_EQ(refusal.message,
            path +
                ": error: 4096 of 10000 bytes could be written: File too large; expected room "
                "for all of them [write-failed]");
  EXPECT_EQ(contents(path), "old");
  EXPECT_EQ(names(), Names{"x"});
  write_file_atomically(path, std::string(10'000, 'n'));  // and there is a way on
  EXPECT_EQ(contents(path).size(), 10'000u);
}

TEST_F(WriteFileAtomically, AnOpenDescriptorIsWrittenWhereItStands) {
  const std::string path = in_folder("redirected");
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_GE(descriptor, 0);
  ASSERT_EQ(::write(descriptor, "before ", 7), 7);
  write_file_atomically("/dev/fd/" + std::to_string(descriptor), "by number ");
  write_file_atomically("/proc/self/fd/" + std::to_string(descriptor), "twice");
  ASSERT_EQ(::write(descriptor, " after", 6), 6);  // the descriptor stays ours and open
  ::close(descriptor);
  EXPECT_EQ(contents(path), "before by number twice after");
  EXPECT_EQ(names(), Names{"redirected"});
  const Refusal refusal = refusal_of([&] { write_file_atomically("/dev/fd/987654", "x"); });
  EXPECT_EQ(refusal.kind, ErrorKind::cannot_create);
  EXPECT_EQ(refusal.message,
            "/dev/fd/987654: error: it cannot be created: Bad file descriptor; expected a file that "
            "can be written [cannot-create]");
}

}  // namespace
}  // namespace moesim
