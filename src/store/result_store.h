#pragma once
// The results of a run or a sweep: results.sqlite in its folder, one transaction for each finished point.
// This database is the truth; everything else is derived from it.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/flat_row.h"
#include "metrics/run_record.h"
#include "store/database.h"
#include "store/stored_detail.h"

namespace moesim {

enum class PointStatus { done, failed, outdated };  // outdated: done, but to be run again

struct StoredPoint {
  std::string id;                          // see point_id()
  std::int64_t place = 0;                  // in the sweep, from 0
  PointStatus status = PointStatus::done;  // never outdated
  FlatRow parameters;                      // the axes and their values here
  FlatRow record;                          // flatten(RunRecord); empty when failed
  std::string error;                       // why it failed
  std::string again;                       // the command that repeats it
  std::string finished;                    // UTC, ISO 8601
};

// One timed step of one variant.
struct StoredSample {
  std::string variant;
  std::int64_t repetition = 0;
  std::int64_t place = 0;
  double seconds = 0;
  double yardstick_seconds = 0;  // of the same repetition; 0: none
};

struct PointSummary {
  std::string id;
  std::int64_t place = 0;
  PointStatus status = PointStatus::done;
  std::string error;
};

class ResultStore {
 public:
  // Write creates `folder` and an empty database. Throws Error(missing_input, cannot_create, bad_data, busy).
  ResultStore(const std::string& folder, Database::Access access);

  // Facts about the run as a whole: "command", "config", "resolved", "environment", …
  void describe(const std::string& key, const std::string& value);
  std::string description(const std::string& key) const;  // "" when not known

  // Replaces a point of the same id. `record` fills the other tables; nullptr for failed points.
  void put(const StoredPoint& point, const RunRecord* record);

  // The points that belong to the sweep as it is now, and their places in it. The others stay, for the day
  // the sweep becomes again what it was, but are neither exported nor compared.
  void set_current(const std::map<std::string, std::int64_t>& place_of_id);

  // The current points are to be run again; until then their results stay.
  void set_outdated();

  std::map<std::string, PointStatus> statuses() const;  // of all, by id
  std::vector<PointSummary> summaries() const;          // of all
  // The current ones in order of place; one at a time, so that memory does not grow with their number.
  void for_each_point(const std::function<void(const StoredPoint&)>& visit) const;
  std::vector<StoredSample> samples(const std::string& id) const;
  StoredDetail detail(const std::string& id) const;  // empty for an unknown point
  // Columns point, step, layer, expert, routed, processed; one at a time.
  void for_each_expert_row(const std::function<void(const FlatRow&)>& visit) const;

 private:
  void change_schema(const char* statements);
  void check_schema() const;

  std::string path_;
  Database database_;
  std::int64_t version_ = 0;  // of the file's schema
};

// The name of the database in a run's folder.
std::string results_path(const std::string& folder);

}  // namespace moesim
