// README.ko.md shows what the program prints: every line of its outputs that no clock decides.

#include <set>
#include <sstream>

#include "cli/moesim_run.h"

namespace moesim {
namespace {

std::set<std::string> lines_of(const std::string& text) {
  std::set<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    lines.insert(line);
  }
  return lines;
}

// Times and speeds differ from machine to machine; "…" stands for what was left out, "$ " before a command.
bool is_of_a_clock(const std::string& line) {
  for (const char* mark : {"…", "$ ", "GFLOP/s", "noisy", "tokens/s"}) {
    if (line.find(mark) != std::string::npos && line.find("e0, e1, …") == std::string::npos) {
      return true;
    }
  }
  return false;
}

// Of the blocks between "```text" and "```".
std::vector<std::string> shown_lines(const std::string& page) {
  std::vector<std::string> shown;
  bool inside = false;
  std::istringstream stream(page);
  for (std::string line; std::getline(stream, line);) {
    if (line.rfind("```", 0) == 0) {
      inside = line == "```text";
    } else if (inside && !line.empty() && !is_of_a_clock(line)) {
      shown.push_back(line);
    }
  }
  return shown;
}

TEST(KoreanPage, ShowsWhatIsPrinted) {
  const std::string source = MOESIM_SOURCE_DIR;
  const std::string short_run = " --no-store --budget 0 --set measure.min_samples=1";
  const char* before = std::getenv("LC_ALL");
  const std::string locale = before == nullptr ? "" : before;
  setenv("LC_ALL", "C.UTF-8", 1);  // bars of blocks
  std::string printed;
  for (const std::string& command :
       {"run quickstart" + short_run, "run quickstart --set capacity.factor=1" + short_run,
        "balance " + source + "/configs/balance_controllers.yaml", std::string("explain expert --lang ko")}) {
    const Outcome outcome = moesim_run(command);
    EXPECT_EQ(outcome.status, 0) << command << outcome.err;
    printed += outcome.out;
  }
  before == nullptr ? unsetenv("LC_ALL") : setenv("LC_ALL", locale.c_str(), 1);
  const std::set<std::string> lines = lines_of(printed);
  const std::vector<std::string> shown = shown_lines(read_all(source + "/README.ko.md"));
  EXPECT_GE(shown.size(), 20u);
  for (const std::string& line : shown) {
    EXPECT_EQ(lines.count(line), 1u) << line;
  }
}

}  // namespace
}  // namespace moesim
