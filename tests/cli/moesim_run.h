#pragma once
// The binary, run once through the shell.

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "support/temp_folder.h"

namespace moesim {

struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

inline std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

// `line` is given to the shell behind the program's name.
inline Outcome moesim_run(const std::string& line) {
  const TempFolder folder;
  const std::string command = "env -u MOESIM_DATA MOESIM_RUNS_DIR=" + folder.file("runs") + " " +
                              MOESIM_BINARY + " " + line + " >" + folder.file("out") + " 2>" +
                              folder.file("err");
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_all(folder.file("out")),
          read_all(folder.file("err"))};
}

inline const std::string kQuick =
    " --budget 0 --set workload.tokens=64 --set workload.steps=2 --set layer.d_ff=32 --set "
    "measure.min_samples=1";

}  // namespace moesim
