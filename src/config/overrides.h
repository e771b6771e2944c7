#pragma once
// "--set router.top_k=4": one value put into the tree from the command line.

#include <string>
#include <vector>

#include "config/diagnostics.h"
#include "config/node.h"

namespace moesim {

// Applies "a.b=value" texts to `root`, a map; problems go to `diagnostics` and leave the tree as it was.
// Sections come before their keys and `kind` and `preset` before their siblings, whatever the order typed;
// else the last of two wins. Below `sweep` the rest of the path is one key, as it is in a file
// ("sweep.router.top_k=[1, 2]").
void apply_overrides(const std::vector<std::string>& overrides, Node& root, Diagnostics& diagnostics);

}  // namespace moesim
