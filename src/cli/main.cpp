// The only place that prints errors, holds a global_control and returns a status.

#include <fmt/format.h>
#include <tbb/global_control.h>

#include <csignal>
#include <cstdio>
#include <new>

#include "cli/session.h"
#include "core/build_info.h"
#include "core/error.h"

namespace {

using moesim::Error;
using moesim::ErrorKind;

int print_error(const Error& error) {
  moesim::write_stderr(fmt::format("{}\n", error.what()));
  if (!error.help().empty()) {
    moesim::write_stderr(fmt::format("  help: {}\n", error.help()));
  }
  return static_cast<int>(error.kind());
}

}  // namespace

int main(int argc, char** argv) {
  std::string missing;
  if (!moesim::processor_can_run(missing)) {
    std::fprintf(
        stderr,
        "moesim: error: this processor has no %s, which the program was built for [wrong-processor]\n"
        "  help: build it here again, or with cmake --preset release -DMOESIM_ARCH=\n",
        missing.c_str());
    return static_cast<int>(ErrorKind::internal);
  }
  // A full disk, a file size limit and a closed pipe are errors of a write, not ends of the process.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  // An arena larger than the machine would silently run fewer threads.
  constexpr std::size_t kMostThreads = 1024;
  const tbb::global_control workers(tbb::global_control::max_allowed_parallelism, kMostThreads);
  try {
    return moesim::run_command_line(argc, argv);
  } catch (const Error& error) {
    return print_error(error);
  } catch (const std::bad_alloc&) {
    return print_error(Error(ErrorKind::out_of_memory,
                             "error: the machine has no memory left [out-of-memory]",
                             "make the layer or the batch smaller"));
  } catch (const std::exception& error) {
    return print_error(Error(ErrorKind::internal, fmt::format("error: {} [internal]", error.what()),
                             "this is a mistake in moesim; please report it with the command you typed"));
  }
}
