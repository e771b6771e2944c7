#include "trace/loads_of.h"

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

// Letters in lower case, digits, - . and _; everything else becomes -.
std::string name_part(const std::string& text) {
  std::string part = text.empty() ? "all" : text;
  for (char& c : part) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
    c = upper ? static_cast<char>(c - 'A' + 'a') : plain ? c : '-';
  }
  return part;
}

}  // namespace

std::vector<MeasuredLoads> loads_of(const TraceSummary& summary, const std::string& source) {
  std::vector<MeasuredLoads> list;
  for (const LayerSummary& layer : summary.layers) {
    if (layer.load.assignments == 0) {
      continue;
    }
    const RecordingGroup& group = summary.info.groups[static_cast<std::size_t>(layer.group)];
    MeasuredLoads loads;
    loads.name = name_part(group.model) + "/" + name_part(group.domain) + "/" + std::to_string(layer.layer);
    loads.source = source.empty() ? summary.info.source : source;
    loads.top_k = group.top_k > 0 ? group.top_k : std::max<Index>(1, std::llround(layer.load.mean_k()));
    loads.tokens = static_cast<std::int64_t>(layer.load.tokens);
    if (layer.repetition && layer.repetition->neighbours > 0 && layer.generator &&
        layer.generator->tokens > 0) {
      loads.persistence = layer.generator->persistence;
    }
    loads.log_normal_sigma = layer.marginal.sigma;
    loads.zipf_exponent = layer.marginal.exponent;
    loads.shares = shares(layer.load.count);
    list.push_back(std::move(loads));
  }
  return list;
}

}  // namespace moesim
