#include "trace/summary.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"
#include "core/text.h"
#include "trace/layer_counts.h"

namespace moesim {
namespace {

constexpr std::size_t kBatchAssignments = 1U << 20U;
constexpr std::size_t kBatchBlocks = 8192;
constexpr std::int32_t kMostExperts = 65536;
constexpr std::uint64_t kMostCells = 4U << 20U;  // experts × layers
constexpr std::uint64_t kMostPairBytes = 256U << 20U;
constexpr std::uint64_t kMostPairTokens = 0xffffffffU;  // what a pair's count can hold
constexpr Index kMostFloorExperts = 65536;

using Place = std::pair<Index, Index>;  // group, layer

[[noreturn]] void refuse(const std::string& source, const std::string& what, const std::string& expected) {
  throw Error(ErrorKind::bad_data,
              fmt::format("{}: error: {}; expected {} [too-large]", display_safe(source), what, expected));
}

// All that is counted, by group and layer.
class Counters {
 public:
  Counters(const Recording& recording, const TraceOptions& options)
      : source_(recording.info().source), options_(options) {}

  LayerCounters& of(Index group, Index layer, std::int32_t largest_expert) {
    if (largest_expert >= kMostExperts) {
      refuse(source_, fmt::format("expert {} in layer {}", largest_expert, layer), "experts below 65536");
    }
    auto found = layers_.find({group, layer});
    if (found == layers_.end()) {
      found = layers_.emplace(Place{group, layer}, LayerCounters(options_.kept_tokens)).first;
    }
    Index& experts = experts_[group];
    experts = std::max(experts, static_cast<Index>(largest_expert) + 1);
    return found->second;
  }

  void note_layer(Index layer) { layers_met_.insert(layer); }
  const std::set<Index>& layers_met() const { return layers_met_; }

  // Before memory is asked for what was met so far.
  void check_size(std::uint64_t tokens) {
    std::uint64_t cells = 0;
    std::uint64_t pair_bytes = 0;
    for (const auto& [place, counters] : layers_) {
      const auto experts = static_cast<std::uint64_t>(experts_[place.first]);
      cells += experts;
      pair_bytes += 6 * experts * experts;
    }
    if (cells > kMostCells) {
      refuse(source_, fmt::format("{} experts in {} layers", cells, layers_.size()),
             fmt::format("at most {} of all layers together", kMostCells));
    }
    if (with_pairs_ && (pair_bytes > kMostPairBytes || tokens > kMostPairTokens)) {
      with_pairs_ = false;
      for (auto& [place, counters] : layers_) {
        counters.pairs = {};
        counters.repetition.forget_pairs();
      }
    }
  }

  bool with_pairs() const { return with_pairs_; }
  std::map<Place, LayerCounters>& layers() { return layers_; }
  Index experts_met(Index group) { return experts_[group]; }

 private:
  std::string source_;
  const TraceOptions& options_;
  bool with_pairs_ = true;
  std::map<Place, LayerCounters> layers_;
  std::map<Index, Index> experts_;  // by group
  std::set<Index> layers_met_;      // counted or not
};

// Blocks read together; their memory is used again.
class Batch {
 public:
  void read(Recording& recording) {
    size_ = 0;
    std::size_t assignments = 0;
    while (assignments < kBatchAssignments && size_ < kBatchBlocks) {
      if (size_ == blocks_.size()) {
        blocks_.emplace_back();
      }
      if (!recording.next(blocks_[size_])) {
        return;
      }
      assignments += blocks_[size_].expert.size();
      ++size_;
    }
  }
  std::span<const ChoiceBlock> blocks() const { return {blocks_.data(), size_}; }

 private:
  std::vector<ChoiceBlock> blocks_;
  std::size_t size_ = 0;
};

struct LayerWork {
  LayerCounters* counters = nullptr;
  std::vector<const ChoiceBlock*> blocks;  // in the order of the recording
};

std::vector<LayerWork> by_layer(std::span<const ChoiceBlock> blocks, Counters& counters,
                                const TraceOptions& options) {
  std::vector<LayerWork> work;
  std::map<Place, std::size_t> place_of;
  for (const ChoiceBlock& block : blocks) {
    counters.note_layer(block.layer);
    if (options.layer && *options.layer != block.layer) {
      continue;
    }
    std::int32_t largest = -1;
    for (const std::int32_t expert : block.expert) {
      largest = std::max(largest, expert);
    }
    LayerCounters& of_layer = counters.of(block.group, block.layer, largest);
    const auto [place, is_new] = place_of.emplace(Place{block.group, block.layer}, work.size());
    if (is_new) {
      work.push_back({.counters = &of_layer, .blocks = {}});
    }
    work[place->second].blocks.push_back(&block);
  }
  return work;
}

// One task reads on while the others count what was read before.
void count_choices(Recording& recording, const TraceOptions& options, const Context& context,
                   Counters& counters) {
  Batch now;
  Batch next;
  std::uint64_t tokens = 0;
  for (now.read(recording); !now.blocks().empty(); std::swap(now, next)) {
    const std::vector<LayerWork> work = by_layer(now.blocks(), counters, options);
    for (const ChoiceBlock& block : now.blocks()) {
      tokens += static_cast<std::uint64_t>(block.num_tokens());
    }
    counters.check_size(tokens);
    const Index tasks = static_cast<Index>(work.size()) * LayerCounters::kParts;
    context.for_each_block(1 + tasks, [&](Index task) {
      if (task == 0) {
        next.read(recording);
        return;
      }
      const LayerWork& own = work[static_cast<std::size_t>((task - 1) / LayerCounters::kParts)];
      for (const ChoiceBlock* block : own.blocks) {
        own.counters->add(*block, (task - 1) % LayerCounters::kParts, counters.with_pairs());
      }
    });
  }
}

void count_counts(Recording& recording, const TraceOptions& options, Counters& counters) {
  RecordedCounts counts;
  while (recording.next(counts)) {
    counters.note_layer(counts.layer);
    if (options.layer && *options.layer != counts.layer) {
      continue;
    }
    const auto width =
        static_cast<std::int32_t>(std::min<std::size_t>(counts.count.size(), kMostExperts + 1));
    LayerCounters& of_layer = counters.of(counts.group, counts.layer, width - 1);
    counters.check_size(0);
    of_layer.add(counts);
  }
}

// How many of each token's experts are in a group's counts; 0: not known. OLMoE's tables have both all
// (ranks_counted=topk) and the first alone, under the top_k of the model.
Index choices_counted(const RecordingGroup& group) {
  for (const auto& [column, value] : group.labels) {
    if (column == "ranks_counted" && value == "top1") {
      return 1;
    }
  }
  return group.top_k;
}

// Tokens of counts, from what each chose; where the file does not say, from its vocabulary, or else 1.
void assume_tokens(Counters& counters, RecordingInfo& info) {
  std::map<Index, Index> found;
  for (const auto& [place, of_layer] : counters.layers()) {
    if (of_layer.vocabulary.is_known()) {
      Index& k = found[place.first];
      k = std::gcd(k, static_cast<Index>(of_layer.vocabulary.common_divisor()));
    }
  }
  bool assumed = false;
  for (auto& [place, of_layer] : counters.layers()) {
    RecordingGroup& group = info.groups[static_cast<std::size_t>(place.first)];
    Index k = choices_counted(group);
    if (k == 0 && found.count(place.first) > 0 && found[place.first] <= counters.experts_met(place.first)) {
      k = group.top_k = found[place.first];
      info.notes.push_back(
          fmt::format("the file does not say how many experts a token chose; taken is {}, the largest number "
                      "that divides "
                      "the choices of every vocabulary id",
                      k));
    } else if (k == 0 && !assumed) {
      assumed = true;
      info.notes.push_back(
          "the file does not say how many experts a token chose; tokens and shares are those of choices");
    }
    of_layer.load.assume_top_k(k);
  }
}

// Everything but what needs other layers.
void finish_layer(const LayerCounters& counters, const TraceOptions& options, bool by_token, bool with_pairs,
                  LayerSummary& layer) {
  layer.stats = load_stats(layer.load.count);
  layer.marginal = fit_marginal(layer.load.count);
  layer.steps = std::max<Index>(1, counters.steps);
  layer.mean_step_max_violation = counters.steps == 0
                                      ? layer.stats.max_violation
                                      : counters.step_max_violations / static_cast<double>(counters.steps);
  if (counters.vocabulary.is_known()) {
    layer.vocabulary = counters.vocabulary.summarise(layer.load, std::llround(layer.load.mean_k()));
  }
  if (!by_token) {
    return;
  }
  const auto number = static_cast<std::uint32_t>(layer.layer & 0xffffff);
  layer.repetition = summarise_repetition(counters.repetition, layer.load);
  layer.distinct = summarise_distinct(counters.distinct, counters.kept, layer.load,
                                      {.seed = options.seed, .layer = number});
  if (with_pairs && counters.pairs.all.total() > 0) {
    layer.pairs = summarise_pairs(counters.pairs.all, layer.load, options.top_pairs);
    layer.adjacent_pairs = summarise_pairs(counters.pairs.adjacent, layer.load, options.top_pairs);
  }
  layer.kept_tokens = static_cast<std::uint64_t>(counters.kept.num_tokens());
  if (layer.kept_tokens == 0) {
    return;
  }
  layer.caches = summarise_caches(
      counters.kept, cache_sizes(layer.num_experts(), static_cast<Index>(layer.load.mean_k() + 0.5)));
  layer.generator = fit_generator(counters.kept, {.seed = options.seed, .layer = number});
  if (counters.kept.has_token_ids()) {
    layer.vocabulary =
        count_vocabulary(counters.kept).summarise(layer.load, std::llround(layer.load.mean_k()));
  }
}

// Layers of one number, model and labels, whose groups differ in the domain alone.
void compare_domains(TraceSummary& summary) {
  using Family = std::pair<std::pair<Index, Index>, std::vector<std::string>>;
  std::map<Family, std::vector<LayerSummary*>> families;
  for (LayerSummary& layer : summary.layers) {
    const RecordingGroup& group = summary.info.groups[static_cast<std::size_t>(layer.group)];
    Family family{{layer.layer, layer.num_experts()}, {group.model}};
    for (const auto& [column, value] : group.labels) {
      family.second.push_back(column);
      family.second.push_back(value);
    }
    families[family].push_back(&layer);
  }
  for (auto& [family, layers] : families) {
    std::vector<const LayerLoad*> loads;
    for (const LayerSummary* layer : layers) {
      loads.push_back(&layer->load);
    }
    const std::vector<DomainSpecialisation> domains = specialise_domains(loads);
    for (std::size_t d = 0; d < domains.size(); ++d) {
      layers[d]->domain = domains[d];
    }
  }
}

std::string layers_text(const std::set<Index>& layers) {
  constexpr std::size_t kListed = 128;
  return layers.size() <= kListed
             ? fmt::format("{}", fmt::join(layers, ", "))
             : fmt::format("{} to {}, of which it has {}", *layers.begin(), *layers.rbegin(), layers.size());
}

Index width_of(const RecordingGroup& group, Index met) {
  return std::max(group.num_experts, met);
}

}  // namespace

TraceSummary summarise(Recording& recording, const TraceOptions& options, const Context& context) {
  Counters counters(recording, options);
  const bool by_token = recording.info().by_token;
  if (by_token) {
    count_choices(recording, options, context, counters);
  } else {
    count_counts(recording, options, counters);
  }
  TraceSummary summary{.info = recording.info(), .kept_tokens = options.kept_tokens};
  if (counters.layers().empty()) {
    const std::set<Index>& met = counters.layers_met();
    throw Error(met.empty() ? ErrorKind::bad_data : ErrorKind::usage,
                met.empty() ? fmt::format("{}: error: nothing was recorded; expected choices or counts "
                                          "[empty-file]",
                                          display_safe(summary.info.source))
                            : fmt::format("--layer: error: {} is in no part of the recording; expected one "
                                          "of its layers {} [out-of-range]",
                                          options.layer.value_or(0), layers_text(met)));
  }
  if (by_token && !counters.with_pairs()) {
    summary.info.notes.push_back("pairs of experts are left out: they would need more than 256 MiB");
  }
  for (auto& [place, of_layer] : counters.layers()) {
    of_layer.end();
  }
  if (!by_token) {
    assume_tokens(counters, summary.info);
  }
  Index all_experts = 0;
  std::vector<const LayerCounters*> counted;
  for (auto& [place, of_layer] : counters.layers()) {
    RecordingGroup& group = summary.info.groups[static_cast<std::size_t>(place.first)];
    LayerSummary layer{.group = place.first, .layer = place.second, .load = std::move(of_layer.load)};
    layer.load.widen(width_of(group, counters.experts_met(place.first)));
    all_experts += layer.num_experts();
    summary.assignments += layer.load.assignments;
    summary.layers.push_back(std::move(layer));
    counted.push_back(&of_layer);
  }
  for (LayerSummary& layer : summary.layers) {
    RecordingGroup& group = summary.info.groups[static_cast<std::size_t>(layer.group)];
    group.num_experts = layer.num_experts();
  }
  const bool floors = all_experts <= kMostFloorExperts;
  context.for_each_block(static_cast<Index>(summary.layers.size()), [&](Index i) {
    LayerSummary& layer = summary.layers[static_cast<std::size_t>(i)];
    const LayerCounters& own = *counted[static_cast<std::size_t>(i)];
    finish_layer(own, options, by_token, counters.with_pairs(), layer);
    if (floors && layer.num_experts() > 0) {
      layer.floor = noise_floor({&layer.load.tokens_of_k, 1}, layer.num_experts(), options.seed);
    }
    const bool next = i + 1 < static_cast<Index>(summary.layers.size()) &&
                      summary.layers[static_cast<std::size_t>(i) + 1].group == layer.group;
    if (next && own.kept.num_tokens() > 0) {
      layer.to_next = summarise_transition(own.kept, counted[static_cast<std::size_t>(i) + 1]->kept);
      layer.to_next->from = layer.layer;
      layer.to_next->to = summary.layers[static_cast<std::size_t>(i) + 1].layer;
    }
  });
  compare_domains(summary);
  return summary;
}

}  // namespace moesim
