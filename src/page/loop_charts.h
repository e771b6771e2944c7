#pragma once
// Private to this room: the charts of a closed loop. A chart without views has nothing to show.

#include <string>
#include <vector>

#include "engine/balance_loop.h"
#include "page/page.h"

namespace moesim {

// The courses' titles, made different where two courses have the same one.
std::vector<std::string> course_names(const BalanceRecord& record);
// The controller with the lowest MaxVio at the end, as an index into courses; 0 where there is none.
std::size_t best_course(const BalanceRecord& record);
// "the last 50 steps", or as many as there are.
std::string last_steps_in_words(const BalanceRecord& record);

Chart course_chart(const BalanceRecord& record);          // every metric against the step
Chart reached_chart(const BalanceRecord& record);         // MaxVio of the last 50 steps
Chart speed_chart(const BalanceRecord& record);           // steps until the load is balanced
Chart price_chart(const BalanceRecord& record);           // score lost
Chart shares_of_load_chart(const BalanceRecord& record);  // controller × expert, last step
Chart bias_chart(const BalanceRecord& record);            // what the controllers ended with

}  // namespace moesim
