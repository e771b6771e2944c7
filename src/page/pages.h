#pragma once
// Results as pages: stored ones, and those of the commands that store nothing. Numbers are those of the
// record; what a record lacks, as older ones may, leaves its chart out.

#include <string>
#include <vector>

#include "engine/balance_loop.h"
#include "engine/compare.h"
#include "engine/route_diff.h"
#include "models/model_catalogue.h"
#include "page/page.h"
#include "store/result_store.h"

namespace moesim {

// A folder with one point is a run, with more a sweep. Throws Error(missing_input, bad_data).
Page folder_page(const std::string& folder);

Page run_page(const std::string& title, const StoredPoint& point, const StoredDetail& detail);
Page sweep_page(const std::string& title, const std::vector<StoredPoint>& points);
// B (and C, …) against A. Of stored runs the titles are their folders, which are read for what is drawn
// beside the verdict. `again`: the command that repeats it.
Page compare_page(const std::vector<CompareResult>& results, const std::string& again);
Page balance_page(const BalanceRecord& record);
// `again`: the command that repeats it.
Page route_diff_page(const RouteDiff& diff, const RouteDiffDetail& detail, const RoutedSide& a,
                     const RoutedSide& b, const std::string& again);

// Models that are not counted in full are left out of its charts. `again`: the command that repeats it.
Page models_page(const std::vector<CatalogueModel>& models, const std::string& again);

// A section without blocks is left out.
void add_section(Page& page, Section section);
// A chart without views has nothing to show and is left out.
void add_chart(Section& section, Chart chart);

// Nothing where there are none.
void add_words(Section& section, std::string words);

// What a page is titled: the folder's last part.
std::string folder_title(const std::string& folder);

}  // namespace moesim
