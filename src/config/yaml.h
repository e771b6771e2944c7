#pragma once
// YAML 1.2 core, strictly, on yaml-cpp's event interface. What that library lets pass silently is an error
// here: duplicate keys, a second document, an unclosed quote, a list followed by a map, an empty place
// between commas, a text without quotes that goes on over several lines, merge keys, aliases to themselves,
// tags other than the core ones, directives, tabs in indentation, control characters, text that is not UTF-8.
// Limits: 1 MiB, depth 32, 100,000 keys and values and 4 MiB of text after expanding aliases, 64 anchors, 256
// aliases, 64 KiB a scalar, 1 KiB a key.

#include <string>
#include <string_view>

#include "config/diagnostics.h"
#include "config/node.h"

namespace moesim {

// Problems go to `diagnostics`; the tree then holds what could be read. An empty document is an empty map.
// `source` is the file's name as printed in errors.
Node parse_yaml(std::string_view text, const std::string& source, Diagnostics& diagnostics);

// The value in flow style, so that parse_yaml_value reads it back the same.
std::string print_yaml_value(const Node& node);

// One value as written behind "=" on the command line, in flow style ("4", "[1, 2]", "{factor: 1.25}").
// Every node of it has `where` (line 0).
Node parse_yaml_value(std::string_view text, const Location& where, Diagnostics& diagnostics);

}  // namespace moesim
