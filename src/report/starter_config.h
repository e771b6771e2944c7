#pragma once
// Starter configs for `moesim init`: the templates of configs/templates, in which each key gets the sentence
// that help and reference have for it, as a comment.

#include <string>
#include <vector>

#include "engine/experiment.h"

namespace moesim {

struct StarterTemplate {
  std::string name;
  std::string summary;                // its first comment
  std::vector<std::string> commands;  // what it is for, as typed with the file `moesim.yaml`
  std::string text;                   // without the line that names the schema
};
std::vector<StarterTemplate> starter_templates();  // sorted by name

// The config as written to `file`, whose first line names the schema for editors.
std::string render_starter_config(const StarterTemplate& starter, const std::vector<SectionInfo>& sections,
                                  const std::string& file, const std::string& schema);

// `moesim run moesim.yaml` for another file.
std::string command_for_file(std::string command, const std::string& file);

}  // namespace moesim
