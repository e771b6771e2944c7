#pragma once
// The screen a person reads after a run. Rendered from the record alone.

#include <string>

#include "engine/run.h"
#include "metrics/run_record.h"

namespace moesim {

struct ScreenStyle {
  bool colour = false;             // ANSI; never the only carrier of a meaning
  bool unicode = true;             // bars of block characters; else #
  std::string program = "moesim";  // as the user types it, in what to type next
};

std::string render_screen(const RunRecord& record, const ScreenStyle& style);

// What a run would do: plan, memory, time of each variant.
std::string render_forecast(const RunForecast& forecast, const Experiment& experiment);

// "one layer" or "N layers": behind every tokens/s.
std::string layers_word(Index layers);

}  // namespace moesim
