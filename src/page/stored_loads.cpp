#include "page/stored_loads.h"

#include <cmath>

#include "report/sweep_analysis.h"

namespace moesim {
namespace {

std::int64_t count_of(const StoredPoint& point, const std::string& name) {
  const double value = number(point, name);
  return value >= 1 && value <= static_cast<double>(kMostDrawn) ? static_cast<std::int64_t>(value) : 0;
}

}  // namespace

double number(const StoredPoint& point, const std::string& name) {
  return number_in(point.record, name);
}

std::string word(const StoredPoint& point, const std::string& name) {
  const FlatValue* value = find_value(point.record, name);
  const auto* text = value == nullptr ? nullptr : std::get_if<std::string>(value);
  return text == nullptr ? "" : *text;
}

DataTable rows_named(const FlatRow& record, const std::vector<std::string>& beginnings) {
  DataTable table{{"name", "value"}, {}};
  for (const FlatEntry& entry : record) {
    for (const std::string& beginning : beginnings) {
      if (entry.name.rfind(beginning, 0) == 0) {
        table.rows.push_back({entry.name, entry.value});
        break;
      }
    }
  }
  return table;
}

StoredLoads read_loads(const StoredPoint& point, const StoredDetail& detail) {
  StoredLoads loads;
  loads.experts = count_of(point, "p.layer.num_experts");
  loads.layers = count_of(point, "p.layer.num_layers");
  const auto experts = static_cast<std::size_t>(loads.experts);
  loads.total.resize(static_cast<std::size_t>(loads.layers));
  // A layer has a row for each of its experts, so arrays may be as large as there are rows, and one more.
  std::size_t room = detail.loads.size() + experts;
  for (const StoredLoad& load : detail.loads) {
    if (load.layer < 0 || load.layer >= loads.layers || load.expert < 0 || load.expert >= loads.experts ||
        load.routed < 0 || load.processed < 0 || (load.step >= 0 && load.layer > 0)) {
      continue;
    }
    LayerLoads& layer = load.step < 0 ? loads.total[static_cast<std::size_t>(load.layer)]
                                      : loads.first_layer_by_step[load.step];
    if (layer.routed.empty()) {
      if (room < experts) {
        continue;
      }
      room -= experts;
      layer.routed.resize(experts);
      layer.processed.resize(experts);
    }
    layer.routed[static_cast<std::size_t>(load.expert)] = static_cast<double>(load.routed);
    layer.processed[static_cast<std::size_t>(load.expert)] = static_cast<double>(load.processed);
  }
  return loads;
}

}  // namespace moesim
