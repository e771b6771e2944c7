#pragma once
// Private to this room: the subcommands as they are typed, and what runs them. Only commands*.cpp,
// command_line.cpp and command_tree.cpp see CLI11.

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "cli/session.h"

namespace CLI {
class App;
}

namespace moesim {

// Every subcommand adds itself with what runs it: a function that holds the values typed and returns the exit
// status.
struct Commands {
  CLI::App& app;
  std::string colour = "auto";
  std::vector<std::pair<const CLI::App*, std::function<int()>>> list = {};

  void add(const CLI::App* command, std::function<int()> run) { list.emplace_back(command, std::move(run)); }
};

// In the order of the help.
void add_start_commands(Commands& commands);
void add_experiment_commands(Commands& commands);
void add_router_commands(Commands& commands);
void add_model_commands(Commands& commands);
void add_trace_commands(Commands& commands);
void add_reference_commands(Commands& commands);

// Options that several subcommands share. What is printed, where else it is written (`what`), and on how many
// threads it is made:
void add_output_options(CLI::App& command, std::string& output, std::vector<std::string>& files,
                        std::string& threads, const std::string& what);
// The page of commands that store nothing.
void add_page_options(CLI::App& command, PageArguments& arguments);

}  // namespace moesim
