#include "engine/recorder.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>

#include "metrics/dropless_counts.h"

namespace moesim {

Recorder::Recorder(const Experiment& experiment, const MoeStack& stack, const Options& options)
    : experiment_(experiment),
      stack_(stack),
      options_(options),
      routing_(stack.layers.size()),
      layers_(stack.layers.size()) {
  const Index experts = experiment.shape.pool_size();
  for (Index layer = 0; options.detail && layer < std::ssize(stack.layers); ++layer) {
    if (experts <= kMostCoActiveExperts) {
      detail_.co_activation.push_back({layer, experts, Counts(static_cast<std::size_t>(experts * experts))});
    }
    detail_.histograms.push_back(make_histogram("weight", layer));
    if (experiment.router->traits().needs_logits) {
      detail_.histograms.push_back(make_histogram("entropy", layer));
    }
  }
  for (const std::string& name : experiment.workload->domain_names()) {
    domains_.push_back({name, std::vector<std::uint64_t>(static_cast<std::size_t>(experts))});
  }
}

namespace {

std::vector<ShownAssignment> assignments_of(const LayerEvent& event, std::size_t token) {
  std::vector<ShownAssignment> shown;
  for (Index a = event.assignments.begin[token]; a < event.assignments.begin[token + 1]; ++a) {
    const auto at = static_cast<std::size_t>(a);
    const Index row = event.plan.assignment_row[at];
    const bool moved = event.plan.drop_reason[at] == DropReason::rerouted;
    shown.push_back({event.assignments.expert[at], event.assignments.weight[at], row >= 0,
                     moved ? event.plan.expert_of_row(row) : -1});
  }
  return shown;
}

// What experts give to a token's output, over all their slots: the largest shares, ties by the lowest expert.
std::vector<ShownAssignment> largest_shares(const SoftMix& mix, Index token) {
  constexpr std::size_t kShown = 4;
  const std::size_t slots = static_cast<std::size_t>(mix.combine.cols() / mix.num_experts);
  std::vector<ShownAssignment> shares;
  for (std::size_t e = 0; e < static_cast<std::size_t>(mix.num_experts); ++e) {
    double share = 0;
    for (const float weight : mix.combine.row(token).subspan(e * slots, slots)) {
      share += weight;
    }
    shares.push_back({static_cast<std::int32_t>(e), static_cast<float>(share), true});
  }
  std::stable_sort(shares.begin(), shares.end(),
                   [](const ShownAssignment& a, const ShownAssignment& b) { return a.weight > b.weight; });
  shares.resize(std::min(shares.size(), kShown));
  return shares;
}

std::vector<ShownAssignment> choices_of(const LayerEvent& event, Index token) {
  return event.mix != nullptr ? largest_shares(*event.mix, token)
                              : assignments_of(event, static_cast<std::size_t>(token));
}

// Token by token: how many assignments, what passes through, and of each assignment expert, weight and what
// became of it. `plan` is null where all are kept.
void list_routing(const Assignments& a, const DispatchPlan* plan, std::vector<char>& bytes) {
  constexpr std::size_t kMostOfToken = sizeof(Index) + sizeof(float);
  constexpr std::size_t kMostOfAssignment = 2 * sizeof(std::int32_t) + sizeof(float) + sizeof(DropReason);
  bytes.resize(static_cast<std::size_t>(a.num_tokens()) * kMostOfToken +
               static_cast<std::size_t>(a.size()) * kMostOfAssignment);
  char* to = bytes.data();
  const auto put = [&to](const auto& value) {
    std::memcpy(to, &value, sizeof value);
    to += sizeof value;
  };
  // Beside vectors, which bytes might overwrite: their places would be looked up for each number.
  const std::int32_t* const expert = a.expert.data();
  const float* const weight = a.weight.data();
  const auto put_choice = [put, expert, weight](std::size_t i, DropReason reason) {
    static_assert(std::endian::native == std::endian::little);  // expert and weight, at once
    put(std::uint64_t{std::bit_cast<std::uint32_t>(weight[i])} << 32 | static_cast<std::uint32_t>(expert[i]));
    put(reason);
  };
  for (std::size_t t = 0; t + 1 < a.begin.size(); ++t) {
    put(a.begin[t + 1] - a.begin[t]);
    if (!a.pass_through.empty()) {
      put(a.pass_through[t]);
    }
    const auto first = static_cast<std::size_t>(a.begin[t]);
    const auto last = static_cast<std::size_t>(a.begin[t + 1]);
    if (plan == nullptr) {
      for (std::size_t i = first; i < last; ++i) {
        put_choice(i, DropReason::kept);
      }
      continue;
    }
    for (std::size_t i = first; i < last; ++i) {
      put_choice(i, plan->drop_reason[i]);
      if (plan->drop_reason[i] == DropReason::rerouted) {
        put(plan->expert_of_row(plan->assignment_row[i]));
      }
    }
  }
  bytes.resize(static_cast<std::size_t>(to - bytes.data()));
}

}  // namespace

void summarise(const LayerEvent& event, const ExpertBank& bank, LayerSummary& summary) {
  summary.capacity = event.plan.capacity();
  if (event.mix != nullptr) {
    summary.counts = count_soft_layer(*event.mix, bank);
    summary.routing.clear();
  } else {
    summary.counts = count_layer(event.assignments, event.plan, bank);
    list_routing(event.assignments, &event.plan, summary.routing);
  }
}

void summarise_dropless(const Assignments& assignments, const ExpertBank& bank, LayerSummary& summary) {
  summary.capacity.reset();
  summary.counts = count_dropless_layer(assignments, bank);
  list_routing(assignments, nullptr, summary.routing);
}

void Recorder::on_layer(const LayerEvent& event) {
  const auto l = static_cast<std::size_t>(event.layer);
  summarise(event, stack_.layers[l].experts, summary_);
  if (event.mix != nullptr) {
    for (const Matrix* weights : {&event.mix->dispatch, &event.mix->combine}) {
      routing_[l].add_bytes(weights->data(),
                            static_cast<std::size_t>(weights->rows() * weights->cols()) * sizeof(float));
    }
  }
  add(event.layer, summary_);
  if (event.layer == 0) {
    count_domains(event);
    if (shown_.empty() && options_.show_tokens > 0) {
      for (const Index t : first_places(event.batch, options_.show_tokens)) {
        shown_.push_back(shown_token(event, t));
      }
    }
    if (detail_.tokens.empty() && options_.detail) {
      detailed_ = first_places(event.batch, kDetailTokens);
      for (const Index t : detailed_) {
        detail_.tokens.push_back(shown_token(event, t));
        choices_ += detail_.tokens.back().assignments.size();
      }
    }
  } else if (options_.detail_of_layers && !detailed_.empty()) {
    add_choices(event);
  }
  if (options_.detail) {
    add_detail(event);
  }
}

void Recorder::add(Index layer, const LayerSummary& summary) {
  const auto l = static_cast<std::size_t>(layer);
  routing_[l].add_bytes(summary.routing.data(), summary.routing.size());
  step_counts_.push_back(summary.counts);
  layers_[l].counts.add(summary.counts);
  layers_[l].mean_step_max_violation += load_stats(summary.counts.routed_per_expert).max_violation;
  if (summary.capacity) {
    capacity_ = std::max(capacity_.value_or(0), *summary.capacity);
  }
}

void Recorder::count_domains(const LayerEvent& event) {
  const std::vector<std::uint32_t>& domain = event.batch.domain;
  for (std::size_t t = 0; t < domain.size() && !domains_.empty(); ++t) {
    std::vector<std::uint64_t>& counts = domains_[domain[t]].routed_per_expert;
    for (Index i = event.assignments.begin[t]; i < event.assignments.begin[t + 1]; ++i) {
      ++counts[static_cast<std::size_t>(event.assignments.expert[static_cast<std::size_t>(i)])];
    }
  }
}

// The first tokens of each sequence of the batch, as many from each; a character begun is finished.
std::vector<Index> Recorder::first_places(const TokenBatch& batch, Index count) const {
  std::vector<Index> first;
  std::map<std::uint32_t, std::vector<Index>> by_sequence;
  for (Index t = 0; t < batch.num_tokens(); ++t) {
    by_sequence[batch.sequence_id[static_cast<std::size_t>(t)]].push_back(t);
  }
  const Index groups = static_cast<Index>(by_sequence.size());
  Index group = 0;
  for (const auto& [sequence, tokens] : by_sequence) {
    const Index share = count / groups + (group < count % groups ? 1 : 0);
    ++group;
    Index taken = 0;
    std::uint64_t last_position = 0;
    for (const Index t : tokens) {
      const auto i = static_cast<std::size_t>(t);
      const std::uint64_t place = batch.first_token + static_cast<std::uint64_t>(t);
      const bool starts = experiment_.workload->starts_character(place);
      const bool follows = taken == 0 || batch.position[i] == last_position + 1;
      if ((taken == 0 && !starts) || (taken >= share && starts)) {
        if (taken >= share) {
          break;
        }
        continue;
      }
      if (!follows || share == 0) {
        break;
      }
      first.push_back(t);
      last_position = batch.position[i];
      ++taken;
    }
  }
  return first;
}

ShownToken Recorder::shown_token(const LayerEvent& event, Index token) const {
  const TokenBatch& batch = event.batch;
  const bool has_domain = !domains_.empty() && !batch.domain.empty();
  return {has_domain ? domains_[batch.domain[static_cast<std::size_t>(token)]].name : "",
          experiment_.workload->token_text(batch.first_token + static_cast<std::uint64_t>(token)),
          choices_of(event, token)};
}

void Recorder::add_choices(const LayerEvent& event) {
  LayerChoices layer{event.layer, {}};
  std::size_t choices = 0;
  for (const Index t : detailed_) {
    layer.of_token.push_back(choices_of(event, t));
    choices += layer.of_token.back().size();
  }
  if (choices_ + choices > kMostDetailChoices) {
    detailed_.clear();
    return;
  }
  choices_ += choices;
  detail_.later_layers.push_back(std::move(layer));
}

void Recorder::add_detail(const LayerEvent& event) {
  if (!detail_.co_activation.empty()) {
    count_pairs(event.assignments, detail_.co_activation[static_cast<std::size_t>(event.layer)]);
  }
  for (Histogram& histogram : detail_.histograms) {
    if (histogram.layer != event.layer) {
      continue;
    }
    if (histogram.what == "weight") {
      for (const float weight : event.assignments.weight) {
        add_to(histogram, weight);
      }
      for (Index t = 0; event.mix != nullptr && t < event.mix->combine.rows(); ++t) {
        for (const float weight : event.mix->combine.row(t)) {
          add_to(histogram, weight);
        }
      }
    } else {
      for (Index t = 0; t < event.logits.rows; ++t) {
        add_to(histogram, normalised_entropy(event.logits.row(t)));
      }
    }
  }
}

void Recorder::end_step(Index step, const StageSeconds& seconds, MatrixView output) {
  if (experiment_.execute) {
    output_.add_bytes(output.data, static_cast<std::size_t>(output.rows * output.cols) * sizeof(float));
  }
  if (rows_.size() < kMaxStepRows) {
    StepRow row;
    row.step = step;
    row.seconds = seconds.total();
    const double layers = static_cast<double>(step_counts_.size());
    std::uint64_t assignments = 0;
    std::uint64_t dropped = 0;
    for (const LayerCounts& counts : step_counts_) {
      const LoadStats stats = load_stats(counts.routed_per_expert);
      row.max_violation += stats.max_violation / layers;
      row.load_cv += stats.cv / layers;
      assignments += counts.assignments;
      dropped += counts.dropped();
    }
    row.dropped_fraction =
        assignments == 0 ? 0 : static_cast<double>(dropped) / static_cast<double>(assignments);
    rows_.push_back(row);
  }
  const Index kept_loads = (step + 1) * std::ssize(layers_) * experiment_.shape.pool_size();
  for (std::size_t l = 0; options_.detail && kept_loads <= kMostStepLoads && l < step_counts_.size(); ++l) {
    detail_.loads.push_back({step, static_cast<Index>(l), std::move(step_counts_[l].routed_per_expert),
                             std::move(step_counts_[l].tokens_per_expert)});
  }
  step_counts_.clear();
  detailed_.clear();
}

void Recorder::fill(RunRecord& record) const {
  record.layers = layers_;
  std::uint64_t assignments = 0;
  std::uint64_t kept = 0;
  std::uint64_t kept_ffn = 0;
  for (LayerResult& layer : record.layers) {
    layer.routed = load_stats(layer.counts.routed_per_expert);
    layer.processed = load_stats(layer.counts.tokens_per_expert);
    layer.mean_step_max_violation /= static_cast<double>(std::max<std::uint64_t>(1, layer.counts.steps));
    record.worst_max_violation = std::max(record.worst_max_violation, layer.routed.max_violation);
    assignments += layer.counts.assignments;
    kept += layer.counts.kept;
    kept_ffn += layer.counts.kept_ffn;
  }
  std::vector<LoadStats> routed;
  std::vector<LoadStats> processed;
  for (const LayerResult& layer : record.layers) {
    routed.push_back(layer.routed);
    processed.push_back(layer.processed);
  }
  record.mean_routed = mean_of_layers(routed);
  record.mean_processed = mean_of_layers(processed);
  if (assignments > 0) {
    record.computed_rows_fraction = static_cast<double>(kept) / static_cast<double>(assignments);
    record.dropped_fraction = static_cast<double>(assignments - kept) / static_cast<double>(assignments);
  }
  if (kept > 0) {
    record.ffn_rows_fraction = static_cast<double>(kept_ffn) / static_cast<double>(kept);
  }
  record.detail = detail_;
  for (std::size_t l = 0; options_.detail && l < layers_.size(); ++l) {
    record.detail.loads.push_back({-1, static_cast<Index>(l), layers_[l].counts.routed_per_expert,
                                   layers_[l].counts.tokens_per_expert});
  }
  record.step_rows = rows_;
  record.domains = domains_;
  record.shown_tokens = shown_;
  record.capacity = capacity_;
  Hasher all;
  for (const Hasher& layer : routing_) {
    all.add(layer.digest());
  }
  record.routing_hash = to_hex(all.digest());
  record.output_hash = experiment_.execute ? to_hex(output_.digest()) : "";
}

}  // namespace moesim
