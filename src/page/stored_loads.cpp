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
  const auto layers = static_cast<std::size_t>(loads.layers);
  loads.total.resize(layers);
  for (const StoredLoad& load : detail.loads) {
    if (load.layer < 0 || load.layer >= loads.layers || load.expert < 0 || load.expert >= loads.experts ||
        load.routed < 0 || load.processed < 0) {
      continue;
    }
    std::vector<LayerLoads>& of = load.step < 0 ? loads.total : loads.by_step[load.step];
    of.resize(layers);
    LayerLoads& layer = of[static_cast<std::size_t>(load.layer)];
    layer.routed.resize(static_cast<std::size_t>(loads.experts));
    layer.processed.resize(static_cast<std::size_t>(loads.experts));
    layer.routed[static_cast<std::size_t>(load.expert)] = static_cast<double>(load.routed);
    layer.processed[static_cast<std::size_t>(load.expert)] = static_cast<double>(load.processed);
  }
  return loads;
}

}  // namespace moesim
