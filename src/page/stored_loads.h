#pragma once
// Private to this room: a point's loads and pairs as arrays, checked. What contradicts the point's own row is
// left out.

#include <cstdint>
#include <map>
#include <vector>

#include "page/page.h"
#include "store/result_store.h"

namespace moesim {

struct LayerLoads {
  std::vector<double> routed, processed;  // [E]
};

struct StoredLoads {
  std::int64_t experts = 0, layers = 0;  // 0: not known, or beyond kMostDrawn
  std::vector<LayerLoads> total;         // [L]; empty vectors where the file says nothing
  std::map<std::int64_t, LayerLoads> first_layer_by_step;
};
constexpr std::int64_t kMostDrawn = 65536;

StoredLoads read_loads(const StoredPoint& point, const StoredDetail& detail);

// The row's whole number or number, NaN where there is none.
double number(const StoredPoint& point, const std::string& name);
// The rows of the record whose names begin so.
DataTable rows_named(const FlatRow& record, const std::vector<std::string>& beginnings);
std::string word(const StoredPoint& point, const std::string& name);  // "" where there is none

}  // namespace moesim
