#pragma once
// Peers on the same work: checked against double precision, then timed in turns.

#include <functional>
#include <string>
#include <vector>

#include "bench/peers/peer.h"
#include "bench/support.h"
#include "metrics/interval.h"

namespace moesim::bench {

// One row of the table: what one peer did with so many tokens.
struct PeerResult {
  std::string shape;
  std::string routing;  // uniform, zipf, dense
  Index experts = 0, top_k = 0, d_model = 0, d_ff = 0, tokens = 0;
  std::string peer, version;
  std::string skipped;        // why it was not run; empty: it was
  double error = 0;           // largest ‖y−ref‖/‖ref‖ of a sampled token, against float64
  double error_to_first = 0;  // of all tokens, against the first peer
  bool differs = false;       // one of them is above its tolerance: not timed
  Interval tokens_per_s, gflops;
  Interval share_of_limit;  // of the longer of FLOPs over FMA peak and weight bytes over read speed
  bool arithmetic_binds = false;
  Interval first_over_it;  // the first peer's speed over this one's
  int rounds = 0;
  double peak_gflops = 0, read_gb_s = 0;  // medians, of this cell
};

// Relative distances that are still rounding.
inline constexpr double kToleranceToDouble = 1e-5;
inline constexpr double kToleranceToFirst = 2e-5;

struct ContestOptions {
  std::vector<std::string> peers;     // the first is the one that the others are compared with
  std::vector<std::string> routings;  // uniform, zipf, or dense: one expert of k·F that takes all tokens
  int rounds = 5;
  PeerSettings settings;
  std::function<void(const std::string&)> progress;
  std::function<void(const PeerResult&)> done;  // called for each row as it comes
};

// All peers together where their weights fit the memory, else the first and one other at a time, else not.
void run_contest(const Shape& shape, const ContestOptions& options);

}  // namespace moesim::bench
