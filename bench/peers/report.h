#pragma once
// The rows of a contest as a Markdown table and as JSON.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/peers/contest.h"

namespace moesim::bench {

// What machine and build the rows are from, as one line.
std::string machine_line(int threads);
// The head of the table of a shape with one routing.
std::string table_head(const PeerResult& row);
std::string table_row(const PeerResult& row);

// {machine, build, date, threads, rounds, rows: [...]}
nlohmann::ordered_json to_json(const std::vector<PeerResult>& rows, const ContestOptions& options);

}  // namespace moesim::bench
