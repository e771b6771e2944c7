#pragma once
// Private to this room: the work of one product, cut into tiles of rows and tasks. A pure function of how
// many rows each expert has and of the layout: never of the number of threads.

#include <vector>

#include "experts/executor.h"

namespace moesim {

// Some neighbouring rows of one expert.
struct RowTile {
  Index expert = 0;
  Index first_row = 0;
  int rows = 0;
};

// The tiles of the ffn experts, at most max_rows each and within an expert as equal as can be: a few small
// tiles cost less than full ones and a rest. Experts with many rows first; equal ones by index.
void make_tiles(const ExpertRows& rows, int max_rows, std::vector<RowTile>& tiles);

// One task multiplies some neighbouring tiles of one expert by some neighbouring panels.
struct PanelTask {
  Index first_tile = 0;
  Index tiles = 0;
  Index first_panel = 0;
  Index panels = 0;
};

struct TaskSizes {
  Index panels = 1;      // of an expert
  Index most_tiles = 1;  // of a task
  Index most_panels = 1;
};
// All tiles by all panels. Large experts are cut in both directions, so that none keeps a thread alone.
void make_tasks(const std::vector<RowTile>& tiles, const TaskSizes& sizes, std::vector<PanelTask>& tasks);

}  // namespace moesim
