#pragma once
// What a page holds, by name.

#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

#include "page/page.h"

namespace moesim::test {

inline std::vector<Chart> charts_of(const Page& page) {
  std::vector<Chart> charts;
  for (const Section& section : page.sections) {
    for (const Block& block : section.blocks) {
      if (const Chart* chart = std::get_if<Chart>(&block)) {
        charts.push_back(*chart);
      }
    }
  }
  return charts;
}

inline std::vector<std::string> chart_ids(const Page& page) {
  std::vector<std::string> ids;
  for (const Chart& chart : charts_of(page)) {
    ids.push_back(chart.id);
  }
  return ids;
}

inline Chart chart_named(const Page& page, const std::string& id) {
  for (const Chart& chart : charts_of(page)) {
    if (chart.id == id) {
      return chart;
    }
  }
  ADD_FAILURE() << "no chart " << id;
  return {};
}

inline DataTable table_named(const Page& page, const std::string& id) {
  for (const Section& section : page.sections) {
    for (const Block& block : section.blocks) {
      if (const NamedTable* table = std::get_if<NamedTable>(&block); table != nullptr && table->id == id) {
        return table->table;
      }
    }
  }
  ADD_FAILURE() << "no table " << id;
  return {};
}

}  // namespace moesim::test
