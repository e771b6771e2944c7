#pragma once
// Every section and key of a config, as Markdown: docs/config.md, `moesim explain config`.

#include <string>
#include <vector>

#include "engine/experiment.h"

namespace moesim {

std::string render_config_reference(const std::vector<SectionInfo>& sections);

}  // namespace moesim
