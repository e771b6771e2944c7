#include "bench/peers/report.h"

#include <fmt/format.h>

#include <cmath>

#include "core/build_info.h"
#include "core/machine.h"
#include "store/run_folder.h"

namespace moesim::bench {
namespace {

using Json = nlohmann::ordered_json;

std::string number(double value) {
  return value >= 1000 ? fmt::format("{:.0f}", value) : fmt::format("{:.3g}", value);
}

std::string interval(const Interval& i) {
  return fmt::format("{:.2f} [{:.2f} .. {:.2f}]", i.median, i.low, i.high);
}

Json interval_json(const Interval& i) {
  return {{"median", i.median}, {"low", i.low}, {"high", i.high}};
}

// JSON has no infinity.
Json finite(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json row_json(const PeerResult& row) {
  Json json = {{"shape", row.shape},   {"routing", row.routing}, {"experts", row.experts},
               {"top_k", row.top_k},   {"d_model", row.d_model}, {"d_ff", row.d_ff},
               {"tokens", row.tokens}, {"peer", row.peer},       {"version", row.version}};
  if (!row.skipped.empty()) {
    json["skipped"] = row.skipped;
    return json;
  }
  json["error"] = finite(row.error);
  json["error_to_moesim"] = finite(row.error_to_first);
  json["differs"] = row.differs;
  if (row.differs) {
    return json;
  }
  json["rounds"] = row.rounds;
  json["tokens_per_s"] = interval_json(row.tokens_per_s);
  json["gflops"] = interval_json(row.gflops);
  json["share_of_limit"] = interval_json(row.share_of_limit);
  json["limit"] = row.arithmetic_binds ? "arithmetic" : "reading";
  json["moesim_over_it"] = interval_json(row.first_over_it);
  json["peak_gflops"] = row.peak_gflops;
  json["read_gb_per_s"] = row.read_gb_s;
  return json;
}

}  // namespace

std::string machine_line(int threads) {
  const BuildInfo build = build_info();
  return fmt::format("moesim {} ({}), {}, {} threads, {}", build.version, build.revision,
                     read_machine().processor, threads, utc_now());
}

std::string table_head(const PeerResult& row) {
  return fmt::format(
      "\n{}, {}: E={} k={} D={} F={}\n\n"
      "| T | engine | tokens/s | GFLOP/s | of the limit | which limit | moesim over it | error |\n"
      "|---|---|---|---|---|---|---|---|\n",
      row.shape, row.routing, row.experts, row.top_k, row.d_model, row.d_ff);
}

std::string table_row(const PeerResult& row) {
  if (!row.skipped.empty()) {
    return fmt::format("| {} | {} | skipped: {} | | | | | |\n", row.tokens, row.peer, row.skipped);
  }
  if (row.differs) {
    return fmt::format("| {} | {} | wrong result, not timed | | | | | {:.1e} |\n", row.tokens, row.peer,
                       std::max(row.error, row.error_to_first));
  }
  const std::string limit = row.arithmetic_binds ? fmt::format("{:.0f} GFLOP/s", row.peak_gflops)
                                                 : fmt::format("{:.1f} GB/s", row.read_gb_s);
  return fmt::format("| {} | {} | {} | {} | {} | {} | {} | {:.1e} |\n", row.tokens, row.peer,
                     number(row.tokens_per_s.median), number(row.gflops.median), interval(row.share_of_limit),
                     limit, interval(row.first_over_it), row.error);
}

Json to_json(const std::vector<PeerResult>& rows, const ContestOptions& options) {
  const BuildInfo build = build_info();
  const MachineInfo machine = read_machine();
  Json json = {{"program", "moesim_peers"},
               {"version", build.version},
               {"revision", build.revision},
               {"compiler", build.compiler},
               {"build", build.build_type},
               {"processor", machine.processor},
               {"usable_cores", machine.usable_cores},
               {"last_level_cache_bytes", machine.last_level_cache_bytes},
               {"threads", options.settings.context.threads()},
               {"date", utc_now()},
               {"tolerance_to_float64", kToleranceToDouble},
               {"tolerance_to_moesim", kToleranceToFirst},
               {"rows", Json::array()}};
  for (const PeerResult& row : rows) {
    json["rows"].push_back(row_json(row));
  }
  return json;
}

}  // namespace moesim::bench
