#pragma once
// Every router, capacity formula, drop rule, loss and controller, from the catalogues that the program runs:
// docs/routers.md, `moesim routers`.

#include <string>
#include <vector>

#include "router/router.h"

namespace moesim {

// What a router of a section such as {preset: mixtral} declares of itself, built for `num_experts` experts.
// Throws Error(internal) when the section does not build.
RouterTraits traits_of_section(const Node& section, Index num_experts);
// The same for a catalogue's entry, for enough experts for all of them.
RouterTraits traits_of_family(const std::string& kind);
RouterTraits traits_of_preset(const std::string& name);

// "each token chooses exactly 2 experts", "looks at its own row alone" …
std::vector<std::string> traits_in_words(const RouterTraits& traits);

// Traits or stages in one line: "a, b".
std::string in_one_line(const std::vector<std::string>& words);

// "kind: token_choice, top_k: 2; capacity: {factor: 1.25}": what a preset sets, or where it differs from the
// one it is a variant of.
std::string stages_in_words(const RouterPreset& preset);

// "route_norm: true": where a preset has another value than its family's default.
std::vector<std::string> stages_beyond_defaults(const RouterPreset& preset);

std::string render_router_reference();

}  // namespace moesim
