#include "report/trace_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <string_view>

namespace moesim {
namespace {

// Beyond 2^63 − 1 a text, as everywhere in results.
FlatValue whole(std::uint64_t value) {
  return value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())
             ? FlatValue(static_cast<std::int64_t>(value))
             : FlatValue(std::to_string(value));
}

// A file's column may have the name of one of ours.
std::string label_name(const std::string& column) {
  constexpr std::string_view kOurs[] = {"schema", "model", "domain", "layer", "experts", "tokens"};
  const bool taken =
      std::find(std::begin(kOurs), std::end(kOurs), column) != std::end(kOurs) || column.rfind("m.", 0) == 0;
  return taken ? "column." + column : column;
}

void add_load(const LayerSummary& layer, FlatRow& row) {
  const LoadStats& load = layer.stats;
  row.push_back({"m.max_violation", load.max_violation});
  row.push_back({"m.min_over_mean", load.min_over_mean});
  row.push_back({"m.load_cv", load.cv});
  row.push_back({"m.load_gini", load.gini});
  row.push_back({"m.load_entropy", load.entropy});
  row.push_back({"m.effective_experts", load.effective_experts});
  row.push_back({"m.dead_experts", load.dead_experts});
  row.push_back({"m.steps", layer.steps});
  row.push_back({"m.max_violation.mean_of_steps", layer.mean_step_max_violation});
  if (layer.floor) {
    const auto add = [&row](const std::string& name, const Floor& floor) {
      row.push_back({"m.noise_floor." + name, floor.mean});
      row.push_back({"m.noise_floor." + name + ".p05", floor.p05});
      row.push_back({"m.noise_floor." + name + ".p95", floor.p95});
    };
    add("max_violation", layer.floor->max_violation);
    add("min_over_mean", layer.floor->min_over_mean);
    add("load_cv", layer.floor->cv);
    add("load_gini", layer.floor->gini);
    add("load_entropy", layer.floor->entropy);
    add("effective_experts", layer.floor->effective_experts);
    add("dead_experts", layer.floor->dead_experts);
    row.push_back({"m.noise_floor.approximate", layer.floor->approximate});
  }
  row.push_back({"m.log_normal.sigma", layer.marginal.sigma});
  row.push_back({"m.log_normal.misfit", layer.marginal.log_normal_misfit});
  row.push_back({"m.zipf.exponent", layer.marginal.exponent});
  row.push_back({"m.zipf.misfit", layer.marginal.zipf_misfit});
  row.push_back({"m.uniform.misfit", layer.marginal.uniform_misfit});
}

void add_specialisation(const LayerSummary& layer, FlatRow& row) {
  row.push_back({"m.domain.expert", layer.domain.expert});
  row.push_back({"m.domain.share", layer.domain.share});
  row.push_back({"m.domain.chance", layer.domain.chance});
  row.push_back({"m.domain.distance", layer.domain.distance});
  if (layer.vocabulary) {
    row.push_back({"m.vocabulary.ids", whole(layer.vocabulary->ids)});
    row.push_back({"m.vocabulary.occurrences", whole(layer.vocabulary->occurrences)});
    row.push_back({"m.vocabulary.share", layer.vocabulary->share});
    row.push_back({"m.vocabulary.popularity", layer.vocabulary->popularity});
    row.push_back({"m.vocabulary.chance", layer.vocabulary->chance});
  }
}

void add_repetition(const Repetition& repetition, FlatRow& row) {
  row.push_back({"m.repetition.neighbours", whole(repetition.neighbours)});
  if (repetition.neighbours == 0) {
    return;
  }
  const auto add = [&row](const std::string& name, const Repeated& value) {
    row.push_back({"m.repetition." + name, value.observed});
    row.push_back({"m.repetition." + name + ".popularity",
                   value.popularity < 0 ? FlatValue() : FlatValue(value.popularity)});
    row.push_back({"m.repetition." + name + ".uniform", value.uniform});
  };
  add("same_first", repetition.same_first);
  add("any_of_two", repetition.any_of_two);
  add("shared_experts", repetition.shared_experts);
}

void add_pairs(const std::string& prefix, const PairSummary& pairs, FlatRow& row) {
  row.push_back({prefix + "departure", pairs.departure});
  row.push_back({prefix + "departure.chance", pairs.departure_floor});
  for (std::size_t i = 0; i < pairs.top.size(); ++i) {
    const ExpertPair& pair = pairs.top[i];
    const std::string name = fmt::format("{}top.{}", prefix, i + 1);
    row.push_back({name, fmt::format("{}+{}", pair.a, pair.b)});
    row.push_back({name + ".count", whole(pair.count)});
    row.push_back({name + ".share_of_tokens", pair.share_of_tokens});
    row.push_back({name + ".of_rarer", pair.of_rarer});
    row.push_back({name + ".lift", pair.lift});
  }
}

void add_distinct(const LayerSummary& layer, FlatRow& row) {
  for (const DistinctExperts& distinct : layer.distinct) {
    const std::string name = fmt::format("m.distinct.{}", distinct.batch);
    row.push_back(
        {name + ".neighbours", distinct.windows > 0 ? FlatValue(distinct.neighbours) : FlatValue()});
    row.push_back({name + ".mixed", distinct.draws > 0 ? FlatValue(distinct.mixed) : FlatValue()});
    row.push_back({name + ".popularity", distinct.popularity});
    row.push_back({name + ".uniform", distinct.uniform});
  }
}

void add_caches(const CacheSummary& caches, FlatRow& row) {
  for (const CacheRates& rates : caches.rates) {
    const std::string name = fmt::format("m.cache.{}", rates.size);
    row.push_back({name + ".lru", rates.lru});
    row.push_back({name + ".lfu", rates.lfu});
    row.push_back({name + ".fixed", rates.fixed});
    row.push_back({name + ".optimal", rates.optimal});
  }
  row.push_back({"m.cache.fixed_learned_from",
                 std::string(caches.fixed_from_other_sequences ? "other sequences" : "first half")});
}

void add_transition(const Transition& transition, FlatRow& row) {
  row.push_back({"m.next_layer", transition.to});
  row.push_back({"m.next_layer.in_sample", transition.in_sample});
  row.push_back({"m.next_layer.held_out", transition.held_out});
  row.push_back({"m.next_layer.popularity", transition.popularity});
  row.push_back({"m.next_layer.popularity_held_out", transition.popularity_held_out});
}

void add_generator(const GeneratorFit& fit, FlatRow& row) {
  const auto add = [&row](const std::string& name, const Imitated& value) {
    row.push_back({"m.imitation." + name + ".recorded", value.recorded});
    row.push_back({"m.imitation." + name + ".generated", value.generated});
  };
  row.push_back({"m.imitation.tokens", whole(fit.tokens)});
  row.push_back({"m.imitation.persistence", fit.persistence});
  row.push_back({"m.imitation.misfit", fit.misfit});
  add("max_over_mean", fit.max_over_mean);
  add("shared_experts", fit.shared_experts);
  for (const ImitatedDistinct& distinct : fit.distinct) {
    add(fmt::format("distinct.{}", distinct.batch), distinct.experts);
  }
  row.push_back({"m.imitation.pairs.misfit", fit.pairs_misfit});
  row.push_back({"m.imitation.affinity", fit.affinity});
  row.push_back({"m.imitation.affinity.misfit", fit.pairs_misfit_with_affinity});
}

}  // namespace

std::vector<FlatRow> trace_rows(const TraceSummary& summary) {
  std::vector<FlatRow> rows;
  for (const LayerSummary& layer : summary.layers) {
    const RecordingGroup& group = summary.info.groups[static_cast<std::size_t>(layer.group)];
    FlatRow row{{"schema", std::string("moesim.trace/1")}, {"model", group.model}, {"domain", group.domain}};
    for (const auto& [column, value] : group.labels) {
      row.push_back({label_name(column), value});
    }
    row.push_back({"layer", layer.layer});
    row.push_back({"experts", layer.num_experts()});
    row.push_back({"tokens", whole(layer.load.tokens)});
    row.push_back({"m.assignments", whole(layer.load.assignments)});
    row.push_back({"m.experts_per_token", layer.load.mean_k()});
    add_load(layer, row);
    add_specialisation(layer, row);
    if (layer.repetition) {
      add_repetition(*layer.repetition, row);
    }
    add_distinct(layer, row);
    if (layer.pairs) {
      add_pairs("m.pairs.", *layer.pairs, row);
      add_pairs("m.adjacent_pairs.", *layer.adjacent_pairs, row);
    }
    if (layer.kept_tokens > 0) {
      row.push_back({"m.kept_tokens", whole(layer.kept_tokens)});
    }
    if (layer.caches) {
      add_caches(*layer.caches, row);
    }
    if (layer.to_next) {
      add_transition(*layer.to_next, row);
    }
    if (layer.generator && layer.generator->tokens > 0) {
      add_generator(*layer.generator, row);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace moesim
