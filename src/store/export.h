#pragma once
// Flat files from a run's database: derived, never read back.

#include <string>

#include "core/flat_row.h"
#include "store/result_store.h"

namespace moesim {

// A point as a row: schema "moesim.point/1", point (its id), place, status, error, the sweep's parameters as
// p.*, then everything of the run's own row.
FlatRow export_row(const StoredPoint& point);

// Writes results.jsonl and experts.csv (or results.csv, results.md) into `folder`, atomically, row by row.
// Returns the names of what was written. CSV and Markdown read the points twice, once for their columns.
std::vector<std::string> export_jsonl(const ResultStore& store, const std::string& folder);
std::vector<std::string> export_table(const ResultStore& store, const std::string& folder, bool markdown);

// trace.json: the blocks of the one step that each point watched, as complete events of the Trace Event
// Format, microseconds; a process for each point, a thread for each worker.
std::vector<std::string> export_trace(const ResultStore& store, const std::string& folder);

}  // namespace moesim
