#include "bench/peers/worker_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "core/error.h"

extern char** environ;

namespace moesim::bench {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw Error(ErrorKind::missing_input, what);
}

struct Pipe {
  int read = -1;
  int write = -1;
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
      fail(std::string("no pipe: ") + std::strerror(errno));
    }
    read = ends[0];
    write = ends[1];
  }
};

}  // namespace

WorkerProcess::WorkerProcess(std::vector<std::string> command, int patience_ms) : patience_ms_(patience_ms) {
  std::signal(SIGPIPE, SIG_IGN);  // a worker that has ended is an error of write()
  const Pipe in;
  const Pipe out;
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, in.read, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&files, out.write, STDOUT_FILENO);
  std::vector<char*> arguments;
  for (std::string& word : command) {
    arguments.push_back(word.data());
  }
  arguments.push_back(nullptr);
  const int failed = posix_spawnp(&process_, arguments[0], &files, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  close(in.read);
  close(out.write);
  to_ = in.write;
  from_ = out.read;
  fcntl(to_, F_SETFL, O_NONBLOCK);  // as much as the pipe holds at a time; the worker's end waits as before
  if (failed != 0) {
    close(to_);
    close(from_);
    fail("cannot start " + command[0] + ": " + std::strerror(failed));
  }
}

WorkerProcess::~WorkerProcess() {
  close(to_);
  close(from_);
  kill(process_, SIGKILL);  // one that hangs would not see that its input has ended
  waitpid(process_, nullptr, 0);
}

void WorkerProcess::send_bytes(std::string_view bytes) {
  while (!bytes.empty()) {
    pollfd wait{to_, POLLOUT, 0};
    const int ready = poll(&wait, 1, patience_ms_);
    if (ready == 0) {
      fail("the worker reads nothing");
    }
    const ssize_t count = ready < 0 ? -1 : write(to_, bytes.data(), bytes.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) {
      continue;
    }
    if (count <= 0) {
      fail(std::string("the worker has ended: ") + std::strerror(errno));
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

std::size_t WorkerProcess::receive_some(char* to, std::size_t most) {
  while (true) {
    pollfd wait{from_, POLLIN, 0};
    const int ready = poll(&wait, 1, patience_ms_);
    if (ready == 0) {
      fail("the worker says nothing");
    }
    const ssize_t count = ready < 0 ? -1 : read(from_, to, most);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      fail("the worker has ended");
    }
    return static_cast<std::size_t>(count);
  }
}

nlohmann::json WorkerProcess::receive() {
  std::string line;
  // Byte by byte: what follows the line is not text.
  for (char c = 0; receive_some(&c, 1) == 1 && c != '\n';) {
    line += c;
  }
  const nlohmann::json answer = nlohmann::json::parse(line, nullptr, false);
  if (!answer.is_object()) {
    fail("the worker says '" + line + "'");
  }
  if (answer.contains("error")) {
    fail(answer["error"].dump());
  }
  return answer;
}

void WorkerProcess::receive_numbers(std::span<float> to) {
  char* at = reinterpret_cast<char*>(to.data());
  for (std::size_t left = to.size_bytes(); left > 0;) {
    const std::size_t count = receive_some(at, left);
    at += count;
    left -= count;
  }
}

}  // namespace moesim::bench
