#pragma once
// Where the texts of configs come from: files, and the configs that are part of the binary.

#include <optional>
#include <string>
#include <vector>

#include "config/diagnostics.h"
#include "config/node.h"

namespace moesim {

// A config's text and what it needs to find its base.
struct ConfigText {
  std::string name;       // in errors
  std::string directory;  // of a file; of an asset within configs/
  std::string identity;   // canonical: two names of one file have the same
  std::string text;
  bool embedded = false;
};

// Names of the configs of the binary, without .yaml, sorted as in configs/.
std::vector<std::string> built_in_configs();

// As load_config: a file, else an embedded config. Throws Error.
ConfigText open_config(const std::string& path);

// What `extends: value` in `config` names; nullopt, with the problem reported, when that is nothing it may.
std::optional<ConfigText> open_base(const ConfigText& config, const Node& value, Diagnostics& diagnostics);

// A problem [bad-extends] at the value of `extends`.
Diagnostic extends_problem(const Node& value, std::string what, std::string help = {});

}  // namespace moesim
