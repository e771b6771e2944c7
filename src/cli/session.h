#pragma once
// Private to this room: what the subcommands share.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "report/flat.h"
#include "report/screen.h"

namespace CLI {
class App;
}

namespace moesim {

// Filled while the command line is parsed; `action` is the chosen subcommand's work and returns the exit
// status.
struct Session {
  std::string colour = "auto";
  std::function<int()> action;
};

// One per subcommand, each in its own file.
void add_run_command(CLI::App& app, Session& session);
void add_validate_command(CLI::App& app, Session& session);
void add_routers_command(CLI::App& app, Session& session);
void add_explain_command(CLI::App& app, Session& session);

// Option values, checked: CLI11 itself turns -1 into 18446744073709551615 and takes "nan". Throw Error(usage)
// that names the option, what was typed, and what was expected.
std::int64_t parse_whole_option(const std::string& option, const std::string& text, std::int64_t low,
                                std::int64_t high);
double parse_real_option(const std::string& option, const std::string& text, double low, double high);
std::string parse_choice_option(const std::string& option, const std::string& text,
                                const std::vector<std::string>& choices);
Format parse_format(const std::string& option, const std::string& text);
Format format_of_file(const std::string& path);  // by its ending

// How standard output wants to be written to: --color, then NO_COLOR, CLICOLOR_FORCE and FORCE_COLOR, then
// whether it is a terminal; block characters where the locale is UTF-8 or the output is not a terminal.
ScreenStyle stdout_style(const std::string& colour);
ScreenStyle file_style();

// First Ctrl-C asks the run to stop after the current step, a second one ends the process at once.
void catch_interrupts();
bool interrupt_requested();

// A line on standard error that keeps saying how far the run is: rewritten in place on a terminal, else one
// plain line every ten seconds.
class Progress {
 public:
  void show(const std::string& phase, double fraction);
  void clear();

 private:
  double last_shown_ = -1;
  bool drawn_ = false;
};

}  // namespace moesim
