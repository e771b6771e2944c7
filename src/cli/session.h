#pragma once
// Private to this room: the subcommands and what they share.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/route.h"
#include "report/screen.h"
#include "store/result_store.h"

namespace moesim {

struct CommandTree;  // cli/command_tree.h

// What each subcommand was given, as typed; the values are checked by the subcommand.
struct RunArguments {
  std::string config;
  std::vector<std::string> overrides;
  std::string output = "table";
  std::vector<std::string> out_files;
  std::string threads, seed, budget, show_tokens, save_routing;
  bool dry_run = false;
  bool no_store = false;
  bool as_sweep_point = false;
  bool report = false;
};
// The page of a command that stores nothing.
struct PageArguments {
  std::string report;   // the file; with `figures` a folder; "": none
  std::string figures;  // "svg", "png", "pdf"; "": none
};
struct SweepArguments {
  RunArguments run;
  std::string report_every;  // seconds
  std::vector<std::string> axes;
  std::string where;
  bool fresh = false;
  bool explain = false;
};
struct CompareArguments {
  RunArguments run;  // what all sides share
  std::vector<std::string> runs;
  std::vector<std::string> set_b;
  std::vector<std::string> fail_on;
  PageArguments page;
};
struct BalanceArguments {
  RunArguments run;
  PageArguments page;
  bool by_step = false;
};
struct ExportArguments {
  std::string run;
  bool jsonl = false, csv = false, markdown = false, trace = false;
};
struct ReportArguments {
  std::vector<std::string> runs;
  std::string
      file;  // where to; "": report.html in the run's folder, compare.html in that of the second of two
  std::string figures;  // "svg", "png", "pdf"; "": none
};
struct ValidateArguments {
  std::string config;
  std::vector<std::string> overrides;
  bool resolved = false;
  std::string output = "table";
};
struct RouteArguments {
  std::string config, preset, diff, out, sequence_length, devices;
  RouteFiles files;
  std::vector<std::string> overrides;
  std::string output = "table";
  PageArguments page;
};
struct InspectArguments {
  std::string checkpoint, layer, layout, threads;
  bool norms = false;
  std::string output = "table";
};
struct LayerArguments {
  std::string checkpoint, layer, input, out, routing, layout, threads;
  bool router_only = false;
  std::string output = "table";
};
struct RoutersArguments {
  std::string name;
  std::string output = "table";
};
struct ModelsArguments {
  std::string name;    // "": all
  std::string config;  // a config.json; "": the catalogue
  std::string output = "table";
  std::vector<std::string> out_files;
  PageArguments page;
};
struct ExplainArguments {
  std::vector<std::string> words;       // of one name: "load CV" without quotes
  std::optional<std::string> language;  // none: that of the word
};
struct InitArguments {
  std::optional<std::string> name;  // of a template; none: run
  std::optional<std::string> out;   // none: moesim.yaml
  bool force = false;
  bool list = false;
};
struct DoctorArguments {
  std::string output = "table";
  std::vector<std::string> out_files;
  std::string threads;
  bool roofline = false;
  bool fresh = false;
};

// One per subcommand, each in its own file. They return the exit status and throw Error.
int run_command(const RunArguments& arguments, const std::string& colour);
int sweep_command(const SweepArguments& arguments, const std::string& colour);
int compare_command(const CompareArguments& arguments, const std::string& colour);
int balance_command(const BalanceArguments& arguments, const std::string& colour);
int export_command(const ExportArguments& arguments);
int report_command(const ReportArguments& arguments);
int validate_command(const ValidateArguments& arguments);
int route_command(const RouteArguments& arguments);
int routers_command(const RoutersArguments& arguments);
int inspect_command(const InspectArguments& arguments);
int layer_command(const LayerArguments& arguments);
int models_command(const ModelsArguments& arguments, const std::string& colour);
int init_command(const InitArguments& arguments);
int man_command(const CommandTree& tree);
int completion_command(const std::string& shell, const CommandTree& tree);
int schema_command(const std::string& what);
int explain_command(const ExplainArguments& arguments);
int doctor_command(const DoctorArguments& arguments, const std::string& colour);

// Parses the command line and runs the subcommand it names.
int run_command_line(int argc, char** argv);

// Option values, checked: CLI11 itself turns -1 into 18446744073709551615 and takes "nan". Throw Error(usage)
// that names the option, what was typed, and what was expected.
std::int64_t parse_whole_option(const std::string& option, const std::string& text, std::int64_t low,
                                std::int64_t high);
// 30, 30s, 5min, 5m, 1h
double parse_seconds_option(const std::string& option, const std::string& text, double low, double high);
std::string parse_choice_option(const std::string& option, const std::string& text,
                                const std::vector<std::string>& choices);

// How standard output wants to be written to: --color, then NO_COLOR, CLICOLOR_FORCE and FORCE_COLOR, then
// whether it is a terminal; block characters where the locale is UTF-8 or the output is not a terminal.
ScreenStyle stdout_style(const std::string& colour);
ScreenStyle file_style();

// How the user typed this program; set once, from argv[0].
void set_program_name(const std::string& name);

// --set, and the short options as what they stand for, so that the resolved config in the record shows them.
std::vector<std::string> session_overrides(const RunArguments& arguments);

// Fills a new run's folder; returns its path. Throws Error(cannot_create, write_failed).
std::string store_run(const std::string& config, const std::string& id, const RunRecord& record);
// The config as given and the environment, as files and in the database.
void describe_folder(const std::string& folder, const std::string& config, ResultStore& store);
// Draws a folder's results into its report.html and says so; a report that cannot be made is a warning, the
// results are there.
void report_folder(const std::string& folder);
// The command that compares so, to be typed.
std::string comparing_command(const CompareArguments& arguments);
std::string display_path(const std::string& path);
// Throws Error(missing_input) where the folder holds no results; the help names one that does.
void check_results_folder(const std::string& folder);
// Whether the name is that of a config of the binary, with or without .yaml.
bool is_built_in_config(const std::string& name);

// Writes to standard error; a standard error that is full or closed is nobody's to tell, so failures are
// ignored.
void write_stderr(const std::string& text);

// First Ctrl-C asks the run to stop after the current step, a second one ends the process at once.
void catch_interrupts();
bool interrupt_requested();

// A line on standard error that keeps saying how far the run is, on a terminal alone.
class Progress {
 public:
  // `note` goes behind the bar as far as the line is long.
  void show(const std::string& phase, double fraction, const std::string& note = {});
  void clear();

 private:
  double last_shown_ = -1;
  bool drawn_ = false;
};

}  // namespace moesim
