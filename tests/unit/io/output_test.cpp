#include <fcntl.h>
#include <sys/time.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <thread>

#include "io/files.h"
#include "temporary_folder.h"

namespace moesim {
namespace {

// Standard output is another descriptor while it lives.
class RedirectedStdout {
 public:
  explicit RedirectedStdout(int target) {
    std::fflush(stdout);
    saved_ = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    ::dup2(target, STDOUT_FILENO);
  }
  ~RedirectedStdout() {
    ::dup2(saved_, STDOUT_FILENO);
    ::close(saved_);
  }
  RedirectedStdout(const RedirectedStdout&) = delete;
  RedirectedStdout& operator=(const RedirectedStdout&) = delete;

 private:
  int saved_ = -1;
};

class IgnoredSignal {
 public:
  explicit IgnoredSignal(int number) : number_(number), old_(std::signal(number, SIG_IGN)) {}
  ~IgnoredSignal() { std::signal(number_, old_); }
  IgnoredSignal(const IgnoredSignal&) = delete;
  IgnoredSignal& operator=(const IgnoredSignal&) = delete;

 private:
  int number_;
  void (*old_)(int);
};

class Output : public TemporaryFolder {};

TEST_F(Output, StdoutGetsTheBytes) {
  const int file = ::open(in_folder("out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  bool whole = false;
  {
    const RedirectedStdout redirected(file);
    whole = write_stdout("one ") && write_stdout("") && write_stdout("two");
    write_file_atomically("/dev/stdout", " three");
    OutputFile growing("/dev/stdout");
    growing.write(" four");
    growing.close();
  }
  ::close(file);
  EXPECT_TRUE(whole);
  EXPECT_EQ(contents(in_folder("out")), "one two three four");
}

TEST_F(Output, FullStdoutIsAnError) {
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  Refusal refusal;
  {
    const RedirectedStdout redirected(full);
    refusal = refusal_of([] { write_stdout("a table"); });
  }
  ::close(full);
  EXPECT_EQ(refusal.kind, ErrorKind::write_failed);
  EXPECT_EQ(
      refusal.message,
      "standard output: error: 0 of 7 bytes could be written: No space left on device; expected room for all "
      "of them [write-failed]");
}

TEST_F(Output, StdoutThatCannotBeWrittenIsAnError) {
  const int read_only = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  Refusal refusal;
  {
    const RedirectedStdout redirected(read_only);
    refusal = refusal_of([] { write_stdout("x"); });
  }
  ::close(read_only);
  EXPECT_EQ(
      refusal.message,
      "standard output: error: 0 of 1 bytes could be written: Bad file descriptor; expected room for all of "
      "them [write-failed]");
}

TEST_F(Output, AClosedPipeEndsQuietly) {
  const IgnoredSignal ignored(SIGPIPE);
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ::close(ends[0]);
  bool whole = true;
  {
    const RedirectedStdout redirected(ends[1]);
    whole = write_stdout("x");
  }
  ::close(ends[1]);
  EXPECT_FALSE(whole);
}

void do_nothing(int) {}

// A slow reader, a pipe that is full most of the time and a signal every millisecond.
std::string sent_through_pipe(const std::string& bytes, int flags) {
  int ends[2];
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ::fcntl(ends[1], F_SETFL, flags);
  std::string received;
  bool whole = false;
  struct sigaction action {};
  struct sigaction old_action {};
  action.sa_handler = do_nothing;  // without SA_RESTART: write(2) returns EINTR or a part
  ::sigaction(SIGALRM, &action, &old_action);
  const itimerval often{.it_interval = {0, 1000}, .it_value = {0, 1000}};
  const itimerval never{};
  std::thread reader([&] {
    sigset_t alarm;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    ::pthread_sigmask(SIG_BLOCK, &alarm, nullptr);
    char piece[50'000];
    ssize_t count = 0;
    while ((count = ::read(ends[0], piece, sizeof piece)) > 0) {
      received.append(piece, static_cast<std::size_t>(count));
      std::this_thread::sleep_for(std::chrono::milliseconds(3));
    }
  });
  {
    const RedirectedStdout redirected(ends[1]);
    ::setitimer(ITIMER_REAL, &often, nullptr);
    whole = write_stdout(bytes);
    ::setitimer(ITIMER_REAL, &never, nullptr);
  }
  ::close(ends[1]);
  reader.join();
  ::close(ends[0]);
  ::sigaction(SIGALRM, &old_action, nullptr);
  EXPECT_TRUE(whole);
  return received;
}

std::string many_lines(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += std::to_string(i) + '\n';
  }
  return text;
}

TEST_F(Output, SignalsAndShortWritesLoseNothing) {
  const std::string text = many_lines(200'000);
  EXPECT_EQ(sent_through_pipe(text, 0), text);
}

TEST_F(Output, ANonBlockingPipeLosesNothing) {
  const std::string text = many_lines(100'000);
  EXPECT_EQ(sent_through_pipe(text, O_NONBLOCK), text);
}

TEST_F(Output, FileGrowsByPiecesOfAnySize) {
  const std::string path = put("x", "old contents");
  std::string expected;
  OutputFile file(path);
  for (const std::size_t size : {0u, 1u, 65535u, 1u, 65536u, 200'000u, 3u}) {
    const std::string piece(size, static_cast<char>('a' + size % 26));
    file.write(piece);
    expected += piece;
  }
  file.close();
  file.close();
  EXPECT_EQ(contents(path), expected);
}

TEST_F(Output, FileThatIsForgottenLeavesWhatWasThere) {
  { OutputFile(in_folder("x")).write("line\n"); }
  EXPECT_TRUE(names().empty());
  const std::string path = put("x", "old");
  { OutputFile(path).write(std::string(100'000, 'n')); }
  EXPECT_EQ(contents(path), "old");
  EXPECT_EQ(names(), std::vector<std::string>{"x"});
}

TEST_F(Output, AChainOfLinksToAFileThatIsNotThereYetStays) {
  std::filesystem::create_symlink("second", in_folder("first"));
  std::filesystem::create_symlink(in_folder("real"), in_folder("second"));
  write_file_atomically(in_folder("first"), "contents");
  EXPECT_TRUE(std::filesystem::is_symlink(in_folder("first")));
  EXPECT_TRUE(std::filesystem::is_symlink(in_folder("second")));
  EXPECT_FALSE(std::filesystem::is_symlink(in_folder("real")));
  EXPECT_EQ(contents(in_folder("real")), "contents");
  EXPECT_EQ(names(), (std::vector<std::string>{"first", "real", "second"}));
}

TEST_F(Output, ALinkToItselfIsRefused) {
  std::filesystem::create_symlink("loop", in_folder("loop"));
  const Refusal refusal = refusal_of([&] { OutputFile file(in_folder("loop")); });
  EXPECT_EQ(refusal.kind, ErrorKind::cannot_create);
  EXPECT_NE(refusal.message.find("symbolic links"), std::string::npos) << refusal.message;
}

TEST_F(Output, FileSaysThatTheDiskIsFull) {
  OutputFile file("/dev/full");
  file.write("short");  // stays in the buffer
  const Refusal refusal = refusal_of([&] { file.close(); });
  EXPECT_EQ(refusal.kind, ErrorKind::write_failed);
  EXPECT_EQ(
      refusal.message,
      "/dev/full: error: 0 of 5 bytes could be written: No space left on device; expected room for all of "
      "them [write-failed]");
  OutputFile second("/dev/full");
  EXPECT_EQ(refusal_of([&] { second.write(std::string(70'000, 'x')); }).kind, ErrorKind::write_failed);
  EXPECT_EQ(refusal_of([&] { second.write("more"); }).kind, ErrorKind::internal);
  EXPECT_FALSE(refusal_of([&] { second.close(); }).thrown);
}

TEST_F(Output, FileThatCannotBeCreatedSaysSo) {
  const Refusal missing = refusal_of([&] { OutputFile file(in_folder("none/x")); });
  EXPECT_EQ(missing.kind, ErrorKind::cannot_create);
  EXPECT_EQ(missing.message, in_folder("none/x") + ": error: there is no folder " + in_folder("none") +
                                 "; expected a folder that can be written [cannot-create]");
  const Refusal folder = refusal_of([&] { OutputFile file(folder_); });
  EXPECT_EQ(folder.kind, ErrorKind::cannot_create);
  EXPECT_EQ(folder.message, folder_ +
                                ": error: it cannot be created: Is a directory; expected a file that can be "
                                "written [cannot-create]");
}

TEST_F(Output, WritingAfterCloseIsAMistakeOfTheProgram) {
  OutputFile file(in_folder("x"));
  file.close();
  EXPECT_EQ(refusal_of([&] { file.write("x"); }).kind, ErrorKind::internal);
}

}  // namespace
}  // namespace moesim
