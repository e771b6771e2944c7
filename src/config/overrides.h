#pragma once
// "--set router.top_k=4": one value put into the tree from the command line.

#include <string>
#include <vector>

#include "config/binder.h"
#include "config/diagnostics.h"
#include "config/node.h"

namespace moesim {

// Applies "a.b=value" texts to `root`, a map; problems go to `diagnostics` and leave the tree as it was.
// Sections come before their keys and `kind` and `preset` before their siblings, whatever the order typed;
// else the last of two wins. Below `sweep` the rest of the path is one key, as it is in a file
// ("sweep.router.top_k=[1, 2]").
void apply_overrides(const std::vector<std::string>& overrides, Node& root, Diagnostics& diagnostics);

// The overrides that settings came from, as one types them: " --set a=1 --set b.c=2". Those of the key or
// section `but` are left out, for a command that gives it anew.
std::string override_options(const std::vector<ResolvedValue>& resolved, const std::string& but = "");

// A config's source as one types it, quoted for a shell where it must be: "quickstart (built in)" is
// quickstart.
std::string config_argument(const std::string& source_name);

}  // namespace moesim
