#pragma once
// A run as one flat row with dotted names: p.* what was asked, m.* what was found, measure.*, timing.*,
// build.*, machine.*. Names are documented in docs/formats.md and only ever added to.

#include <string>
#include <string_view>
#include <vector>

#include "core/flat_row.h"
#include "metrics/run_record.h"

namespace moesim {

FlatRow flatten(const RunRecord& record);

// A value typed as YAML reads it: numbers and booleans are what they say, everything else is text.
FlatValue typed_value(const std::string& text);

// p.*: every resolved setting but the name, numbers and booleans typed as YAML reads them.
FlatRow flatten_settings(const std::vector<ResolvedValue>& resolved);

std::string_view verdict_word(Verdict verdict);

}  // namespace moesim
