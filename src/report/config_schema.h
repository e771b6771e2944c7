#pragma once
// The config as JSON Schema (draft-07), so that editors complete and check while one types. It knows keys,
// types, ranges and variants; relations between keys, keys without effect and duplicates are the loader's
// alone.

#include <string>
#include <vector>

#include "engine/experiment.h"

namespace moesim {

struct NamedPreset {
  std::string name;
  std::string family;
};
std::vector<NamedPreset> router_preset_names();

std::string render_config_schema(const std::vector<SectionInfo>& sections,
                                 const std::vector<NamedPreset>& presets);

}  // namespace moesim
