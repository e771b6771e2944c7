// The schema against the loader: both must say the same of keys, types, ranges and variants.

#include "report/config_schema.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

// After the standard headers it forgets.
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "config/scalars.h"
#include "config/yaml.h"
#include "experts/executor.h"
#include "support/temp_folder.h"

namespace moesim {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string printed_schema() {
  return render_config_schema(config_sections(), router_preset_names());
}

class SchemaCheck {
 public:
  SchemaCheck() {
    const json document = json::parse(printed_schema());
    const valijson::adapters::NlohmannJsonAdapter adapter(document);
    valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
    parser.populateSchema(adapter, schema_);
  }
  bool accepts(const json& config) {
    valijson::Validator validator(valijson::Validator::kStrongTypes);
    return validator.validate(schema_, valijson::adapters::NlohmannJsonAdapter(config), nullptr);
  }

 private:
  valijson::Schema schema_;
};

// As a YAML 1.2 reader would hand the config to a validator.
json to_json(const Node& node) {
  ScalarProblem problem;
  bool truth = false;
  std::int64_t whole = 0;
  double real = 0;
  switch (node.kind) {
    case Node::Kind::null:
      return nullptr;
    case Node::Kind::scalar:
      if (read_bool(node, truth, problem)) {
        return truth;
      }
      if (read_whole(node, whole, problem)) {
        return whole;
      }
      if (read_real(node, real, problem)) {
        return real;
      }
      return node.text;
    case Node::Kind::list: {
      json list = json::array();
      for (const Node& item : node.items) {
        list.push_back(to_json(item));
      }
      return list;
    }
    case Node::Kind::map: {
      json map = json::object();
      for (const Node::Entry& entry : node.entries) {
        map[entry.key] = to_json(entry.value);
      }
      return map;
    }
  }
  return nullptr;
}

json read_config(const std::string& text) {
  Diagnostics diagnostics;
  const json config = to_json(parse_yaml(text, "c.yaml", diagnostics));
  EXPECT_TRUE(diagnostics.empty()) << diagnostics.render_all() << text;
  return config;
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ConfigSchema, IsWhatTheDocumentationHolds) {
  const std::string path = std::string(MOESIM_SOURCE_DIR) + "/docs/config.schema.json";
  if (std::getenv("MOESIM_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << printed_schema();
  }
  EXPECT_EQ(read_file(path), printed_schema()) << "MOESIM_UPDATE_GOLDEN=1 writes it anew";
}

TEST(ConfigSchema, AcceptsEveryShippedConfigAndEachNamesIt) {
  SchemaCheck schema;
  int configs = 0;
  for (const char* folder : {"configs", "experiments"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(MOESIM_SOURCE_DIR) / folder)) {
      if (entry.path().extension() != ".yaml" || entry.path().parent_path().filename() == "presets") {
        continue;
      }
      const std::string text = read_file(entry.path());
      EXPECT_TRUE(schema.accepts(read_config(text))) << entry.path();
      const std::string line = "# yaml-language-server: $schema=";
      EXPECT_EQ(text.rfind(line, 0), 0u) << entry.path();
      const std::string target = text.substr(line.size(), text.find('\n') - line.size());
      EXPECT_TRUE(fs::exists(entry.path().parent_path() / target)) << entry.path() << " " << target;
      ++configs;
    }
  }
  EXPECT_GE(configs, 20);
}

// ---- generated configs

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  // A config, with some mistakes in about half of all cases.
  std::string config() {
    mistakes_ = below(2) == 0 ? 0 : 1 + below(2);
    std::string text;
    for (const char* room :
         {"", "layer", "workload", "router", "capacity", "balance", "executor", "measure"}) {
      if (*room != '\0' && *room != 'w' && *room != 'r' && below(3) == 0) {
        continue;
      }
      text += std::string(room) == "balance" ? "balance: {" + balance() + "}\n" : section(room);
    }
    if (below(3) == 0) {
      text += "baselines: " +
              pick({"[]", "[dense_same_active]", "[dense_same_total, dense_same_active]",
                    "[dense_same_time, dense_same_flops]", "~", mistake() ? "dense_same_active" : "[]",
                    mistake() ? "[dense]" : "~"}) +
              "\n";
    }
    if (mistake()) {
      text += pick({"layers: {}", "router_: 1", "tokens: 4"}) + "\n";
    }
    return text;
  }

 private:
  unsigned below(unsigned n) { return std::uniform_int_distribution<unsigned>(0, n - 1)(random_); }
  std::string pick(const std::vector<std::string>& choices) {
    return choices[below(static_cast<unsigned>(choices.size()))];
  }
  bool mistake() {
    if (mistakes_ == 0 || below(12) != 0) {
      return false;
    }
    --mistakes_;
    return true;
  }

  // Keys of its own, a controller or two, and where their logits come from.
  std::string balance() {
    std::string text = keys_of("balance");
    if (below(2) == 0) {
      text += (text.empty() ? "" : ", ") + std::string("controller: {") + keys_of("balance.controller") + "}";
    } else if (below(2) == 0) {
      text += (text.empty() ? "" : ", ") + std::string("controllers: [{") + keys_of("balance.controller") +
              "}, {" + keys_of("balance.controller") + "}]";
    }
    if (below(2) == 0) {
      text += (text.empty() ? "" : ", ") + std::string("stream: {") + keys_of("balance.stream") + "}";
    }
    return text;
  }

  std::string section(const std::string& room) {
    const std::string text = keys_of(room);
    if (room.empty()) {
      return text.empty() ? "" : text + "\n";
    }
    return room + ": {" + text + "}\n";
  }

  // The schema knows every kind of executor, a build perhaps not.
  static bool is_built(const std::string& section) {
    for (const ExecutorEntry& entry : executors().entries()) {
      if (section == "executor (kind: " + entry.name + ")") {
        return entry.traits.built;
      }
    }
    return true;
  }

  std::string keys_of(const std::string& room) {
    std::vector<SectionInfo> variants;
    for (const SectionInfo& info : config_sections()) {
      const bool fits = info.path == room || info.path.rfind(room + " (", 0) == 0;
      // Files would be looked for.
      if (fits && info.path != "workload (kind: text)" && info.path != "workload (kind: array)" &&
          info.path != "balance.stream (kind: replayed)" && is_built(info.path)) {
        variants.push_back(info);
      }
    }
    const SectionInfo info = variants[below(static_cast<unsigned>(variants.size()))];
    std::string text;
    const std::size_t colon = info.path.find(": ");
    if (colon != std::string::npos) {
      const std::string kind = info.path.substr(colon + 2, info.path.size() - colon - 3);
      const bool preset = kind == "token_choice" && below(2) == 0;
      text = preset ? "preset: " + pick({"mixtral", "olmoe", "switch", mistake() ? "mixtrl" : "dbrx"})
                    : "kind: " + (mistake() ? "no_such" : kind);
      text = mistake() ? "" : text;
    }
    for (const FieldInfo& field : info.fields) {
      const bool names_a_folder =
          field.name == "checkpoint";  // it would be looked for, and nothing else said
      if (names_a_folder || (!field.required && below(3) != 0)) {
        continue;
      }
      const std::string name = mistake() ? field.name + "x" : field.name;
      text += (text.empty() ? "" : room.empty() ? "\n" : ", ") + name + ": " + value(field);
    }
    return text;
  }

  std::string value(const FieldInfo& field) {
    if (field.name == "first" || field.name == "second") {  // an executor's name, to the schema any text
      return pick({"serial", "tiled"});
    }
    if (mistake()) {
      return pick(
          {"[1, x]", "{a: 1}", "'8'", "~", "yes", "010", "4k", "-1", "1e300", "true", "0.5", "no_such"});
    }
    if (!field.choices.empty() && (field.type == "one of" || below(4) == 0)) {
      return pick(field.choices);
    }
    if (field.type == "true or false") {
      return pick({"true", "false"});
    }
    if (field.type == "whole number") {
      const auto low = static_cast<std::int64_t>(field.has_range ? field.low : 0);
      const auto high =
          field.has_range && field.high < 1e15 ? static_cast<std::int64_t>(field.high) : low + 1000;
      return pick({std::to_string(low), std::to_string(high), std::to_string(std::min(low + 1, high)),
                   std::to_string(low) + ".0"});
    }
    if (field.type == "number") {
      const double low = field.has_range ? field.low : 0;
      const double high = field.has_range ? field.high : 1;
      return pick({print_real(low), print_real(high), print_real((low + high) / 2)});
    }
    if (field.type == "list of numbers") {
      return pick({"[]", "[1, 2.5]", "[0]"});
    }
    return field.type == "list of texts" ? "[a, b]" : pick({"word", "'two words'", "'8'"});
  }

  std::mt19937 random_;
  unsigned mistakes_ = 0;
};

// What the loader says of keys, types, ranges and variants; "" for nothing.
std::string loader_complaint(const std::string& path) {
  static const std::set<std::string> kShared = {"unknown-key",    "unknown-variant", "unknown-choice",
                                                "wrong-type",     "out-of-range",    "missing-key",
                                                "preset-and-kind"};
  try {
    load_experiment(path, {}, {.purpose = Purpose::check});
  } catch (const ConfigError& error) {
    for (const Diagnostic& diagnostic : error.diagnostics().list()) {
      // A note names another key: a relation, which is the loader's alone.
      if (kShared.count(diagnostic.short_name) > 0 && diagnostic.notes.empty()) {
        return render(diagnostic);
      }
    }
  }
  return "";
}

TEST(ConfigSchema, AgreesWithTheLoaderOnGeneratedConfigs) {
  const char* set = std::getenv("MOESIM_SCHEMA_CASES");
  const int cases = set == nullptr ? 3000 : std::atoi(set);
  const TempFolder folder;
  SchemaCheck schema;
  Generator generator(42);
  int refused = 0;
  int differ = 0;
  for (int i = 0; i < cases && differ < 10; ++i) {
    const std::string text = generator.config();
    const std::string complaint = loader_complaint(folder.write("c.yaml", text));
    const bool accepted = schema.accepts(read_config(text));
    refused += complaint.empty() ? 0 : 1;
    if (accepted != complaint.empty()) {
      ADD_FAILURE() << "the schema " << (accepted ? "accepts" : "refuses") << "\n"
                    << text << "the loader says: " << complaint;
      ++differ;
    }
  }
  EXPECT_GT(refused, cases / 10);
  EXPECT_LT(refused, cases * 9 / 10);
}

}  // namespace
}  // namespace moesim
