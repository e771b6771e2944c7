#pragma once
// A run as one flat row with dotted names: p.* what was asked, m.* what was found, measure.*, timing.*,
// build.*, machine.*. Names are documented in docs/formats.md and only ever added to.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/run.h"
#include "metrics/run_record.h"

namespace moesim {

// std::monostate: not known (JSON null, an empty CSV cell).
using FlatValue = std::variant<std::monostate, bool, std::int64_t, double, std::string>;

struct FlatEntry {
  std::string name;
  FlatValue value;
};
using FlatRow = std::vector<FlatEntry>;

FlatRow flatten(const RunRecord& record);
FlatRow flatten(const RunForecast& forecast, const Experiment& experiment);  // f.*: what --dry-run tells

std::string_view verdict_word(Verdict verdict);

enum class Format { table, markdown, csv, json, jsonl };

// table is not among them: report/screen.h. Doubles are printed with the fewest digits that read back the
// same; not-a-number and infinity become null.
std::string render_row(const FlatRow& row, Format format);

}  // namespace moesim
