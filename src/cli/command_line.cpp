// The command line: its whole, whose parts are in commands_*.cpp.

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/command_tree.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "core/build_info.h"
#include "core/text.h"
#include "io/files.h"

namespace moesim {
namespace {

constexpr const char* kExamples =
    "Everyday:\n"
    "  moesim run quickstart                              eight experts on English, Korean and code\n"
    "  moesim run my.yaml --set router.top_k=4 -o json    one change, for scripts\n"
    "  moesim sweep my.yaml -p router.top_k=1..4          many at once; stop and repeat at any time\n"
    "  moesim route --preset mixtral --logits l.npy --out r   your own numbers through any router\n"
    "  moesim validate my.yaml --resolved                 every value and where it came from\n"
    "\n"
    "Exit status: 0 success, 1 a check failed, 3 some points of a sweep failed, 64 wrong usage, 65 malformed "
    "data, 66 missing input, 71 not "
    "enough memory,\n"
    "73 and 74 cannot write, 75 stopped or busy: repeat the command, 78 wrong config, 130 stopped by Ctrl-C.";

// "Usage: moesim run …": CLI11's own line leaves the program's name out for subcommands. In their list each
// has one line; its examples are for its own help.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_subcommand(const CLI::App* sub) const override {
    const std::string text = sub->get_description();
    return fmt::format("  {:<{}}{}\n", sub->get_name(), get_column_width() - 2,
                       text.substr(0, text.find('\n')));
  }
  std::string make_usage(const CLI::App* app, std::string name) const override {
    return CLI::Formatter::make_usage(app, app->get_parent() == nullptr ? name : "moesim " + name);
  }
};

std::string version_text() {
  const BuildInfo build = build_info();
  return fmt::format(
      "moesim {}\nrevision    {}\ncompiler    {}\nbuild       {}{}{}\narch        {}\neigen       {}\noneTBB "
      "     {}\n",
      build.version, build.revision, build.compiler, build.build_type, build.sanitizers.empty() ? "" : ", ",
      build.sanitizers, build.arch, build.eigen, build.tbb);
}

}  // namespace

void add_output_options(CLI::App& command, std::string& output, std::vector<std::string>& files,
                        std::string& threads, const std::string& what) {
  command.add_option("-o,--output", output, "what to print")->type_name("table|md|csv|json|jsonl");
  command.add_option("--out", files, "also write " + what + "; may be repeated")
      ->allow_extra_args(false)
      ->type_name("FILE");
  command.add_option("-j,--threads", threads, "threads (default: the machine's usable cores)")
      ->type_name("N");
}

void add_page_options(CLI::App& command, PageArguments& a) {
  command.add_option("--report", a.report, "draw the result: an HTML file; with --figures a folder")
      ->type_name("FILE");
  command.add_option("--figures", a.figures, "with --report: each chart as a file of its own")
      ->type_name("svg|png|pdf");
}

int run_command_line(int argc, char** argv) {
  if (argc > 0) {
    set_program_name(display_safe(argv[0]));
  }
  CLI::App app("moesim: which Mixture-of-Experts layer, for my tokens, and is it worth it against dense?",
               "moesim");
  bool version = false;
  Commands commands{app};
  app.formatter(std::make_shared<HelpFormatter>());
  app.footer(kExamples);
  app.require_subcommand(0, 1);
  app.add_flag("--version", version, "build, compiler, instruction-set level, libraries");
  app.add_option("--color", commands.colour, "whether to colour")->type_name("auto|always|never");
  add_start_commands(commands);
  add_experiment_commands(commands);
  add_router_commands(commands);
  add_model_commands(commands);
  add_trace_commands(commands);
  add_reference_commands(commands);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app.get_subcommands();
    write_stdout(chosen.empty() ? app.help() : chosen.front()->help());
    return 0;
  } catch (const CLI::ParseError& error) {
    throw usage_error(app, error);
  }
  parse_choice_option("--color", commands.colour, {"auto", "always", "never"});
  if (version) {
    write_stdout(version_text());
    return 0;
  }
  for (const auto& [command, run] : commands.list) {
    if (command->parsed()) {
      return run();
    }
  }
  write_stdout(app.help());
  return 0;
}

}  // namespace moesim
