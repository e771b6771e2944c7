#include "experts/schedule.h"

#include <algorithm>

namespace moesim {
namespace {

void cut_expert(const ExpertRows& rows, Index expert, int max_rows, std::vector<RowTile>& tiles) {
  const Index begin = rows.expert_begin[static_cast<std::size_t>(expert)];
  const Index count = rows.expert_begin[static_cast<std::size_t>(expert) + 1] - begin;
  const Index pieces = (count + max_rows - 1) / max_rows;
  for (Index i = 0; i < pieces; ++i) {
    const Index first = count * i / pieces;
    tiles.push_back({expert, begin + first, static_cast<int>(count * (i + 1) / pieces - first)});
  }
}

}  // namespace

void make_tiles(const ExpertRows& rows, int max_rows, std::vector<RowTile>& tiles) {
  tiles.clear();
  for (Index e = 0; e < rows.bank.num_experts(); ++e) {
    if (rows.bank.kind[static_cast<std::size_t>(e)] == ExpertKind::ffn) {
      cut_expert(rows, e, max_rows, tiles);
    }
  }
  const auto rows_of = [&rows](const RowTile& tile) {
    const auto e = static_cast<std::size_t>(tile.expert);
    return rows.expert_begin[e + 1] - rows.expert_begin[e];
  };
  std::sort(tiles.begin(), tiles.end(), [&](const RowTile& a, const RowTile& b) {
    const Index of_a = rows_of(a);
    const Index of_b = rows_of(b);
    return of_a != of_b ? of_a > of_b : a.first_row < b.first_row;
  });
}

void make_tasks(const std::vector<RowTile>& tiles, const TaskSizes& sizes, std::vector<PanelTask>& tasks) {
  tasks.clear();
  const auto count = static_cast<Index>(tiles.size());
  for (Index first = 0; first < count;) {
    Index end = first + 1;
    while (end < count && end - first < sizes.most_tiles &&
           tiles[static_cast<std::size_t>(end)].expert == tiles[static_cast<std::size_t>(first)].expert) {
      ++end;
    }
    for (Index panel = 0; panel < sizes.panels; panel += sizes.most_panels) {
      tasks.push_back({first, end - first, panel, std::min(sizes.most_panels, sizes.panels - panel)});
    }
    first = end;
  }
}

}  // namespace moesim
