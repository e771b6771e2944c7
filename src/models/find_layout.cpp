#include "models/find_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "core/error.h"
#include "core/text.h"

namespace moesim {
namespace {

constexpr std::size_t kNamesShown = 20;

struct Candidate {
  const TensorLayout* layout = nullptr;
  std::string prefix;
  Index layer = 0;  // the first whose block is there by name
};

std::optional<Candidate> match(const TensorLayout& layout, const TensorFolder& folder,
                               const ModelShape& shape) {
  for (const std::string& prefix : layout.prefixes) {
    const BlockPlace place{.folder = folder, .layout = layout, .prefix = prefix, .shape = shape, .where = ""};
    for (Index l = 0; l < shape.num_layers(); ++l) {
      if (has_block(place, l)) {
        return Candidate{&layout, prefix, l};
      }
    }
  }
  return std::nullopt;
}

bool may_be(const TensorLayout& layout, const std::string& model_type) {
  return layout.model_types.empty() || std::find(layout.model_types.begin(), layout.model_types.end(),
                                                 model_type) != layout.model_types.end();
}

bool fits(const Candidate& candidate, const TensorFolder& folder, const ModelShape& shape,
          ScaleBlock scale_block) {
  try {
    find_block({folder, *candidate.layout, candidate.prefix, shape, "", scale_block}, candidate.layer);
    return true;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::bad_data) {
      throw;
    }
    return false;
  }
}

std::string folded(const std::string& name) {
  std::string text;
  bool in_number = false;
  for (const char c : name) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit) {
      text += c;
    } else if (!in_number) {
      text += 'N';
    }
    in_number = digit;
  }
  return text;
}

bool looks_like_experts(const std::string& name) {
  return name.find("expert") != std::string::npos || name.find("moe") != std::string::npos ||
         name.find("router") != std::string::npos || name.find("gate.") != std::string::npos;
}

[[noreturn]] void throw_unknown(const TensorFolder& folder, const std::string& where,
                                const std::string& expected) {
  throw Error(
      ErrorKind::bad_data,
      fmt::format("{}: error: no gate and experts are found among the names of its tensors; expected {} "
                  "[unknown-layout]",
                  where, expected),
      fmt::format(
          "the names, digits as N: {}; --layout FILE.yaml says which tensor is what (docs/formats.md)",
          folded_names(folder.tensors(), kNamesShown)));
}

}  // namespace

std::string folded_names(const std::vector<TensorInfo>& tensors, std::size_t most) {
  std::set<std::string> experts;
  std::set<std::string> others;
  for (const TensorInfo& tensor : tensors) {
    std::string name = folded(tensor.name);
    (looks_like_experts(name) ? experts : others).insert(std::move(name));
  }
  std::vector<std::string> names(experts.begin(), experts.end());
  names.insert(names.end(), others.begin(), others.end());
  if (names.empty()) {
    return "none";
  }
  std::string text;
  for (std::size_t i = 0; i < std::min(most, names.size()); ++i) {
    text += (i == 0 ? "" : ", ") + display_safe(names[i]);
  }
  return names.size() <= most ? text : fmt::format("{} and {} more", text, names.size() - most);
}

LayoutFound find_layout(const TensorFolder& folder, const ModelShape& shape, const std::string& where,
                        ScaleBlock scale_block) {
  std::vector<Candidate> candidates;
  for (const bool of_type : {true, false}) {
    for (const TensorLayout& layout : tensor_layouts()) {
      if (layout.model_types.empty() != of_type && may_be(layout, shape.model_type)) {
        if (const std::optional<Candidate> found = match(layout, folder, shape)) {
          candidates.push_back(*found);
        }
      }
    }
  }
  if (candidates.empty()) {
    throw_unknown(folder, where,
                  fmt::format("a layout of docs/formats.md that model_type {} may have",
                              display_safe(shape.model_type)));
  }
  auto best = candidates.begin();
  if (candidates.size() > 1) {
    best = std::find_if(candidates.begin(), candidates.end(),
                        [&](const Candidate& c) { return fits(c, folder, shape, scale_block); });
    best = best == candidates.end() ? candidates.begin() : best;
  }
  return {*best->layout, best->prefix};
}

LayoutFound place_layout(const TensorLayout& layout, const TensorFolder& folder, const ModelShape& shape,
                         const std::string& where) {
  const std::optional<Candidate> found = match(layout, folder, shape);
  if (!found) {
    throw_unknown(folder, where,
                  fmt::format("'{}' behind one of its prefixes",
                              display_safe(tensor_name(layout, "", 0, layout.gate))));
  }
  return {layout, found->prefix};
}

}  // namespace moesim
