#pragma once
// The one exception family of the libraries. Libraries throw and never print or exit; cli/main prints the
// message and turns the kind into the process's exit status.

#include <stdexcept>
#include <string>
#include <utility>

namespace moesim {

// The value of each kind is the exit status (sysexits where they have a word for it).
enum class ErrorKind {
  check_failed = 1,    // two computations that must agree do not
  usage = 64,          // the command line
  bad_data = 65,       // a data file is malformed
  missing_input = 66,  // a file cannot be read
  internal = 70,       // our mistake
  out_of_memory = 71,  // the machine refuses, or would
  cannot_create = 73,  // an output file cannot be created
  write_failed = 74,   // full disk, broken device
  busy = 75,           // another process is at work there; or stopped, and the same command goes on
  config = 78,         // the experiment's description
  interrupted = 130,   // Ctrl-C before there was anything to show
};

// what() is one line: "<where>: error: <what is wrong>; expected <what> [short-name]". help() is what to do,
// often the text to type, or empty.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message, std::string help = {})
      : std::runtime_error(message), kind_(kind), help_(std::move(help)) {}

  ErrorKind kind() const { return kind_; }
  const std::string& help() const { return help_; }

 private:
  ErrorKind kind_;
  std::string help_;
};

[[noreturn]] void throw_internal(const char* file, int line, const std::string& message);

}  // namespace moesim

// For our own mistakes only: user input must never reach a failing MOESIM_CHECK.
#define MOESIM_CHECK(condition, message)                     \
  do {                                                       \
    if (!(condition)) {                                      \
      ::moesim::throw_internal(__FILE__, __LINE__, message); \
    }                                                        \
  } while (false)
