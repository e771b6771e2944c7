#include "models/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "config/binder.h"
#include "config/yaml.h"
#include "core/error.h"
#include "core/text.h"
#include "io/assets.h"
#include "io/files.h"

namespace moesim {
namespace {

constexpr const char* kAsset = "presets/layouts.yaml";
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 20;
constexpr std::string_view kLayer = "{layer}";
constexpr std::string_view kExpert = "{expert}";
constexpr std::string_view kBlocks = "_blocks";

struct Axes {
  std::string_view text;
  Parts parts;
  Holds holds;
  bool units_first;
};

constexpr Axes kGateAxes[] = {{"E,D", Parts::one, Holds::all, true}, {"D,E", Parts::one, Holds::all, false}};
constexpr Axes kPerExpertAxes[] = {{"E", Parts::one, Holds::all, true}};
constexpr Axes kSharedGateAxes[] = {{"1,D", Parts::one, Holds::all, true}};
constexpr Axes kMatrixAxes[] = {{"F,D", Parts::one, Holds::one, true},
                                {"D,F", Parts::one, Holds::one, false},
                                {"E,F,D", Parts::one, Holds::all, true},
                                {"E,D,F", Parts::one, Holds::all, false},
                                {"EF,D", Parts::one, Holds::stacked, true}};
// The same, but what comes first is what a name without axes means.
constexpr Axes kDownAxes[] = {kMatrixAxes[1], kMatrixAxes[0], kMatrixAxes[3], kMatrixAxes[2], kMatrixAxes[4]};
constexpr Axes kFusedAxes[] = {
    {"2F,D", Parts::halves, Holds::one, true},    {"F2,D", Parts::pairs, Holds::one, true},
    {"D,2F", Parts::halves, Holds::one, false},   {"D,F2", Parts::pairs, Holds::one, false},
    {"E,2F,D", Parts::halves, Holds::all, true},  {"E,F2,D", Parts::pairs, Holds::all, true},
    {"E,D,2F", Parts::halves, Holds::all, false}, {"E,D,F2", Parts::pairs, Holds::all, false}};
constexpr Axes kUnitBiasAxes[] = {{"F", Parts::one, Holds::one, true}, {"E,F", Parts::one, Holds::all, true}};
constexpr Axes kFusedBiasAxes[] = {{"2F", Parts::halves, Holds::one, true},
                                   {"F2", Parts::pairs, Holds::one, true},
                                   {"E,2F", Parts::halves, Holds::all, true},
                                   {"E,F2", Parts::pairs, Holds::all, true}};
constexpr Axes kDownBiasAxes[] = {{"D", Parts::one, Holds::one, true}, {"E,D", Parts::one, Holds::all, true}};

// As the texts stand in the file.
struct FfnTexts {
  std::string gate, up, gate_up, down, gate_bias, up_bias, gate_up_bias, down_bias;
};
void describe(Fields<FfnTexts>& f) {
  f.add("gate", &FfnTexts::gate).doc("the matrix whose products the activation function sees");
  f.add("up", &FfnTexts::up).doc("the matrix into the hidden units");
  f.add("gate_up", &FfnTexts::gate_up).doc("both in one, instead of gate and up");
  f.add("down", &FfnTexts::down).required().doc("the matrix out of the hidden units");
  f.add("gate_bias", &FfnTexts::gate_bias).doc("added to the products of gate");
  f.add("up_bias", &FfnTexts::up_bias).doc("added to the products of up");
  f.add("gate_up_bias", &FfnTexts::gate_up_bias).doc("both in one");
  f.add("down_bias", &FfnTexts::down_bias).doc("added to the output");
}

struct LayoutTexts {
  std::string summary, origin;
  std::vector<std::string> model_types;
  std::vector<std::string> prefixes = {"model.", "language_model.model.", "model.language_model.",
                                       "thinker.model.", ""};
  std::string layer = "layers.{layer}.";
  std::string gate, gate_bias, expert_bias, shared_gate;
  std::vector<std::string> ignored;
};
void describe(Fields<LayoutTexts>& f) {
  f.add("summary", &LayoutTexts::summary).doc("which models");
  f.add("origin", &LayoutTexts::origin).doc("where the names were read");
  f.add("model_types", &LayoutTexts::model_types)
      .doc("model_type of the config.json that may have it; none: all");
  f.add("prefixes", &LayoutTexts::prefixes).doc("what may stand before the layer");
  f.add("layer", &LayoutTexts::layer).doc("what every name begins with, behind the prefix");
  f.add("gate", &LayoutTexts::gate).required().doc("what makes the logits");
  f.add("gate_bias", &LayoutTexts::gate_bias).doc("added to the logits");
  f.add("expert_bias", &LayoutTexts::expert_bias).doc("added for selection only");
  f.add("shared_gate", &LayoutTexts::shared_gate).doc("the gate of the shared experts");
  f.add("ignored", &LayoutTexts::ignored).doc("tensors of the block that change nothing");
}
const std::vector<std::string> kSections = {"experts", "shared"};

std::string choices_of(std::span<const Axes> axes) {
  std::string text;
  for (const Axes& a : axes) {
    text += fmt::format("{}[{}]", text.empty() ? "" : ", ", a.text);
  }
  return text;
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) {
      words.push_back(text.substr(at, end - at));
    }
    at = end + 1;
  }
  return words;
}

class Reader {
 public:
  explicit Reader(Binder& binder) : binder_(binder) {}

  // What a role's text says. `axes`: those it may have; the first without {expert} or, where every axis list
  // names E, the first at all is meant by a name alone.
  TensorPattern pattern(const std::string& path, const std::string& text, std::span<const Axes> axes) {
    if (text.empty()) {
      return {};
    }
    std::vector<std::string> words = words_of(text);
    bool mxfp4 = false;
    if (words.size() > 1 && words.back() == "mxfp4") {
      mxfp4 = true;
      words.pop_back();
    }
    const Axes* found = &axes[0];
    if (words.size() == 2 && words[1].size() > 2 && words[1].front() == '[' && words[1].back() == ']') {
      const std::string_view given = std::string_view(words[1]).substr(1, words[1].size() - 2);
      const auto at = std::find_if(axes.begin(), axes.end(), [&](const Axes& a) { return a.text == given; });
      if (at == axes.end()) {
        return refuse(path, text, choices_of(axes));
      }
      found = &*at;
      words.pop_back();
    }
    if (words.size() != 1) {
      return refuse(path, text, "a tensor's name, then perhaps its axes: " + choices_of(axes));
    }
    return checked(
        path, text,
        {words[0], std::string(found->text), found->parts, found->holds, found->units_first, mxfp4});
  }

  FfnPatterns ffn(const Node& root, const std::string& section) {
    const Node* node = root.child(section);
    FfnPatterns ffn;
    if (node == nullptr) {
      return ffn;
    }
    FfnTexts texts;
    bind_section(binder_, node, section, texts);
    const auto read = [&](const char* key, const std::string& text, std::span<const Axes> axes) {
      return pattern(section + "." + key, text, axes);
    };
    ffn.gate = read("gate", texts.gate, kMatrixAxes);
    ffn.up = read("up", texts.up, kMatrixAxes);
    ffn.gate_up = read("gate_up", texts.gate_up, kFusedAxes);
    ffn.down = read("down", texts.down, kDownAxes);
    ffn.gate_bias = read("gate_bias", texts.gate_bias, kUnitBiasAxes);
    ffn.up_bias = read("up_bias", texts.up_bias, kUnitBiasAxes);
    ffn.gate_up_bias = read("gate_up_bias", texts.gate_up_bias, kFusedBiasAxes);
    ffn.down_bias = read("down_bias", texts.down_bias, kDownBiasAxes);
    check_together(section, texts);
    return ffn;
  }

 private:
  TensorPattern refuse(const std::string& path, const std::string& text, const std::string& expected) {
    binder_.error(path, "got '" + shorten(text) + "'", expected, "bad-layout");
    return {};
  }

  TensorPattern checked(const std::string& path, const std::string& text, TensorPattern pattern) {
    const bool names_expert = pattern.name.find(kExpert) != std::string::npos;
    const bool per_expert = path.rfind("experts.", 0) == 0 && pattern.holds == Holds::one;
    if (names_expert != per_expert) {
      return refuse(path, text,
                    per_expert ? "a name with {expert}, or axes with E" : "a name without {expert}");
    }
    if (path.rfind("shared.", 0) == 0 && pattern.holds != Holds::one) {
      return refuse(path, text, "axes without E: shared experts are one");
    }
    const bool blocks =
        pattern.name.size() > kBlocks.size() &&
        pattern.name.compare(pattern.name.size() - kBlocks.size(), kBlocks.size(), kBlocks) == 0;
    if (pattern.mxfp4 && (!blocks || pattern.holds == Holds::stacked)) {
      return refuse(path, text, "a name that ends in _blocks");
    }
    return pattern;
  }

  void check_together(const std::string& section, const FfnTexts& ffn) {
    if (ffn.gate_up.empty() == ffn.up.empty() || (!ffn.gate_up.empty() && !ffn.gate.empty())) {
      binder_.error(section, "names neither or both of up and gate_up",
                    "gate and up, gate_up alone, or up alone", "bad-layout");
    }
    if (!ffn.gate_up_bias.empty() && !(ffn.gate_bias.empty() && ffn.up_bias.empty())) {
      binder_.error(section, "names gate_up_bias beside gate_bias or up_bias", "one or the others",
                    "bad-layout");
    }
  }

  Binder& binder_;
};

TensorLayout layout_of(Binder& binder, const Node& root, const std::string& name) {
  LayoutTexts texts;
  bind_places(binder, root, "");
  bind_section(binder, &root, "", texts, kSections);
  Reader reader(binder);
  TensorLayout layout;
  layout.name = name;
  layout.summary = texts.summary;
  layout.origin = texts.origin;
  layout.model_types = texts.model_types;
  layout.prefixes = texts.prefixes;
  layout.layer = texts.layer;
  layout.ignored = texts.ignored;
  if (texts.layer.find(kLayer) == std::string::npos) {
    binder.error("layer", "got '" + shorten(texts.layer) + "'", "a text with {layer}", "bad-layout");
  }
  if (texts.prefixes.empty()) {
    binder.error("prefixes", "got an empty list", "at least one, which may be empty", "bad-layout");
  }
  layout.gate = reader.pattern("gate", texts.gate, kGateAxes);
  layout.gate_bias = reader.pattern("gate_bias", texts.gate_bias, kPerExpertAxes);
  layout.expert_bias = reader.pattern("expert_bias", texts.expert_bias, kPerExpertAxes);
  layout.shared_gate = reader.pattern("shared_gate", texts.shared_gate, kSharedGateAxes);
  layout.experts = reader.ffn(root, "experts");
  layout.shared = reader.ffn(root, "shared");
  if (root.child("experts") == nullptr) {
    binder.error("experts", "missing", "the experts' tensors", "missing-key");
  }
  return layout;
}

std::vector<TensorLayout> read_layouts() {
  const Asset* asset = find_asset(kAsset);
  MOESIM_CHECK(asset != nullptr, std::string("the binary lacks ") + kAsset);
  Diagnostics diagnostics;
  const Node root = parse_yaml(asset->bytes, kAsset, diagnostics);
  MOESIM_CHECK(diagnostics.empty(), diagnostics.render_all());
  std::vector<TensorLayout> layouts;
  for (const Node::Entry& entry : root.entries) {
    Binder binder;
    layouts.push_back(layout_of(binder, entry.value, entry.key));
    MOESIM_CHECK(binder.diagnostics.empty(), binder.diagnostics.render_all());
  }
  return layouts;
}

void replace(std::string& text, std::string_view what, const std::string& by) {
  const std::size_t at = text.find(what);
  if (at != std::string::npos) {
    text.replace(at, what.size(), by);
  }
}

}  // namespace

std::vector<const TensorPattern*> FfnPatterns::all() const {
  std::vector<const TensorPattern*> list;
  for (const TensorPattern* pattern :
       {&gate, &up, &gate_up, &down, &gate_bias, &up_bias, &gate_up_bias, &down_bias}) {
    if (!pattern->none()) {
      list.push_back(pattern);
    }
  }
  return list;
}

const std::vector<TensorLayout>& tensor_layouts() {
  static const std::vector<TensorLayout> list = read_layouts();
  return list;
}

TensorLayout parse_layout(std::string_view text, const std::string& source) {
  Binder binder;
  const Node root = parse_yaml(text, source, binder.diagnostics);
  TensorLayout layout;
  if (binder.diagnostics.empty()) {
    layout = layout_of(binder, root, source);
  }
  if (!binder.diagnostics.empty()) {
    throw ConfigError(binder.diagnostics);
  }
  return layout;
}

TensorLayout read_layout(const std::string& path) {
  return parse_layout(read_file(path, kMostBytes), display_safe(path));
}

std::string tensor_name(const TensorLayout& layout, const std::string& prefix, Index layer,
                        const TensorPattern& pattern, Index expert) {
  std::string name = prefix + layout.layer + pattern.name;
  replace(name, kLayer, std::to_string(layer));
  replace(name, kExpert, std::to_string(expert));
  return name;
}

}  // namespace moesim
