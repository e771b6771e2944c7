#pragma once
// Private to this room: what can be typed, as plain values, and what to say where something else was typed.

#include <string>
#include <vector>

#include "core/error.h"

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace moesim {

struct OptionWords {
  std::vector<std::string> names;  // "-o", "--output"; none: an argument without a name
  std::string what;
  std::string type;      // "": a flag; in small letters the words it takes, "svg|png|pdf"; else kinds, "FILE"
  bool repeats = false;  // takes any number of values
};
struct CommandWords {
  std::string name, summary;
  std::string examples;  // lines of the help below the summary
  std::vector<OptionWords> options, arguments;
};
struct CommandTree {
  CommandWords whole;                  // options in front of a command
  std::vector<CommandWords> commands;  // in the order of the help
  std::string footer;                  // of the help
};
CommandTree command_tree(const CLI::App& app);

// CLI11's own words are turned into ours: what was typed, and the nearest thing that exists.
Error usage_error(const CLI::App& app, const CLI::ParseError& error);

}  // namespace moesim
