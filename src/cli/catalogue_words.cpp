#include "cli/catalogue_words.h"

#include <fmt/format.h>

#include <algorithm>

#include "balance/losses.h"
#include "dispatch/capacity.h"
#include "engine/experiment.h"
#include "report/numbers.h"
#include "router/router.h"

namespace moesim {
namespace {

// "balance.controller" of "balance.controller (kind: smebu)".
std::string place_of(const SectionInfo& section) {
  return section.path.substr(0, section.path.find(' '));
}

// "smebu" of the same; "" of a section without kinds.
std::string kind_of(const SectionInfo& section) {
  const std::size_t at = section.path.find("(kind: ");
  return at == std::string::npos ? "" : section.path.substr(at + 7, section.path.size() - at - 8);
}

bool is_in(const SectionInfo& section, const std::string& word) {
  const std::string place = place_of(section);
  return !word.empty() && (place == word || place.rfind(word + ".", 0) == 0);
}

std::string section_block(const SectionInfo& section) {
  std::string keys;
  for (const FieldInfo& field : section.fields) {
    keys += (keys.empty() ? "" : ", ") + field.name;
  }
  return fmt::format("{}\n  {}\n{}", section.path, section.summary,
                     keys.empty() ? "" : fmt::format("  keys: {}\n", keys));
}

// A key as one or more sections describe it, in the same words.
struct KeyText {
  std::string name, text;
  std::vector<const SectionInfo*> sections;
};

void add_key(std::vector<KeyText>& keys, const SectionInfo& section, const FieldInfo& field) {
  const std::string text = fmt::format("  {}; expected {}; default {}\n", field.doc, field.expected,
                                       field.required ? "none: must be given" : field.default_text);
  const auto same = std::find_if(keys.begin(), keys.end(), [&](const KeyText& key) {
    return key.name == field.name && key.text == text;
  });
  if (same == keys.end()) {
    keys.push_back({field.name, text, {&section}});
  } else {
    same->sections.push_back(&section);
  }
}

// "router (kind: expert_choice)", "router (kinds: soft, token_choice)", "balance.controller (…)".
std::string places_of(const KeyText& key) {
  std::string text;
  std::string place;
  for (const SectionInfo* section : key.sections) {
    const std::string kind = kind_of(*section);
    const bool goes_on = !text.empty() && !kind.empty() && text.back() == ')' && place == place_of(*section);
    if (goes_on) {
      text.pop_back();
      const std::size_t open = text.rfind("(kind: ");
      if (open != std::string::npos) {
        text.replace(open, 7, "(kinds: ");
      }
      text += ", " + kind + ")";
    } else {
      text += (text.empty() ? "" : ", ") + section->path;
    }
    place = place_of(*section);
  }
  return text;
}

std::string key_block(const KeyText& key) {
  const std::string& path = key.sections.front()->path;
  if (key.sections.size() == 1) {
    return fmt::format("{}{}{}\n{}", path, path.empty() ? "" : ": ", key.name, key.text);
  }
  return fmt::format("{}\n{}\n{}", key.name, fold_words("in " + places_of(key), 100, "  "), key.text);
}

// Keys that take the word as a value; what the word itself means, their sentences say.
std::vector<std::string> choice_blocks(const std::string& word) {
  std::vector<std::string> blocks;
  for (const SectionInfo& section : config_sections()) {
    for (const FieldInfo& field : section.fields) {
      if (std::find(field.choices.begin(), field.choices.end(), word) != field.choices.end()) {
        blocks.push_back(fmt::format("{}: {}: {}\n  {}; expected {}\n", section.path, field.name, word,
                                     field.doc, field.expected));
      }
    }
  }
  return blocks;
}

}  // namespace

std::vector<std::string> explain_from_catalogues(const std::string& word) {
  std::vector<std::string> blocks;
  std::vector<KeyText> keys;
  const std::vector<SectionInfo> sections = config_sections();
  for (const SectionInfo& section : sections) {
    if (is_in(section, word) || kind_of(section) == word) {
      blocks.push_back(section_block(section));
    }
    for (const FieldInfo& field : section.fields) {
      if (word == field.name || word == place_of(section) + "." + field.name) {
        add_key(keys, section, field);
      }
    }
  }
  for (const KeyText& key : keys) {
    blocks.push_back(key_block(key));
  }
  if (const RouterPreset* preset = router_presets().find(word)) {
    blocks.push_back(
        fmt::format("router: {{preset: {}}}\n  {}; used by {}\n  'moesim routers {}' says more\n", word,
                    preset->summary, preset->used_by, word));
  }
  if (const LossEntry* loss = losses().find(word)) {
    blocks.push_back(
        fmt::format("{} (balancing loss)\n  {}: {}; at balance {}; usual weight: {}\n  source: {}\n", word,
                    loss->summary, loss->formula, loss->at_balance, loss->default_weight, loss->origin));
  }
  for (const FormulaInfo& formula : capacity_formulas()) {
    if (formula.name == word) {
      blocks.push_back(fmt::format("capacity: {{formula: {}}}\n  rows an expert may take: {}\n  source: {}\n",
                                   word, formula.rows, formula.origin));
    }
  }
  for (const DropRuleInfo& rule : drop_rules()) {
    if (rule.name == word) {
      blocks.push_back(
          fmt::format("capacity: {{drop: {}}}\n  {}\n  source: {}\n", word, rule.summary, rule.origin));
    }
  }
  return blocks.empty() ? choice_blocks(word) : blocks;
}

std::vector<std::string> catalogue_words() {
  std::vector<std::string> words = router_presets().names();
  const auto add = [&words](const auto& name) { words.emplace_back(name); };
  for (const SectionInfo& section : config_sections()) {
    add(place_of(section));
    add(kind_of(section));
  }
  for (const std::string& name : losses().names()) {
    add(name);
  }
  for (const FormulaInfo& formula : capacity_formulas()) {
    add(formula.name);
  }
  for (const DropRuleInfo& rule : drop_rules()) {
    add(rule.name);
  }
  return words;
}

}  // namespace moesim
