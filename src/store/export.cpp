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

// A JSON object in a line, without its end.
std::string object(const FlatRow& row) {
  std::string text = render_row(row, Format::jsonl);
  text.pop_back();
  return text;
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

std::vector<std::string> export_trace(const ResultStore& store, const std::string& folder) {
  constexpr double kMicroseconds = 1e6;
  const std::string path = folder + "/trace.json";
  OutputFile file(path);
  std::string before = "[\n";
  store.for_each_point([&](const StoredPoint& point) {
    const std::string name = object({{"name", "point " + point.id}});
    file.write(before + R"({"name":"process_name","ph":"M","pid":)" + std::to_string(point.place) +
               ",\"args\":" + name + "}");
    before = ",\n";
    for (const StoredSpan& span : store.detail(point.id).spans) {
      file.write(before + object({{"name", span.stage},
                                  {"ph", std::string("X")},
                                  {"ts", span.begin_s * kMicroseconds},
                                  {"dur", (span.end_s - span.begin_s) * kMicroseconds},
                                  {"pid", point.place},
                                  {"tid", span.thread}}));
    }
  });
  file.write(before == "[\n" ? "[]\n" : "\n]\n");
  file.close();
  return {path};
}

}  // namespace moesim
