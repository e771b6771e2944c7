#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "core/text.h"
#include "report/numbers.h"
#include "report/trace_rows.h"

namespace moesim {
namespace {

constexpr std::size_t kMostLoadLines = 128;
constexpr Index kShownBatches[] = {1, 2, 4, 8, 16, 32, 64, 128, 256};

using Layers = std::vector<const LayerSummary*>;

std::string three_digits(double value) {
  return value >= 9.995 ? fmt::format("{:.1f}", value)
         : value >= 1.0 ? fmt::format("{:.2f}", value)
                        : fmt::format("{:.3f}", value);
}

std::string short_percent(double share) {
  return fmt::format("{:.1f} %", 100.0 * share);
}

std::string name_of(const RecordingGroup& group) {
  std::string name = group.model;
  const auto add = [&name](const std::string& part) {
    name += part.empty() || name.empty() ? part : " " + part;
  };
  add(group.domain);
  for (const auto& [column, value] : group.labels) {
    add(value);
  }
  return display_safe(name);
}

// Mean over the layers that know the value.
std::optional<double> mean_of(const Layers& layers,
                              const std::function<std::optional<double>(const LayerSummary&)>& value) {
  double sum = 0;
  std::size_t known = 0;
  for (const LayerSummary* layer : layers) {
    if (const std::optional<double> v = value(*layer)) {
      sum += *v;
      ++known;
    }
  }
  return known == 0 ? std::nullopt : std::optional(sum / static_cast<double>(known));
}

std::string or_dash(const std::optional<double>& value, std::string (*write)(double)) {
  return value ? write(*value) : "-";
}

std::string one_digit(double value) {
  return fmt::format("{:.1f}", value);
}

std::string load_line(const LayerSummary& layer, const std::string& title, int width) {
  const auto chance = [&layer](Floor NoiseFloor::*metric) -> std::string {
    const Floor floor = layer.floor ? (*layer.floor).*metric : Floor();
    return layer.floor ? fmt::format("{} ({})", three_digits(floor.mean), three_digits(floor.p95)) : "-";
  };
  return fmt::format(
      "  {}  {:>6}  {:>6} {:>14}  {:>7} {:>14}  {:>6}  {:>6}  {:>8}  {:>9.1f}  {:>6}\n", pad_to(title, width),
      layer.layer, three_digits(layer.stats.max_violation), chance(&NoiseFloor::max_violation),
      three_digits(layer.stats.cv), chance(&NoiseFloor::cv), fmt::format("{:.3f}", layer.stats.gini),
      fmt::format("{:.3f}", layer.stats.entropy), fmt::format("{:.3f}", layer.stats.min_over_mean),
      layer.stats.effective_experts, layer.stats.dead_experts);
}

std::string load_section(const TraceSummary& summary) {
  int width = 5;
  for (const RecordingGroup& group : summary.info.groups) {
    width = std::max(width, std::min(40, display_width(name_of(group))));
  }
  std::string text =
      fmt::format("LOAD\n  {}  {:>6}  {:>6} {:>14}  {:>7} {:>14}  {:>6}  {:>6}  {:>8}  {:>9}  {:>6}\n",
                  pad_to("group", width), "layer", "MaxVio", "chance (95 %)", "load CV", "chance (95 %)",
                  "Gini", "entropy", "min/mean", "effective", "dead");
  std::size_t lines = 0;
  Index last = -1;
  for (const LayerSummary& layer : summary.layers) {
    if (lines == kMostLoadLines) {
      text += fmt::format("  and {} more layers: -o csv has them all\n", summary.layers.size() - lines);
      break;
    }
    const std::string name = name_of(summary.info.groups[static_cast<std::size_t>(layer.group)]);
    text += load_line(layer, layer.group == last ? "" : shorten_text(name.empty() ? "all" : name, 40), width);
    last = layer.group;
    ++lines;
  }
  return text +
         "  MaxVio: busiest expert over fair share, less 1; chance: a router that chooses at random, from as "
         "many tokens:\n  its mean, and what 95 of 100 stay below. effective: as many equally loaded experts "
         "would be as uneven.\n  dead: never chosen.\n";
}

std::string repetition_section(const Layers& layers) {
  std::string text =
      fmt::format("\nREPETITION  of neighbouring tokens of a sequence\n  {:<34}  {:>9}  {:>10}  {:>8}\n", "",
                  "recorded", "popularity", "chance");
  const auto line = [&](const char* title, Repeated Repetition::*what, std::string (*write)(double)) {
    const auto of = [&](double Repeated::*figure) {
      return or_dash(mean_of(layers,
                             [&](const LayerSummary& layer) -> std::optional<double> {
                               const double value = ((*layer.repetition).*what).*figure;
                               return layer.repetition->neighbours == 0 || value < 0 ? std::nullopt
                                                                                     : std::optional(value);
                             }),
                     write);
    };
    text += fmt::format("  {:<34}  {:>9}  {:>10}  {:>8}\n", title, of(&Repeated::observed),
                        of(&Repeated::popularity), of(&Repeated::uniform));
  };
  line("same first choice", &Repetition::same_first, short_percent);
  line("first or second choice in common", &Repetition::any_of_two, short_percent);
  line("experts in common", &Repetition::shared_experts, three_digits);
  return text + "  popularity: two tokens far apart; chance: every choice equally likely.\n";
}

std::string distinct_section(const Layers& layers) {
  std::string text = fmt::format("\nDISTINCT EXPERTS  of a batch\n  {:>6}  {:>12}  {:>9}  {:>10}  {:>8}\n",
                                 "tokens", "one sequence", "mixed", "popularity", "chance");
  for (const Index batch : kShownBatches) {
    const auto of = [&](const std::function<std::optional<double>(const DistinctExperts&)>& figure) {
      return mean_of(layers, [&](const LayerSummary& layer) -> std::optional<double> {
        for (const DistinctExperts& row : layer.distinct) {
          if (row.batch == batch) {
            return figure(row);
          }
        }
        return std::nullopt;
      });
    };
    const auto neighbours = of([](const DistinctExperts& row) {
      return row.windows > 0 ? std::optional(row.neighbours) : std::nullopt;
    });
    const auto mixed = of(
        [](const DistinctExperts& row) { return row.draws > 0 ? std::optional(row.mixed) : std::nullopt; });
    if (neighbours || mixed) {
      text += fmt::format(
          "  {:>6}  {:>12}  {:>9}  {:>10}  {:>8}\n", batch, or_dash(neighbours, one_digit),
          or_dash(mixed, one_digit),
          or_dash(of([](const DistinctExperts& row) { return std::optional(row.popularity); }), one_digit),
          or_dash(of([](const DistinctExperts& row) { return std::optional(row.uniform); }), one_digit));
    }
  }
  return text +
         "  one sequence: neighbouring tokens; mixed: tokens of different sequences, drawn at random.\n";
}

std::string pairs_section(const Layers& layers) {
  const LayerSummary* most = nullptr;
  for (const LayerSummary* layer : layers) {
    if (layer->pairs && (most == nullptr || layer->pairs->departure > most->pairs->departure)) {
      most = layer;
    }
  }
  if (most == nullptr) {
    return "";
  }
  std::string text = "\nPAIRS  of experts that a token chooses together\n";
  const auto line = [&](const char* title, std::optional<PairSummary> LayerSummary::*which) {
    const auto of = [&](double PairSummary::*figure) {
      return or_dash(mean_of(layers,
                             [&](const LayerSummary& layer) -> std::optional<double> {
                               return layer.*which ? std::optional((*(layer.*which)).*figure) : std::nullopt;
                             }),
                     three_digits);
    };
    text += fmt::format("  {:<18}  apart from popularity by {} (chance {})\n", title,
                        of(&PairSummary::departure), of(&PairSummary::departure_floor));
  };
  line("all pairs", &LayerSummary::pairs);
  line("neighbouring ranks", &LayerSummary::adjacent_pairs);
  for (const ExpertPair& pair : most->pairs->top) {
    text += fmt::format("  layer {}: {} and {}, {} of tokens, {} times what popularity gives\n", most->layer,
                        pair.a, pair.b, short_percent(pair.share_of_tokens), three_digits(pair.lift));
  }
  return text;
}

std::string cache_section(const Layers& layers) {
  if (!layers.front()->caches) {
    return "";
  }
  std::string text = fmt::format(
      "\nCACHE  hit rates, a cache for each layer, empty when a sequence begins\n  {:>7}  {:>6}  {:>6}  "
      "{:>6}  {:>8}\n",
      "experts", "LRU", "LFU", "fixed", "possible");
  for (std::size_t c = 0; c < layers.front()->caches->rates.size(); ++c) {
    const auto of = [&](double CacheRates::*figure) {
      return or_dash(mean_of(layers,
                             [&](const LayerSummary& layer) -> std::optional<double> {
                               return layer.caches && c < layer.caches->rates.size()
                                          ? std::optional(layer.caches->rates[c].*figure)
                                          : std::nullopt;
                             }),
                     three_digits);
    };
    text += fmt::format("  {:>7}  {:>6}  {:>6}  {:>6}  {:>8}\n", layers.front()->caches->rates[c].size,
                        of(&CacheRates::lru), of(&CacheRates::lfu), of(&CacheRates::fixed),
                        of(&CacheRates::optimal));
  }
  return text +
         fmt::format(
             "  fixed: the experts most often chosen {}; possible: no cache that begins empty does better.\n",
             layers.front()->caches->fixed_from_other_sequences ? "in the other sequences"
                                                                : "in the first half, scored on the second");
}

std::string further_lines(const Layers& layers) {
  std::string text;
  const auto of = [&](const std::function<std::optional<double>(const LayerSummary&)>& value,
                      std::string (*write)(double)) { return or_dash(mean_of(layers, value), write); };
  if (layers.front()->to_next) {
    const auto figure = [&](double Transition::*which) {
      return of(
          [&](const LayerSummary& layer) {
            return layer.to_next ? std::optional((*layer.to_next).*which) : std::nullopt;
          },
          short_percent);
    };
    text += fmt::format(
        "\nNEXT LAYER  its first choice guessed from this layer's: {} right ({} by popularity);\n  learned "
        "on the first "
        "half, scored on the second: {} ({})\n",
        figure(&Transition::in_sample), figure(&Transition::popularity), figure(&Transition::held_out),
        figure(&Transition::popularity_held_out));
  }
  if (layers.front()->vocabulary) {
    const auto figure = [&](double VocabularySpecialisation::*which) {
      return of(
          [&](const LayerSummary& layer) {
            return layer.vocabulary ? std::optional((*layer.vocabulary).*which) : std::nullopt;
          },
          short_percent);
    };
    text += fmt::format(
        "\nVOCABULARY  {} ids; of an id's occurrences {} choose its most frequent expert\n  ({} by "
        "popularity "
        "alone, {} of any one expert by chance)\n",
        with_commas(layers.front()->vocabulary->ids), figure(&VocabularySpecialisation::share),
        figure(&VocabularySpecialisation::popularity), figure(&VocabularySpecialisation::chance));
  }
  return text;
}

std::string shape_section(const Layers& layers) {
  const auto figure = [&](double MarginalFit::*which) {
    return three_digits(
        *mean_of(layers, [&](const LayerSummary& layer) { return std::optional(layer.marginal.*which); }));
  };
  return fmt::format(
      "\nSHAPE  of the load: log-normal with sigma {} misses {} of it, Zipf with exponent {} misses {}, "
      "uniform {}\n",
      figure(&MarginalFit::sigma), figure(&MarginalFit::log_normal_misfit), figure(&MarginalFit::exponent),
      figure(&MarginalFit::zipf_misfit), figure(&MarginalFit::uniform_misfit));
}

std::string imitation_section(const Layers& layers) {
  if (!layers.front()->generator || layers.front()->generator->tokens == 0) {
    return "";
  }
  const auto of = [&](const std::function<double(const GeneratorFit&)>& value) {
    return three_digits(mean_of(layers, [&](const LayerSummary& layer) {
                          return layer.generator && layer.generator->tokens > 0
                                     ? std::optional(value(*layer.generator))
                                     : std::nullopt;
                        }).value_or(0.0));
  };
  std::string text = fmt::format(
      "\nIMITATION  drawn by load and a persistence of {}: recorded | imitated\n"
      "  shares apart by {}; busiest over mean {} | {}; experts in common {} | {}\n",
      of([](const GeneratorFit& fit) { return fit.persistence; }),
      of([](const GeneratorFit& fit) { return fit.misfit; }),
      of([](const GeneratorFit& fit) { return fit.max_over_mean.recorded; }),
      of([](const GeneratorFit& fit) { return fit.max_over_mean.generated; }),
      of([](const GeneratorFit& fit) { return fit.shared_experts.recorded; }),
      of([](const GeneratorFit& fit) { return fit.shared_experts.generated; }));
  for (const Index batch : {8, 64}) {
    const auto figure = [batch](double Imitated::*which) {
      return [batch, which](const LayerSummary& layer) -> std::optional<double> {
        for (const ImitatedDistinct& row :
             layer.generator ? layer.generator->distinct : std::vector<ImitatedDistinct>()) {
          if (row.batch == batch) {
            return row.experts.*which;
          }
        }
        return std::nullopt;
      };
    };
    const auto recorded = mean_of(layers, figure(&Imitated::recorded));
    if (recorded) {
      text += fmt::format("  distinct experts of {} neighbours {} | {}\n", batch, one_digit(*recorded),
                          one_digit(*mean_of(layers, figure(&Imitated::generated))));
    }
  }
  return text + fmt::format("  pairs apart by {}, with affinities of strength {} by {}\n",
                            of([](const GeneratorFit& fit) { return fit.pairs_misfit; }),
                            of([](const GeneratorFit& fit) { return fit.affinity; }),
                            of([](const GeneratorFit& fit) { return fit.pairs_misfit_with_affinity; }));
}

std::string domain_section(const TraceSummary& summary) {
  std::string text;
  for (const LayerSummary& layer : summary.layers) {
    if (layer.domain.distance > 0) {
      text += fmt::format(
          "  {}, layer {}: {} of tokens choose expert {} (chance {}); load apart from other domains by {}\n",
          name_of(summary.info.groups[static_cast<std::size_t>(layer.group)]), layer.layer,
          short_percent(layer.domain.share), layer.domain.expert, short_percent(layer.domain.chance),
          three_digits(layer.domain.distance));
    }
  }
  return text.empty() ? "" : "\nDOMAINS\n" + text;
}

}  // namespace

std::string render_trace(const TraceSummary& summary, const ScreenStyle& style) {
  const auto bold = [&](const std::string& text) {
    return style.colour ? "\033[1m" + text + "\033[0m" : text;
  };
  std::string text =
      fmt::format("{}  {} ({}): {}, {}\n", bold("RECORDED ROUTING"), display_safe(summary.info.source),
                  display_safe(summary.info.form), counted(summary.assignments, "choice"),
                  counted(summary.layers.size(), "layer"));
  for (const std::string& note : summary.info.notes) {
    text += fmt::format("  note: {}\n", display_safe(note));
  }
  text += "\n" + load_section(summary) + domain_section(summary);
  for (std::size_t g = 0; g < summary.info.groups.size(); ++g) {
    Layers layers;
    for (const LayerSummary& layer : summary.layers) {
      if (layer.group == static_cast<Index>(g)) {
        layers.push_back(&layer);
      }
    }
    if (layers.empty()) {
      continue;
    }
    const std::string name = name_of(summary.info.groups[g]);
    text += summary.info.groups.size() > 1 && !name.empty() ? "\n" + bold(name) + "\n" : "";
    text += shape_section(layers);
    if (layers.front()->repetition) {
      text += repetition_section(layers) + distinct_section(layers) + pairs_section(layers) +
              cache_section(layers);
    }
    text += further_lines(layers) + imitation_section(layers);
    if (layers.front()->kept_tokens > 0) {
      text += fmt::format(
          "\n  Figures but the load are means over {}; mixed batches, caches, next layer, "
          "vocabulary and imitation\n  see the first {} of each.\n",
          counted(layers.size(), "layer"), counted(layers.front()->kept_tokens, "token"));
    }
  }
  return text;
}

}  // namespace moesim
