#pragma once
// Text to numbers, the YAML 1.2 way and without surprises.

#include <cstdint>
#include <string>

#include "config/node.h"

namespace moesim {

// What could not be read: `got` quotes the text ("got the text \"two\""), `help` says what to type when that
// is known ("write 8 (a leading zero is not octal here)"; "write 4000" for 4k).
struct ScalarProblem {
  std::string got;
  std::string help;
  bool out_of_range = false;  // a number of the right form that the type cannot hold
  Location where;             // of the wrong part of a list; no source: the value as a whole
};

// Decimal or 0x; "1.0" and "1e6" where exactly integral; not 010, 1_000, 4k, +-prefixed hex. Quoted scalars
// are text. Unsigned numbers end where signed ones do: so do results and the JSON Schema. Return false and
// fill `problem` when the node is no such number (also lists, maps and null).
bool read_whole(const Node& node, std::int64_t& value, ScalarProblem& problem);
bool read_unsigned(const Node& node, std::uint64_t& value, ScalarProblem& problem);
// Finite decimal numbers; not .inf, .nan, 1e400, and not 1e-400 (which would silently be 0).
bool read_real(const Node& node, double& value, ScalarProblem& problem);
bool read_bool(const Node& node, bool& value, ScalarProblem& problem);  // true or false only
bool read_text(const Node& node, std::string& value, ScalarProblem& problem);

// What a node is, for "got …": "the text \"two\"", "a list", "a map", "nothing".
std::string describe_node(const Node& node);

// At most 60 characters of a text, then "…": what a message shows of it.
std::string shorten(const std::string& text);

// The shortest text that reads back as the same number.
std::string print_real(double value);

}  // namespace moesim
