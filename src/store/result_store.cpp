#include "store/result_store.h"

#include <fmt/format.h>

#include <filesystem>

#include "core/error.h"
#include "core/text.h"
#include "io/row_format.h"
#include "store/schema.h"

namespace moesim {
namespace {

std::string made(const std::string& folder, Database::Access access) {
  std::error_code problem;
  if (access == Database::Access::write && (std::filesystem::create_directories(folder, problem), problem)) {
    throw Error(ErrorKind::cannot_create,
                fmt::format("{}: error: the folder cannot be made: {}; expected a place that can be written "
                            "[cannot-create]",
                            display_safe(folder), problem.message()),
                "set MOESIM_RUNS_DIR to a folder of yours");
  }
  return results_path(folder);
}

void put_samples(const Database& database, std::int64_t point, const RunRecord& record) {
  const VariantResult* yardstick = record.find_variant("yardstick");
  Statement insert = database.prepare("INSERT INTO samples VALUES (?, ?, ?, ?, ?, ?, ?)");
  for (const VariantResult& variant : record.variants) {
    insert.bind(1, point).bind(2, variant.name);
    if (variant.warm_up_seconds > 0) {
      insert.bind(3, std::int64_t{-1}).bind(4, std::int64_t{0}).bind(5, variant.warm_up_seconds);
      insert.bind(6, std::int64_t{1}).bind_null(7).run();
    }
    for (std::size_t i = 0; i < variant.samples.size(); ++i) {
      const Sample& sample = variant.samples[i];
      insert.bind(3, std::int64_t{sample.cycle}).bind(4, std::int64_t{sample.place}).bind(5, sample.seconds);
      insert.bind(6, std::int64_t{0});
      if (yardstick != nullptr && i < yardstick->samples.size()) {
        insert.bind(7, yardstick->samples[i].seconds);
      } else {
        insert.bind_null(7);
      }
      insert.run();
    }
  }
}

void put_loads(const Database& database, std::int64_t point, const RunDetail& detail) {
  Statement insert = database.prepare("INSERT INTO experts VALUES (?, ?, ?, ?, ?, ?)");
  for (const ExpertLoads& loads : detail.loads) {
    for (std::size_t e = 0; e < loads.routed.size(); ++e) {
      insert.bind(1, point).bind(3, std::int64_t{loads.layer}).bind(4, static_cast<std::int64_t>(e));
      if (loads.step < 0) {
        insert.bind_null(2);
      } else {
        insert.bind(2, std::int64_t{loads.step});
      }
      insert.bind(5, static_cast<std::int64_t>(loads.routed[e]));
      insert.bind(6, static_cast<std::int64_t>(loads.processed[e])).run();
    }
  }
}

void put_pairs(const Database& database, std::int64_t point, const RunDetail& detail) {
  Statement insert = database.prepare("INSERT INTO co_activation VALUES (?, ?, ?, ?, ?)");
  for (const CoActivation& pairs : detail.co_activation) {
    for (std::size_t i = 0; i < pairs.together.size(); ++i) {
      if (pairs.together[i] > 0) {
        const auto experts = static_cast<std::int64_t>(pairs.num_experts);
        insert.bind(1, point).bind(2, std::int64_t{pairs.layer});
        insert.bind(3, static_cast<std::int64_t>(i) / experts)
            .bind(4, static_cast<std::int64_t>(i) % experts);
        insert.bind(5, static_cast<std::int64_t>(pairs.together[i])).run();
      }
    }
  }
}

void put_histograms(const Database& database, std::int64_t point, const RunDetail& detail) {
  Statement insert = database.prepare("INSERT INTO histograms VALUES (?, ?, ?, ?, ?, ?)");
  for (const Histogram& histogram : detail.histograms) {
    const double width = (histogram.high - histogram.low) / static_cast<double>(histogram.bins.size());
    for (std::size_t b = 0; b < histogram.bins.size(); ++b) {
      const double low = histogram.low + width * static_cast<double>(b);
      insert.bind(1, point).bind(2, histogram.what).bind(3, std::int64_t{histogram.layer});
      insert.bind(4, low).bind(5, low + width).bind(6, static_cast<std::int64_t>(histogram.bins[b])).run();
    }
  }
}

void put_timeline(const Database& database, std::int64_t point, const RunDetail& detail) {
  Statement insert = database.prepare("INSERT INTO timeline VALUES (?, ?, ?, ?, ?)");
  for (const BlockSpan& span : detail.timeline) {
    insert.bind(1, point).bind(2, std::int64_t{span.slot}).bind(3, std::string_view(span.stage));
    insert.bind(4, span.begin_s).bind(5, span.end_s).run();
  }
}

void put_tokens(const Database& database, std::int64_t point, const RunDetail& detail) {
  Statement insert = database.prepare("INSERT INTO tokens VALUES (?, ?, ?, ?)");
  Statement choose = database.prepare("INSERT INTO choices VALUES (?, ?, ?, ?, ?, ?)");
  const auto put_choices = [&](Index layer, std::size_t place, const std::vector<ShownAssignment>& choices) {
    for (const ShownAssignment& a : choices) {
      choose.bind(1, point).bind(2, std::int64_t{layer}).bind(3, static_cast<std::int64_t>(place));
      choose.bind(4, std::int64_t{a.expert}).bind(5, static_cast<double>(a.weight));
      choose.bind(6, std::int64_t{a.kept}).run();
    }
  };
  for (std::size_t t = 0; t < detail.tokens.size(); ++t) {
    const ShownToken& token = detail.tokens[t];
    insert.bind(1, point)
        .bind(2, static_cast<std::int64_t>(t))
        .bind(3, token.domain)
        .bind(4, token.text)
        .run();
    put_choices(0, t, token.assignments);
  }
  for (const LayerChoices& layer : detail.later_layers) {
    for (std::size_t t = 0; t < layer.of_token.size(); ++t) {
      put_choices(layer.layer, t, layer.of_token[t]);
    }
  }
}

std::int64_t only_integer(const Database& database, const char* query) {
  Statement select = database.prepare(query);
  return select.step() ? select.integer(0) : 0;
}

PointStatus status_of(const std::string& word, bool outdated, const std::string& path) {
  if (word != "done" && word != "failed") {
    throw Error(ErrorKind::bad_data,
                fmt::format("{}: error: a point has the status '{}'; expected done or failed [bad-record]",
                            display_safe(path), display_safe(word)));
  }
  if (word == "failed") {
    return PointStatus::failed;
  }
  return outdated ? PointStatus::outdated : PointStatus::done;
}

}  // namespace

std::string results_path(const std::string& folder) {
  return folder + "/results.sqlite";
}

ResultStore::ResultStore(const std::string& folder, Database::Access access)
    : path_(made(folder, access)), database_(path_, access) {
  version_ = only_integer(database_, "PRAGMA user_version");
  const bool is_new = access == Database::Access::write && version_ == 0 &&
                      only_integer(database_, "SELECT count(*) FROM sqlite_schema") == 0;
  if (is_new) {
    change_schema(kSchema);
  }
  check_schema();
  if (access == Database::Access::write && version_ == 2) {
    change_schema(kFromVersion2);
  }
}

void ResultStore::change_schema(const char* statements) {
  Transaction transaction(database_);
  database_.execute(statements);
  database_.execute(fmt::format("PRAGMA application_id = {}", kApplicationId));
  database_.execute(fmt::format("PRAGMA user_version = {}", kSchemaVersion));
  transaction.commit();
  version_ = kSchemaVersion;
}

void ResultStore::check_schema() const {
  if (only_integer(database_, "PRAGMA application_id") != kApplicationId) {
    throw Error(
        ErrorKind::bad_data,
        fmt::format("{}: error: this database was not written by moesim; expected results.sqlite of a run "
                    "[bad-record]",
                    display_safe(path_)));
  }
  if (version_ < kOldestSchemaVersion || version_ > kSchemaVersion) {
    throw Error(ErrorKind::bad_data,
                fmt::format("{}: error: its format has version {}; expected {} or {} [bad-record]",
                            display_safe(path_), version_, kOldestSchemaVersion, kSchemaVersion),
                "use the moesim that wrote it, or run again into another folder");
  }
}

void ResultStore::describe(const std::string& key, const std::string& value) {
  Transaction transaction(database_);
  database_.prepare("INSERT OR REPLACE INTO run VALUES (?, ?)").bind(1, key).bind(2, value).run();
  transaction.commit();
}

std::string ResultStore::description(const std::string& key) const {
  Statement select = database_.prepare("SELECT value FROM run WHERE key = ?");
  select.bind(1, key);
  return select.step() ? select.text(0) : "";
}

void ResultStore::put(const StoredPoint& point, const RunRecord* record) {
  Transaction transaction(database_);
  for (const char* table : kPointTables) {
    database_
        .prepare(fmt::format("DELETE FROM {} WHERE point = (SELECT number FROM points WHERE id = ?)", table))
        .bind(1, point.id)
        .run();
  }
  database_.prepare("DELETE FROM points WHERE id = ?").bind(1, point.id).run();
  database_
      .prepare(
          "INSERT INTO points (id, place, current, outdated, status, parameters, record, error, again, "
          "finished) VALUES (?, ?, 1, 0, ?, ?, ?, ?, ?, ?)")
      .bind(1, point.id)
      .bind(2, point.place)
      .bind(3, std::string_view(point.status == PointStatus::done ? "done" : "failed"))
      .bind(4, render_row(point.parameters, Format::jsonl))
      .bind(5, render_row(point.record, Format::jsonl))
      .bind(6, point.error)
      .bind(7, point.again)
      .bind(8, point.finished)
      .run();
  if (record != nullptr) {
    Statement last = database_.prepare("SELECT last_insert_rowid()");
    last.step();
    const std::int64_t number = last.integer(0);
    put_samples(database_, number, *record);
    put_loads(database_, number, record->detail);
    put_pairs(database_, number, record->detail);
    put_histograms(database_, number, record->detail);
    put_timeline(database_, number, record->detail);
    put_tokens(database_, number, record->detail);
  }
  transaction.commit();
}

void ResultStore::set_current(const std::map<std::string, std::int64_t>& place_of_id) {
  Transaction transaction(database_);
  database_.execute("UPDATE points SET current = 0");
  Statement update = database_.prepare("UPDATE points SET current = 1, place = ? WHERE id = ?");
  for (const auto& [id, place] : place_of_id) {
    update.bind(1, place).bind(2, id).run();
  }
  transaction.commit();
}

void ResultStore::set_outdated() {
  Transaction transaction(database_);
  database_.execute("UPDATE points SET outdated = 1 WHERE current = 1");
  transaction.commit();
}

std::vector<PointSummary> ResultStore::summaries() const {
  std::vector<PointSummary> summaries;
  Statement select =
      database_.prepare("SELECT id, place, status, error, outdated FROM points ORDER BY number");
  while (select.step()) {
    summaries.push_back({select.text(0), select.integer(1),
                         status_of(select.text(2), select.integer(4) != 0, path_), select.text(3)});
  }
  return summaries;
}

std::map<std::string, PointStatus> ResultStore::statuses() const {
  std::map<std::string, PointStatus> statuses;
  Statement select = database_.prepare("SELECT id, status, outdated FROM points");
  while (select.step()) {
    statuses[select.text(0)] = status_of(select.text(1), select.integer(2) != 0, path_);
  }
  return statuses;
}

void ResultStore::for_each_point(const std::function<void(const StoredPoint&)>& visit) const {
  Statement select = database_.prepare(
      "SELECT id, place, status, parameters, record, error, again, finished FROM points WHERE current = 1 "
      "ORDER BY place, "
      "number");
  while (select.step()) {
    StoredPoint point;
    point.id = select.text(0);
    point.place = select.integer(1);
    point.status = status_of(select.text(2), false, path_);
    point.parameters = parse_row(select.text(3), display_safe(path_));
    point.record = parse_row(select.text(4), display_safe(path_));
    point.error = select.text(5);
    point.again = select.text(6);
    point.finished = select.text(7);
    visit(point);
  }
}

std::vector<StoredSample> ResultStore::samples(const std::string& id) const {
  Statement select = database_.prepare(
      "SELECT variant, repetition, s.place, seconds, yardstick_seconds FROM samples s "
      "JOIN points p ON s.point = p.number WHERE p.id = ? AND warm_up = 0 ORDER BY variant, repetition");
  select.bind(1, id);
  std::vector<StoredSample> samples;
  while (select.step()) {
    samples.push_back({select.text(0), select.integer(1), select.integer(2), select.real(3), select.real(4)});
  }
  return samples;
}

void ResultStore::for_each_expert_row(const std::function<void(const FlatRow&)>& visit) const {
  Statement select = database_.prepare(
      "SELECT p.id, e.step, e.layer, e.expert, e.routed, e.processed FROM experts e "
      "JOIN points p ON e.point = p.number WHERE p.current = 1 ORDER BY p.place, e.step, e.layer, e.expert");
  while (select.step()) {
    visit({{"point", select.text(0)},
           {"step", select.is_null(1) ? FlatValue() : FlatValue(select.integer(1))},
           {"layer", select.integer(2)},
           {"expert", select.integer(3)},
           {"routed", select.integer(4)},
           {"processed", select.integer(5)}});
  }
}

}  // namespace moesim
