// A recording's layers in memory. The file is read twice: what it holds is known only at its end.

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/hash.h"
#include "core/text.h"
#include "io/recording.h"
#include "router/recorded.h"
#include "workload/source_files.h"

namespace moesim {
namespace {

// What a recording's layer holds.
struct Seen {
  std::uint64_t tokens = 0;       // of choices
  std::uint64_t assignments = 0;  // of counts: all of them
};
struct Survey {
  RecordingInfo info;
  std::map<std::pair<Index, Index>, Seen> layers;  // by group and layer
  std::vector<Index> widest;                       // of each group: the largest id + 1
};

RecordingOptions options_of(const RecordedRequest& request) {
  RecordingOptions options;
  options.form = request.form;
  for (const std::string& condition : request.where) {
    const std::size_t equals = condition.find('=');
    options.where.emplace_back(condition.substr(0, equals),
                               equals == std::string::npos ? "" : condition.substr(equals + 1));
  }
  return options;
}

// The first tokens alone: those beyond `tokens` of a layer are cut off.
std::size_t tokens_to_take(const ChoiceBlock& block, std::uint64_t before, std::int64_t tokens) {
  const auto here = static_cast<std::size_t>(block.num_tokens());
  if (tokens == 0) {
    return here;
  }
  const auto most = static_cast<std::uint64_t>(tokens);
  return before >= most ? 0 : std::min<std::size_t>(here, most - before);
}

Survey survey(const RecordedRequest& request) {
  const std::unique_ptr<Recording> recording = open_recording(request.path, options_of(request));
  Survey found;
  const auto widen = [&found](Index group, Index experts) {
    found.widest.resize(std::max(found.widest.size(), static_cast<std::size_t>(group) + 1));
    Index& widest = found.widest[static_cast<std::size_t>(group)];
    widest = std::max(widest, experts);
  };
  if (recording->info().by_token) {
    ChoiceBlock block;
    while (recording->next(block)) {
      Seen& seen = found.layers[{block.group, block.layer}];
      const std::size_t taken = tokens_to_take(block, seen.tokens, request.tokens);
      seen.tokens += taken;
      seen.assignments += taken == 0 ? 0 : block.begin[taken];
      const auto largest = std::max_element(block.expert.begin(), block.expert.end());
      widen(block.group, largest == block.expert.end() ? 0 : Index{*largest} + 1);
    }
  } else {
    RecordedCounts counts;
    while (recording->next(counts)) {
      Seen& seen = found.layers[{counts.group, counts.layer}];
      for (const std::uint64_t count : counts.count) {
        seen.assignments += count;
      }
      widen(counts.group, static_cast<Index>(counts.count.size()));
    }
  }
  found.info = recording->info();
  return found;
}

// The one group, or nothing after saying which there are.
std::optional<Index> only_group(Binder& binder, const RecordedRequest& request, const Survey& seen) {
  constexpr std::size_t kShown = 4;
  const std::vector<RecordingGroup>& groups = seen.info.groups;
  if (groups.size() == 1) {
    return 0;
  }
  if (groups.empty() || seen.layers.empty()) {
    binder.error("router.file", display_safe(request.path) + ": the recording is empty", "at least one token",
                 "empty-file");
    return std::nullopt;
  }
  std::string names;
  for (std::size_t g = 0; g < std::min(groups.size(), kShown); ++g) {
    names += (g == 0 ? "" : "; ") + conditions_of(seen.info, groups[g]);
  }
  binder.error("router.where",
               fmt::format("{} holds {} recordings: {}{}", display_safe(request.path), groups.size(), names,
                           groups.size() > kShown ? "; …" : ""),
               "conditions that leave one", "several-recordings",
               fmt::format("write where: [{}]", conditions_of(seen.info, groups.front())));
  return std::nullopt;
}

// The recorded layers that the stack takes, or nothing after saying what there is.
std::vector<Index> chosen_layers(Binder& binder, const RecordedRequest& request, const Survey& seen,
                                 Index group) {
  std::vector<Index> all;
  for (const auto& [place, layer] : seen.layers) {
    if (place.first == group && layer.assignments > 0) {
      all.push_back(place.second);
    }
  }
  const std::size_t wanted = static_cast<std::size_t>(request.num_layers);
  const std::string there = fmt::format("{}", fmt::join(all, ", "));
  if (wanted > all.size()) {
    binder.error("router.file",
                 fmt::format("{} has {} recorded layers, but layer.num_layers is {}",
                             display_safe(request.path), all.size(), request.num_layers),
                 "at least as many", "bad-relation", fmt::format("--set layer.num_layers={}", all.size()));
    return {};
  }
  std::size_t first = (all.size() - wanted) / 2;
  if (request.layer >= 0) {
    const auto found = std::find(all.begin(), all.end(), request.layer);
    first = static_cast<std::size_t>(found - all.begin());
    if (found == all.end() || first + wanted > all.size()) {
      binder.error("router.layer",
                   found == all.end()
                       ? fmt::format("{} has no layer {}", display_safe(request.path), request.layer)
                       : fmt::format("too few layers behind layer {} for layer.num_layers {}", request.layer,
                                     request.num_layers),
                   "one of " + there, "no-such-layer");
      return {};
    }
  }
  return {all.begin() + static_cast<std::ptrdiff_t>(first),
          all.begin() + static_cast<std::ptrdiff_t>(first + wanted)};
}

// A file that does not say how many experts there are is taken to have one more than its largest id: then a
// layer may have more.
bool check_experts(Binder& binder, const RecordedRequest& request, const Survey& seen, Index group) {
  const Index widest = seen.widest[static_cast<std::size_t>(group)];
  const Index known = std::max(widest, seen.info.groups[static_cast<std::size_t>(group)].num_experts);
  if (known <= request.num_experts && (known == request.num_experts || known == widest)) {
    return true;
  }
  binder.error(
      "router.file", fmt::format("{} is of {} experts", display_safe(request.path), known),
      "as many as the layer has", "bad-relation", fmt::format("set layer.num_experts to {}", known),
      {{binder.locate("layer.num_experts"), fmt::format("the layer has {} experts", request.num_experts)}});
  return false;
}

bool check_size(Binder& binder, const Survey& seen, Index group, const std::vector<Index>& layers) {
  std::uint64_t assignments = 0;
  std::uint64_t tokens = 0;
  for (const Index layer : layers) {
    const Seen& found = seen.layers.at({group, layer});
    assignments += found.assignments;
    tokens = std::max(tokens, found.tokens);
  }
  if (!seen.info.by_token || assignments <= kMostRecordedAssignments) {
    return true;
  }
  binder.error("router.tokens",
               fmt::format("the recording has {} assignments in the layers replayed", assignments),
               fmt::format("at most {}", kMostRecordedAssignments), "file-too-large",
               fmt::format("--set router.tokens={} takes the first tokens",
                           tokens * kMostRecordedAssignments / assignments));
  return false;
}

void append(const ChoiceBlock& block, std::size_t tokens, RecordedLayer& layer) {
  const Index before = layer.begin.back();
  for (std::size_t t = 0; t < tokens; ++t) {
    layer.begin.push_back(before + block.begin[t + 1]);
  }
  const std::size_t count = tokens == 0 ? 0 : block.begin[tokens];
  layer.expert.insert(layer.expert.end(), block.expert.begin(),
                      block.expert.begin() + static_cast<std::ptrdiff_t>(count));
  if (!block.weight.empty()) {
    layer.weight.insert(layer.weight.end(), block.weight.begin(),
                        block.weight.begin() + static_cast<std::ptrdiff_t>(count));
  }
}

void read_choices(Recording& recording, const RecordedRequest& request, Index group,
                  const std::vector<Index>& layers, RecordedTable& table) {
  ChoiceBlock block;
  while (recording.next(block)) {
    const auto place = std::find(layers.begin(), layers.end(), block.layer);
    if (block.group != group || place == layers.end()) {
      continue;
    }
    RecordedLayer& layer = table.layers[static_cast<std::size_t>(place - layers.begin())];
    append(block, tokens_to_take(block, static_cast<std::uint64_t>(layer.num_tokens()), request.tokens),
           layer);
  }
  table.fewest = std::numeric_limits<Index>::max();
  Hasher hash;
  for (RecordedLayer& layer : table.layers) {
    for (std::size_t t = 0; t + 1 < layer.begin.size(); ++t) {
      const Index count = layer.begin[t + 1] - layer.begin[t];
      table.most = std::max(table.most, count);
      table.fewest = std::min(table.fewest, count);
    }
    if (layer.weight.size() != layer.expert.size()) {
      layer.weight.clear();
    }
    hash.add_bytes(layer.begin.data(), layer.begin.size() * sizeof(Index));
    hash.add_bytes(layer.expert.data(), layer.expert.size() * sizeof(std::int32_t));
    hash.add_bytes(layer.weight.data(), layer.weight.size() * sizeof(float));
  }
  table.hash = hash.digest();
}

bool read_counts(Binder& binder, Recording& recording, const RecordedRequest& request, Index group,
                 const std::vector<Index>& layers, RecordedTable& table) {
  std::vector<std::vector<double>> sums(layers.size(),
                                        std::vector<double>(static_cast<std::size_t>(request.num_experts)));
  RecordedCounts counts;
  while (recording.next(counts)) {
    const auto place = std::find(layers.begin(), layers.end(), counts.layer);
    if (counts.group == group && place != layers.end()) {
      std::vector<double>& sum = sums[static_cast<std::size_t>(place - layers.begin())];
      for (std::size_t e = 0; e < counts.count.size(); ++e) {
        sum[e] += static_cast<double>(counts.count[e]);
      }
    }
  }
  const Index recorded = recording.info().groups[static_cast<std::size_t>(group)].top_k;
  const Index top_k = request.top_k == 0 ? recorded : request.top_k;
  if (top_k == 0) {
    binder.error("router.top_k",
                 fmt::format("{} counts choices and does not say how many experts a token had",
                             display_safe(request.path)),
                 "a whole number", "missing-key", "--set router.top_k=2");
    return false;
  }
  Hasher hash;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const auto positive = std::count_if(sums[l].begin(), sums[l].end(), [](double sum) { return sum > 0; });
    if (positive < top_k) {
      binder.error(
          "router.file",
          fmt::format("{}: layer {} names {} experts", display_safe(request.path), layers[l], positive),
          fmt::format("at least {}, as many as a token has", top_k), "bad-relation");
      return false;
    }
    table.layers[l].law.inclusion = inclusions_of(sums[l], top_k);
    hash.add_bytes(sums[l].data(), sums[l].size() * sizeof(double));
  }
  table.most = table.fewest = top_k;
  table.hash = hash.digest();
  return true;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
}

// What the reader says of options said of the keys that stand for them here.
void report_recording_error(Binder& binder, const Error& error) {
  std::string key = "router.file";
  std::string message = error.what();
  for (const char* name : {"form", "where"}) {
    const std::string begins = std::string("--") + name + ": error: ";
    if (message.starts_with(begins)) {
      key = std::string("router.") + name;
      message.erase(0, begins.size());
    }
  }
  std::string help = error.help();
  if (help.find('\n') != std::string::npos) {
    help = key == "router.form" ? "without router.form it is told by what the file begins with"
                                : "'moesim trace stats FILE' says what each form is";
  }
  for (std::string* text : {&message, &help}) {
    replace_all(*text, "no --where", "no router.where");
    replace_all(*text, "--where ", "router.where: ");
    replace_all(*text, "--form ", "router.form: ");
    replace_all(*text, "are read with --router PRESET",
                "are made a recording by 'moesim trace convert --router PRESET'");
  }
  report_io_error(binder, key, Error(error.kind(), message, help));
}

}  // namespace

std::optional<RecordedTable> read_recorded_table(Binder& binder, const RecordedRequest& request) {
  try {
    const Survey seen = survey(request);
    const std::optional<Index> group = only_group(binder, request, seen);
    if (!group || !check_experts(binder, request, seen, *group)) {
      return std::nullopt;
    }
    const std::vector<Index> layers = chosen_layers(binder, request, seen, *group);
    if (layers.empty() || !check_size(binder, seen, *group, layers)) {
      return std::nullopt;
    }
    RecordedTable table;
    table.layers.resize(layers.size());
    const std::unique_ptr<Recording> recording = open_recording(request.path, options_of(request));
    if (recording->info().by_token) {
      if (request.top_k != 0) {
        binder.inert("router.top_k", "the recording says it of every token");
      }
      read_choices(*recording, request, *group, layers, table);
      return table;
    }
    return read_counts(binder, *recording, request, *group, layers, table)
               ? std::optional<RecordedTable>(std::move(table))
               : std::nullopt;
  } catch (const Error& error) {
    report_recording_error(binder, error);
    return std::nullopt;
  }
}

}  // namespace moesim
