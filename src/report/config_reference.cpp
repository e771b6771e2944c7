#include "report/config_reference.h"

#include <fmt/format.h>

namespace moesim {
namespace {

std::string cell(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    escaped += c == '|' ? "\\|" : std::string(1, c);
  }
  return escaped;
}

}  // namespace

std::string render_config_reference(const std::vector<SectionInfo>& sections) {
  std::string text =
      "# Keys of a config\n\n"
      "Printed by `moesim explain config`; `moesim validate FILE --resolved` shows the values of one config "
      "and "
      "where they came from. Every key can be overridden: `--set layer.num_experts=16`.\n";
  for (const SectionInfo& section : sections) {
    text += fmt::format("\n## {}\n\n{}\n", section.path.empty() ? "top level" : "`" + section.path + "`",
                        section.summary);
    if (section.fields.empty()) {
      continue;
    }
    text += "\n| key | what | expected | default |\n|---|---|---|---|\n";
    for (const FieldInfo& field : section.fields) {
      text += fmt::format("| `{}` | {} | {} | {} |\n", field.name, cell(field.doc), cell(field.expected),
                          field.required ? "must be given" : "`" + cell(field.default_text) + "`");
    }
  }
  return text;
}

}  // namespace moesim
