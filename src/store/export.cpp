#include "store/export.h"

#include <map>

#include "io/files.h"
#include "io/row_format.h"

namespace moesim {
namespace {

void write_experts(const ResultStore& store, const std::string& path) {
  OutputFile file(path);
  file.write("point,step,layer,expert,routed,processed\n");
  store.for_each_expert_row([&](const FlatRow& row) { file.write(table_line(row, Format::csv)); });
  file.close();
}

}  // namespace

FlatRow export_row(const StoredPoint& point) {
  FlatRow row = {{"schema", std::string("moesim.point/1")},
                 {"point", point.id},
                 {"place", point.place},
                 {"status", std::string(point.status == PointStatus::done ? "done" : "failed")},
                 {"error", point.error.empty() ? FlatValue() : FlatValue(point.error)},
                 {"finished", point.finished}};
  for (const FlatEntry& entry : point.parameters) {
    if (find_value(point.record, "p." + entry.name) == nullptr) {
      row.push_back({"p." + entry.name, entry.value});
    }
  }
  for (const FlatEntry& entry : point.record) {
    if (entry.name != "schema") {
      row.push_back(entry);
    }
  }
  return row;
}

std::vector<std::string> export_jsonl(const ResultStore& store, const std::string& folder) {
  OutputFile file(folder + "/results.jsonl");
  store.for_each_point(
      [&](const StoredPoint& point) { file.write(render_row(export_row(point), Format::jsonl)); });
  file.close();
  write_experts(store, folder + "/experts.csv");
  return {folder + "/results.jsonl", folder + "/experts.csv"};
}

std::vector<std::string> export_table(const ResultStore& store, const std::string& folder, bool markdown) {
  FlatRow columns;  // every name once, in order of its first appearance
  std::map<std::string, std::size_t> place;
  store.for_each_point([&](const StoredPoint& point) {
    for (const FlatEntry& entry : export_row(point)) {
      if (place.emplace(entry.name, columns.size()).second) {
        columns.push_back({entry.name, {}});
      }
    }
  });
  const Format format = markdown ? Format::markdown : Format::csv;
  const std::string path = folder + (markdown ? "/results.md" : "/results.csv");
  OutputFile file(path);
  FlatRow names = columns;
  for (FlatEntry& entry : names) {
    entry.value = entry.name;
  }
  file.write(table_line(names, format));
  if (markdown) {
    for (FlatEntry& entry : names) {
      entry.value = std::string("---");
    }
    file.write(table_line(names, format));
  }
  store.for_each_point([&](const StoredPoint& point) {
    FlatRow row = columns;
    for (FlatEntry& entry : export_row(point)) {
      if (const auto known = place.find(entry.name);
          known != place.end()) {  // else it came between the two passes
        row[known->second].value = std::move(entry.value);
      }
    }
    file.write(table_line(row, format));
  });
  file.close();
  if (markdown) {
    return {path};
  }
  write_experts(store, folder + "/experts.csv");
  return {path, folder + "/experts.csv"};
}

}  // namespace moesim
