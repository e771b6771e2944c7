#pragma once
// What a stored point left beside its row, for pictures: table rows as they are in results.sqlite. A file may
// claim anything: whoever draws it checks ids against the point's own row.

#include <cstdint>
#include <string>
#include <vector>

namespace moesim {

struct StoredTiming {  // one timed step
  std::string variant;
  std::int64_t repetition = 0;  // −1: the warm-up
  double seconds = 0;
};
struct StoredLoad {
  std::int64_t step = -1;  // −1: all steps together
  std::int64_t layer = 0, expert = 0;
  std::int64_t routed = 0, processed = 0;
};
struct StoredPair {
  std::int64_t layer = 0, expert_a = 0, expert_b = 0;
  std::int64_t tokens = 0;
};
struct StoredBin {
  std::string what;
  std::int64_t layer = 0;
  double low = 0, high = 0;
  std::int64_t count = 0;
};
struct StoredSpan {
  std::int64_t thread = 0;
  std::string stage;
  double begin_s = 0, end_s = 0;
};
struct StoredToken {
  std::int64_t place = 0;
  std::string domain, text;
};
struct StoredChoice {  // of the token at that place; best first
  std::int64_t layer = 0, place = 0, expert = 0;
  double weight = 0;
  bool kept = false;
};

struct StoredDetail {
  std::vector<StoredTiming> timings;
  std::vector<StoredLoad> loads;
  std::vector<StoredPair> pairs;
  std::vector<StoredBin> bins;
  std::vector<StoredSpan> spans;
  std::vector<StoredToken> tokens;    // in order of place
  std::vector<StoredChoice> choices;  // in order of layer and place
  bool cut = false;                   // a table had more than kMostDetailRows; the rest was left out
};
constexpr std::size_t kMostDetailRows = 1'000'000;  // of each table

}  // namespace moesim
