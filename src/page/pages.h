#pragma once
// Stored results as pages. Numbers are those of the record; what a record lacks, as older ones may, leaves
// its chart out.

#include <string>
#include <vector>

#include "engine/compare.h"
#include "page/page.h"
#include "store/result_store.h"

namespace moesim {

// A folder with one point is a run, with more a sweep. Throws Error(missing_input, bad_data).
Page folder_page(const std::string& folder);

Page run_page(const std::string& title, const StoredPoint& point, const StoredDetail& detail);
Page sweep_page(const std::string& title, const std::vector<StoredPoint>& points);
// B against A, from their folders.
Page compare_page(const std::vector<CompareResult>& results, const std::string& folder_a,
                  const std::string& folder_b);

// A chart without views has nothing to show and is left out.
void add_chart(Section& section, Chart chart);

// What a page is titled: the folder's last part.
std::string folder_title(const std::string& folder);

}  // namespace moesim
