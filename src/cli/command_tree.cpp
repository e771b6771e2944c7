#include "cli/command_tree.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <sstream>

#include "cli/session.h"
#include "config/suggest.h"
#include "core/text.h"

namespace moesim {
namespace {

OptionWords words_of(const CLI::Option& option) {
  OptionWords words;
  for (const std::string& name : option.get_snames()) {
    words.names.push_back("-" + name);
  }
  for (const std::string& name : option.get_lnames()) {
    words.names.push_back("--" + name);
  }
  words.what = option.get_description();
  words.type = option.get_items_expected_max() == 0 ? "" : option.get_type_name();
  words.repeats = option.get_expected_max() > 1;
  return words;
}

CommandWords words_of(const CLI::App& app) {
  CommandWords words;
  words.name = app.get_name();
  const std::string& description = app.get_description();
  const std::size_t first_line = std::min(description.find('\n'), description.size());
  words.summary = description.substr(0, first_line);
  words.examples = description.substr(std::min(first_line + 1, description.size()));
  for (const CLI::Option* option : app.get_options()) {
    (option->get_positional() ? words.arguments : words.options).push_back(words_of(*option));
  }
  return words;
}

// The second line of a subcommand's description, without what stands behind the command.
std::string first_example(const CLI::App& command) {
  std::istringstream lines(command.get_description());
  std::string line;
  std::getline(lines, line);
  std::getline(lines, line);
  const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
  return line.substr(begin, line.find("   ", begin) - begin);
}

// What is said of a flag that was given a value, "--report=x.html" or "--report x.html".
Error valued_flag(const std::string& flag, const std::string& help) {
  return Error(
      ErrorKind::usage, fmt::format("{0}: error: takes no value; expected {0} alone [bad-option]", flag),
      flag == "--report" ? "moesim report RUN --file FILE names the file of a stored run's report" : help);
}

// The flag whose value CLI11 could not read; "" where that is not what the error says.
std::string flag_with_value(const CLI::App& command, const CLI::ParseError& error) {
  const std::string text = error.what();
  for (const CLI::Option* entry : command.get_options()) {
    for (const std::string& name : entry->get_lnames()) {
      const std::string flag = "--" + name;
      if (entry->get_items_expected_max() == 0 && text.find(" " + flag + " = ") != std::string::npos) {
        return flag;
      }
    }
  }
  return "";
}

// Whether the word may have been meant as the file of the flag --report.
bool is_for_report(const CLI::App& command, const std::string& word) {
  const CLI::Option* report = command.get_option_no_throw("--report");
  return report != nullptr && report->get_items_expected_max() == 0 && report->count() > 0 &&
         word.ends_with(".html");
}

}  // namespace

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
    if (!option && is_for_report(*command, word)) {
      return valued_flag("--report", help);
    }
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
    const std::string near = suggest(word, known);
    std::error_code unreadable;
    const bool config = !option && command == &app &&
                        (is_built_in_config(word) || std::filesystem::is_regular_file(word, unreadable));
    return Error(ErrorKind::usage,
                 fmt::format("{}: error: unknown {} '{}' [bad-option]", where,
                             option            ? "option"
                             : command == &app ? "command"
                                               : "argument",
                             display_safe(word)),
                 config         ? "moesim run " + display_safe(shell_quoted(word))
                 : near.empty() ? help
                                : fmt::format("did you mean '{}'?", near));
  }
  if (const std::string flag = flag_with_value(*command, error); !flag.empty()) {
    return valued_flag(flag, help);
  }
  for (const CLI::Option* entry : command->get_options()) {
    if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && entry->get_required() &&
        entry->count() == 0) {
      return Error(ErrorKind::usage,
                   fmt::format("{}: error: no {} given; expected {} [missing-option]", where,
                               entry->get_name(), entry->get_description()),
                   first_example(*command));
    }
  }
  return Error(ErrorKind::usage, fmt::format("{}: error: {} [bad-option]", where, display_safe(error.what())),
               help);
}

CommandTree command_tree(const CLI::App& app) {
  CommandTree tree = {words_of(app), {}, app.get_footer()};
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    tree.commands.push_back(words_of(*command));
  }
  return tree;
}

}  // namespace moesim
