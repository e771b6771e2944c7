// The only place that prints errors, holds a global_control and returns a status.

#include <fmt/format.h>
#include <tbb/global_control.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "cli/session.h"
#include "config/suggest.h"
#include "core/build_info.h"
#include "core/error.h"
#include "core/text.h"
#include "io/files.h"

namespace {

using moesim::Error;
using moesim::ErrorKind;

constexpr const char* kExamples =
    "Everyday:\n"
    "  moesim run quickstart                              eight experts on English, Korean and code\n"
    "  moesim run my.yaml --set router.top_k=4 -o json    one change, for scripts\n"
    "  moesim validate my.yaml --resolved                 every value and where it came from\n"
    "\n"
    "Exit status: 0 success, 64 wrong usage, 65 malformed data, 66 missing input, 71 not enough memory,\n"
    "73 and 74 cannot write, 78 wrong config, 130 stopped by Ctrl-C.";

std::string version_text() {
  const moesim::BuildInfo build = moesim::build_info();
  return fmt::format(
      "moesim {}\nrevision    {}\ncompiler    {}\nbuild       {}{}{}\narch        {}\neigen       {}\noneTBB "
      "     {}\n",
      build.version, build.revision, build.compiler, build.build_type, build.sanitizers.empty() ? "" : ", ",
      build.sanitizers, build.arch, build.eigen, build.tbb);
}

int print_error(const Error& error) {
  fmt::print(stderr, "{}\n", error.what());
  if (!error.help().empty()) {
    fmt::print(stderr, "  help: {}\n", error.help());
  }
  return static_cast<int>(error.kind());
}

// CLI11's own words are turned into ours: what was typed, and the nearest thing that exists.
Error usage_error(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* command = &app;
  for (const CLI::App* chosen : app.get_subcommands()) {
    command = chosen;
  }
  const std::string where = command == &app ? "moesim" : "moesim " + command->get_name();
  const std::string help = fmt::format("{} --help shows what it takes", where);
  const std::vector<std::string> left = app.remaining(true);
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr && !left.empty()) {
    const std::string word = left.front().substr(0, left.front().find('='));
    const bool option = word.size() > 1 && word.front() == '-';
    std::vector<std::string> known;
    for (const CLI::Option* entry : command->get_options()) {
      for (const std::string& name : entry->get_lnames()) {
        known.push_back("--" + name);
      }
    }
    if (!option && command == &app) {
      known.clear();
      for (const CLI::App* entry : app.get_subcommands([](const CLI::App*) { return true; })) {
        known.push_back(entry->get_name());
      }
    }
    const std::string near = moesim::suggest(word, known);
    return Error(ErrorKind::usage,
                 fmt::format("{}: error: unknown {} '{}' [bad-option]", where,
                             option            ? "option"
                             : command == &app ? "command"
                                               : "argument",
                             moesim::display_safe(word)),
                 near.empty() ? help : fmt::format("did you mean '{}'?", near));
  }
  return Error(ErrorKind::usage,
               fmt::format("{}: error: {} [bad-option]", where, moesim::display_safe(error.what())), help);
}

int run_command_line(int argc, char** argv) {
  CLI::App app("moesim: which Mixture-of-Experts layer, for my tokens, and is it worth it against dense?",
               "moesim");
  moesim::Session session;
  bool version = false;
  app.footer(kExamples);
  app.require_subcommand(0, 1);
  app.add_flag("--version", version, "build, compiler, instruction-set level, libraries");
  app.add_option("--color", session.colour, "auto, always or never")->type_name("WHEN");
  moesim::add_run_command(app, session);
  moesim::add_validate_command(app, session);
  moesim::add_routers_command(app, session);
  moesim::add_explain_command(app, session);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app.get_subcommands();
    moesim::write_stdout(chosen.empty() ? app.help() : chosen.front()->help());
    return 0;
  } catch (const CLI::ParseError& error) {
    throw usage_error(app, error);
  }
  moesim::parse_choice_option("--color", session.colour, {"auto", "always", "never"});
  if (version) {
    moesim::write_stdout(version_text());
    return 0;
  }
  if (!session.action) {
    moesim::write_stdout(app.help());
    return 0;
  }
  return session.action();
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
  // An arena larger than the machine would silently run fewer threads.
  constexpr std::size_t kMostThreads = 1024;
  const tbb::global_control workers(tbb::global_control::max_allowed_parallelism, kMostThreads);
  try {
    return run_command_line(argc, argv);
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
