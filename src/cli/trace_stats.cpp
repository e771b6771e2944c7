// moesim trace stats: how unevenly the experts of each layer were chosen.

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cli/outputs.h"
#include "cli/session.h"
#include "core/checked.h"
#include "core/text.h"
#include "io/files.h"
#include "io/recording.h"
#include "metrics/load.h"

namespace moesim {
namespace {

using LayerOfGroup = std::pair<Index, Index>;

std::map<LayerOfGroup, Counts> count_choices(Recording& recording) {
  std::map<LayerOfGroup, Counts> sums;
  const auto sum_of = [&sums](Index group, Index layer, std::size_t experts) -> Counts& {
    Counts& sum = sums[{group, layer}];
    sum.resize(std::max(sum.size(), experts));
    return sum;
  };
  for (ChoiceBlock block; recording.next(block);) {
    const auto largest = std::max_element(block.expert.begin(), block.expert.end());
    Counts& sum = sum_of(block.group, block.layer,
                         largest == block.expert.end() ? 0 : static_cast<std::size_t>(*largest) + 1);
    for (const std::int32_t expert : block.expert) {
      ++sum[static_cast<std::size_t>(expert)];
    }
  }
  for (RecordedCounts counts; recording.next(counts);) {
    Counts& sum = sum_of(counts.group, counts.layer, counts.count.size());
    for (std::size_t e = 0; e < counts.count.size(); ++e) {
      sum[e] = checked_add(sum[e], counts.count[e], "counts of one expert");
    }
  }
  return sums;
}

FlatRow row_of(const RecordingGroup& group, Index layer, Counts counts) {
  counts.resize(std::max(counts.size(), static_cast<std::size_t>(group.num_experts)));
  std::uint64_t choices = 0;
  for (const std::uint64_t count : counts) {
    choices = checked_add(choices, count, "the choices of a layer");
  }
  const LoadStats load = load_stats(counts);
  FlatRow row = {{"model", group.model}, {"domain", group.domain}};
  for (const auto& [name, value] : group.labels) {
    row.push_back({name, value});
  }
  row.push_back({"layer", layer});
  row.push_back({"experts", static_cast<std::int64_t>(counts.size())});
  row.push_back({"choices", static_cast<std::int64_t>(choices)});
  row.push_back({"m.max_violation", load.max_violation});
  row.push_back({"m.load_cv", load.cv});
  row.push_back({"m.load_gini", load.gini});
  row.push_back({"m.load_entropy", load.entropy});
  row.push_back({"m.effective_experts", load.effective_experts});
  row.push_back({"m.dead_experts", load.dead_experts});
  return row;
}

}  // namespace

int trace_stats_command(const TraceArguments& arguments, const std::string&) {
  const Format format = parse_format("-o", arguments.output.empty() ? "table" : arguments.output);
  const std::unique_ptr<Recording> recording = open_recording(arguments.file, recording_options(arguments));
  const std::map<LayerOfGroup, Counts> sums = count_choices(*recording);
  std::vector<FlatRow> rows;
  for (const auto& [place, counts] : sums) {
    rows.push_back(
        row_of(recording->info().groups[static_cast<std::size_t>(place.first)], place.second, counts));
  }
  write_stdout(render_rows(rows, format));
  for (const std::string& note : recording->info().notes) {
    write_stderr(fmt::format("note: {}\n", display_safe(note)));
  }
  return 0;
}

}  // namespace moesim
