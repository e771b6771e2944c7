#include <fmt/format.h>

#include <filesystem>

#include "core/error.h"
#include "core/text.h"
#include "page/pages.h"

namespace moesim {

void add_chart(Section& section, Chart chart) {
  if (!chart.views.empty()) {
    section.blocks.emplace_back(std::move(chart));
  }
}

void add_section(Page& page, Section section) {
  if (!section.blocks.empty()) {
    page.sections.push_back(std::move(section));
  }
}

void add_words(Section& section, std::string words) {
  if (!words.empty()) {
    section.blocks.emplace_back(Paragraph{std::move(words)});
  }
}

std::string folder_title(const std::string& folder) {
  std::filesystem::path path(folder);
  if (!path.has_filename()) {
    path = path.parent_path();
  }
  return path.filename().string();
}

Page folder_page(const std::string& folder) {
  const ResultStore store(folder, Database::Access::read);
  std::vector<StoredPoint> points;
  store.for_each_point([&](const StoredPoint& point) { points.push_back(point); });
  if (points.empty()) {
    throw Error(ErrorKind::bad_data,
                fmt::format("{}: error: no point was finished; expected results to draw [bad-record]",
                            display_safe(folder)),
                "run the sweep, then make the report again");
  }
  const bool is_run = points.size() == 1 && points.front().parameters.empty();
  return is_run ? run_page(folder_title(folder), points.front(), store.detail(points.front().id))
                : sweep_page(folder_title(folder), points);
}

}  // namespace moesim
