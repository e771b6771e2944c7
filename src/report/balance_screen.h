#pragma once
// A closed loop as a person reads it, and as rows.

#include <string>
#include <vector>

#include "core/flat_row.h"
#include "engine/balance_loop.h"
#include "report/screen.h"

namespace moesim {

std::string render_balance(const BalanceRecord& record, const ScreenStyle& style);

// schema "moesim.balance/1": one row for each controller, the router alone first.
std::vector<FlatRow> balance_rows(const BalanceRecord& record);

// schema "moesim.balance_step/1": one row for each controller and step.
std::vector<FlatRow> balance_step_rows(const BalanceRecord& record);

}  // namespace moesim
