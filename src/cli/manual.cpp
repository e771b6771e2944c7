// moesim man: the manual page, from the same tree as the help.

#include <fmt/format.h>

#include <algorithm>

#include "cli/command_tree.h"
#include "cli/session.h"
#include "core/build_info.h"
#include "io/files.h"

namespace moesim {
namespace {

constexpr const char* kEnvironment = R"(.SH ENVIRONMENT
.TP
.B MOESIM_RUNS_DIR
where runs are stored; else runs below the current folder
.TP
.B MOESIM_DATA
the folder of optional data sets that configs name as ${MOESIM_DATA}
.TP
.B NO_COLOR\fR, \fBCLICOLOR_FORCE\fR, \fBFORCE_COLOR
whether to colour, where \-\-color does not say
.SH SEE ALSO
.B moesim explain
tells of every error, number, key and word, also in Korean (\-\-lang ko).
)";

// As groff reads it: a dot or a quote in front is no request, and hyphens can be typed.
std::string escaped(const std::string& text) {
  std::string result;
  bool at_start = true;
  for (const char c : text) {
    if (at_start && (c == '.' || c == '\'')) {
      result += "\\&";
    }
    result += c == '\\' ? "\\e" : c == '-' ? "\\-" : std::string(1, c);
    at_start = c == '\n';
  }
  return result;
}

std::string entry(const std::string& names, const std::string& type, const std::string& what) {
  return fmt::format(".TP\n{}{}\n{}\n", names, type.empty() ? "" : " \\fI" + escaped(type) + "\\fR",
                     escaped(what));
}

std::string entries(const CommandWords& command) {
  std::string text;
  for (const OptionWords& argument : command.arguments) {
    text += entry("", argument.type, argument.what);
  }
  for (const OptionWords& option : command.options) {
    std::string names;
    for (const std::string& name : option.names) {
      names += (names.empty() ? "\\fB" : ", \\fB") + escaped(name) + "\\fR";
    }
    text += entry(names, option.type, option.what);
  }
  return text;
}

std::string as_it_stands(const std::string& text) {
  return text.empty() ? "" : ".PP\n.nf\n" + escaped(text) + (text.back() == '\n' ? "" : "\n") + ".fi\n";
}

}  // namespace

std::string render_manual(const CommandTree& tree) {
  std::string text = fmt::format(".TH MOESIM 1 \"\" \"moesim {}\" \"User Commands\"\n", build_info().version);
  text +=
      ".SH NAME\nmoesim \\- " + escaped(tree.whole.summary.substr(tree.whole.summary.find(' ') + 1)) + "\n";
  text += ".SH SYNOPSIS\n.B moesim\n[\\fIoptions\\fR] \\fIcommand\\fR [\\fIarguments\\fR]\n";
  text += ".SH OPTIONS\n" + entries(tree.whole) + ".SH COMMANDS\n";
  for (const CommandWords& command : tree.commands) {
    text += fmt::format(".SS {}\n{}\n", escaped(command.name), escaped(command.summary));
    text += as_it_stands(command.examples) + entries(command);
  }
  return text + ".SH EXAMPLES AND EXIT STATUS\n" + as_it_stands(tree.footer) + kEnvironment;
}

int man_command(const CommandTree& tree) {
  write_stdout(render_manual(tree));
  return 0;
}

}  // namespace moesim
