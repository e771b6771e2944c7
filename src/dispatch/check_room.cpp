#include "dispatch/check_room.h"

#include <algorithm>
#include <vector>

#include "core/error.h"

namespace moesim {
namespace {

// One place in one group.
struct PlaceCounts {
  Index rows = 0;
  Index exempt = 0;
  Index dropped = 0;
  Index outranked = 0;
};

void check_sizes(const DispatchPlan& plan) {
  const PlanRoom& room = *plan.room;
  const Index tokens = plan.num_tokens();
  MOESIM_CHECK(room.place_experts >= 1 && plan.num_experts() % room.place_experts == 0,
               "the plan's places do not divide its experts");
  MOESIM_CHECK(room.group_tokens >= (tokens > 0 ? 1 : 0) && room.group_tokens <= std::max<Index>(1, tokens),
               "the plan's groups are empty or larger than the batch");
  const Index groups = tokens == 0 ? 1 : (tokens + room.group_tokens - 1) / room.group_tokens;
  MOESIM_CHECK(static_cast<Index>(room.capacity.size()) == groups,
               "the plan has another number of capacities than groups");
  for (const Index capacity : room.capacity) {
    MOESIM_CHECK(capacity >= 0, "the plan's capacity is negative");
  }
}

std::vector<PlaceCounts> count_group(const DispatchPlan& plan, const Assignments& assignments, Index first,
                                     Index last) {
  const Index each = plan.room->place_experts;
  std::vector<PlaceCounts> counts(static_cast<std::size_t>(plan.num_experts() / each));
  for (Index a = plan.token_begin[first]; a < plan.token_begin[last]; ++a) {
    PlaceCounts& asked = counts[assignments.expert[a] / each];
    switch (plan.drop_reason[a]) {
      case DropReason::kept:
        ++asked.rows;
        break;
      case DropReason::capacity:
        ++asked.dropped;
        break;
      case DropReason::rerouted:
        ++asked.dropped;  // refused where it asked
        ++counts[plan.expert_of_row(plan.assignment_row[a]) / each].rows;
        break;
      case DropReason::exempt:
        ++asked.rows;
        ++asked.exempt;
        break;
      case DropReason::outranked:
        ++asked.outranked;
        break;
    }
  }
  return counts;
}

}  // namespace

std::string plan_text(const char* what, Index number) {
  return std::string(what) + " " + std::to_string(number);
}

void check_room(const DispatchPlan& plan, const Assignments& assignments) {
  check_sizes(plan);
  const PlanRoom& room = *plan.room;
  const char* const kind = room.place_experts == 1 ? "expert" : "device";
  Index first = 0;
  for (const Index capacity : room.capacity) {
    const Index last = std::min(plan.num_tokens(), first + room.group_tokens);
    const std::vector<PlaceCounts> counts = count_group(plan, assignments, first, last);
    for (std::size_t p = 0; p < counts.size(); ++p) {
      const std::string place = plan_text(kind, static_cast<Index>(p));
      MOESIM_CHECK(counts[p].rows <= std::max(capacity, counts[p].exempt),
                   place + " holds more than the capacity");
      MOESIM_CHECK(counts[p].dropped == 0 || counts[p].rows >= capacity,
                   place + " dropped an assignment while it had room");
      MOESIM_CHECK(counts[p].outranked == 0 || counts[p].rows < capacity,
                   place + " is full and says that what it dropped was outranked");
    }
    first = last;
  }
}

}  // namespace moesim
