#include "page/trace_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "page/options.h"
#include "page/pages.h"
#include "report/numbers.h"

namespace moesim {
namespace {

using options::Json;

constexpr std::size_t kMostRows = 128;     // of a heat map
constexpr std::size_t kMostCells = 65536;  // of a heat map: about 1.5 MB
constexpr std::size_t kMostGroups = 32;    // views to choose from

using Layers = std::vector<const LayerSummary*>;

struct Group {
  std::string name;
  Layers layers;
};

std::vector<Group> groups_of(const TraceSummary& summary) {
  std::vector<Group> groups(summary.info.groups.size());
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const RecordingGroup& group = summary.info.groups[g];
    std::string& name = groups[g].name;
    const auto add = [&name](const std::string& part) {
      name += part.empty() || name.empty() ? part : " " + part;
    };
    add(group.model);
    add(group.domain);
    for (const auto& [column, value] : group.labels) {
      add(value);
    }
  }
  for (const LayerSummary& layer : summary.layers) {
    groups[static_cast<std::size_t>(layer.group)].layers.push_back(&layer);
  }
  std::erase_if(groups, [](const Group& group) { return group.layers.empty(); });
  return groups;
}

std::string view_name(const Group& group, const std::vector<Group>& groups) {
  return groups.size() == 1 ? "" : group.name.empty() ? "all" : group.name;
}

// Every layer's loads over their fair share; of many layers the first.
Chart load_chart(const std::vector<Group>& groups) {
  Chart chart{"load",
              "Load of each expert in each layer",
              "",
              {},
              {{"group", "layer", "expert", "load over fair share"}, {}}};
  double most = 0;
  std::string where;
  for (std::size_t g = 0; g < std::min(groups.size(), kMostGroups); ++g) {
    const Layers& layers = groups[g].layers;
    const auto experts = static_cast<std::size_t>(layers.front()->num_experts());
    const std::size_t drawn = experts == 0 ? 0 : std::min({layers.size(), kMostRows, kMostCells / experts});
    Json data = Json::array();
    std::vector<std::string> numbers;
    double high = 0;
    for (std::size_t l = 0; l < drawn; ++l) {
      numbers.push_back(std::to_string(layers[l]->layer));
      const std::vector<double> share = shares(layers[l]->load.count);
      for (std::size_t e = 0; e < experts; ++e) {
        const double relative = share[e] * static_cast<double>(experts);
        high = std::max(high, relative);
        data.push_back(Json::array({e, l, relative}));
        chart.table.rows.push_back(
            {groups[g].name, layers[l]->layer, static_cast<std::int64_t>(e), relative});
        if (relative > most) {
          most = relative;
          where = fmt::format("Expert {} of layer {}{}{} is chosen most, {:.1f} times its fair share.", e,
                              layers[l]->layer, groups.size() > 1 ? " in " : "",
                              groups.size() > 1 ? groups[g].name : "", relative);
        }
      }
    }
    if (drawn > 0) {
      chart.views.push_back(
          {view_name(groups[g], groups),
           options::text(options::heat_map(options::category_axis("expert", options::expert_names(experts)),
                                           options::category_axis("layer", std::move(numbers)),
                                           std::move(data), 0, high, "short", "load over fair share"))});
    }
  }
  chart.takeaway = where;
  return chart;
}

// One curve: the mean over the layers that know the value, at each place of the x axis.
struct Curve {
  const char* name;
  std::function<std::optional<double>(const LayerSummary&, std::size_t)> value;
};

std::optional<double> mean_at(const Curve& curve, const Layers& layers, std::size_t place) {
  double sum = 0;
  std::size_t known = 0;
  for (const LayerSummary* layer : layers) {
    if (const std::optional<double> value = curve.value(*layer, place)) {
      sum += *value;
      ++known;
    }
  }
  return known == 0 ? std::nullopt : std::optional(sum / static_cast<double>(known));
}

void add_curves(Chart& chart, const std::vector<Group>& groups, const std::vector<Curve>& curves,
                const std::function<std::vector<Index>(const Layers&)>& places, const Json& x_axis,
                const Json& y_axis) {
  for (std::size_t g = 0; g < std::min(groups.size(), kMostGroups); ++g) {
    const Layers& layers = groups[g].layers;
    const std::vector<Index> x = places(layers);
    Json series = Json::array();
    for (const Curve& curve : curves) {
      Json data = Json::array();
      for (std::size_t i = 0; i < x.size(); ++i) {
        if (const std::optional<double> value = mean_at(curve, layers, i)) {
          data.push_back(Json::array({x[i], *value}));
          chart.table.rows.push_back({groups[g].name, std::string(curve.name), x[i], *value});
        }
      }
      if (!data.empty()) {
        series.push_back(options::line(curve.name, std::move(data)));
      }
    }
    if (!series.empty()) {
      Json option = options::chart(x_axis, y_axis, std::move(series));
      option["tooltip"] = {{"trigger", "axis"}};
      chart.views.push_back({view_name(groups[g], groups), options::text(option)});
    }
  }
}

Chart distinct_chart(const std::vector<Group>& groups) {
  Chart chart{"distinct-experts",
              "Distinct experts of a batch",
              "",
              {},
              {{"group", "batches", "tokens", "experts"}, {}}};
  const auto of = [](double DistinctExperts::*figure, std::uint64_t DistinctExperts::*known) {
    return [figure, known](const LayerSummary& layer, std::size_t i) -> std::optional<double> {
      return i < layer.distinct.size() && (known == nullptr || layer.distinct[i].*known > 0)
                 ? std::optional(layer.distinct[i].*figure)
                 : std::nullopt;
    };
  };
  const std::vector<Curve> curves = {
      {"one sequence", of(&DistinctExperts::neighbours, &DistinctExperts::windows)},
      {"mixed", of(&DistinctExperts::mixed, &DistinctExperts::draws)},
      {"popularity", of(&DistinctExperts::popularity, nullptr)},
      {"uniform router", of(&DistinctExperts::uniform, nullptr)}};
  add_curves(
      chart, groups, curves,
      [](const Layers& layers) {
        std::vector<Index> batches;
        for (const DistinctExperts& row : layers.front()->distinct) {
          batches.push_back(row.batch);
        }
        return batches;
      },
      options::log_axis("tokens of the batch"), options::value_axis("experts"));
  chart.takeaway =
      "Neighbouring tokens of a sequence touch fewer experts than tokens mixed from several, and both fewer "
      "than a uniform router would.";
  return chart;
}

Chart cache_chart(const std::vector<Group>& groups) {
  Chart chart{
      "cache", "Hit rates of expert caches", "", {}, {{"group", "rule", "experts held", "hit rate"}, {}}};
  const auto of = [](double CacheRates::*figure) {
    return [figure](const LayerSummary& layer, std::size_t i) -> std::optional<double> {
      return layer.caches && i < layer.caches->rates.size() ? std::optional(layer.caches->rates[i].*figure)
                                                            : std::nullopt;
    };
  };
  const std::vector<Curve> curves = {{"LRU", of(&CacheRates::lru)},
                                     {"LFU", of(&CacheRates::lfu)},
                                     {"fixed", of(&CacheRates::fixed)},
                                     {"possible", of(&CacheRates::optimal)}};
  add_curves(
      chart, groups, curves,
      [](const Layers& layers) {
        std::vector<Index> sizes;
        for (const CacheRates& rates :
             layers.front()->caches ? layers.front()->caches->rates : std::vector<CacheRates>()) {
          sizes.push_back(rates.size);
        }
        return sizes;
      },
      options::value_axis("experts held"), options::value_axis("hit rate", "percent"));
  chart.takeaway =
      "A cache for each layer, empty when a sequence begins; fixed holds the experts most often chosen "
      "elsewhere.";
  return chart;
}

Chart repetition_chart(const std::vector<Group>& groups) {
  Chart chart{"repetition",
              "Experts that neighbouring tokens share",
              "",
              {},
              {{"group", "tokens", "layer", "experts"}, {}}};
  const auto of = [](double Repeated::*figure) {
    return [figure](const LayerSummary& layer, std::size_t) -> std::optional<double> {
      return layer.repetition && layer.repetition->neighbours > 0
                 ? std::optional(layer.repetition->shared_experts.*figure)
                 : std::nullopt;
    };
  };
  const std::vector<Curve> curves = {{"neighbours", of(&Repeated::observed)},
                                     {"popularity", of(&Repeated::popularity)},
                                     {"uniform router", of(&Repeated::uniform)}};
  for (std::size_t g = 0; g < std::min(groups.size(), kMostGroups); ++g) {
    Json series = Json::array();
    for (const Curve& curve : curves) {
      Json data = Json::array();
      for (const LayerSummary* layer : groups[g].layers) {
        if (const std::optional<double> value = curve.value(*layer, 0)) {
          data.push_back(Json::array({layer->layer, *value}));
          chart.table.rows.push_back({groups[g].name, std::string(curve.name), layer->layer, *value});
        }
      }
      if (!data.empty()) {
        series.push_back(options::line(curve.name, std::move(data)));
      }
    }
    if (!series.empty()) {
      Json option = options::chart(options::value_axis("layer", "plain"), options::value_axis("experts"),
                                   std::move(series));
      option["tooltip"] = {{"trigger", "axis"}};
      chart.views.push_back({view_name(groups[g], groups), options::text(option)});
    }
  }
  chart.takeaway = "How many experts a token and the next of its sequence both choose, layer by layer.";
  return chart;
}

NamedTable pairs_table(const std::vector<Group>& groups) {
  NamedTable table{"pairs",
                   "Experts chosen together",
                   {{"group", "layer", "experts", "tokens", "share of tokens", "times popularity"}, {}}};
  for (const Group& group : groups) {
    for (const LayerSummary* layer : group.layers) {
      for (const ExpertPair& pair : layer->pairs ? layer->pairs->top : std::vector<ExpertPair>()) {
        table.table.rows.push_back({group.name, layer->layer, fmt::format("{} and {}", pair.a, pair.b),
                                    static_cast<std::int64_t>(pair.count), pair.share_of_tokens, pair.lift});
      }
    }
  }
  return table;
}

NamedTable balance_table(const std::vector<Group>& groups) {
  NamedTable table{"balance",
                   "Balance of each layer",
                   {{"group", "layer", "tokens", "MaxVio", "by chance", "load CV", "by chance", "Gini",
                     "entropy", "effective experts", "dead experts", "sigma", "misfit"},
                    {}}};
  for (const Group& group : groups) {
    for (const LayerSummary* layer : group.layers) {
      const auto chance = [layer](Floor NoiseFloor::*metric) {
        return layer->floor ? FlatValue(((*layer->floor).*metric).mean) : FlatValue();
      };
      table.table.rows.push_back(
          {group.name, layer->layer, static_cast<std::int64_t>(layer->load.tokens),
           layer->stats.max_violation, chance(&NoiseFloor::max_violation), layer->stats.cv,
           chance(&NoiseFloor::cv), layer->stats.gini, layer->stats.entropy, layer->stats.effective_experts,
           layer->stats.dead_experts, layer->marginal.sigma, layer->marginal.log_normal_misfit});
    }
  }
  return table;
}

}  // namespace

Page trace_page(const TraceSummary& summary, const std::string& again) {
  const std::vector<Group> groups = groups_of(summary);
  Page page{"Recorded routing", "", {}, {}};
  page.verdict = fmt::format("{}: {}, {}.", summary.info.source, counted(summary.assignments, "choice"),
                             counted(summary.layers.size(), "layer"));
  page.badges = {summary.info.form};
  Section load{"load-section", "Load", {}};
  add_chart(load, load_chart(groups));
  load.blocks.push_back(balance_table(groups));
  add_section(page, std::move(load));
  Section batches{"batches", "Batches", {}};
  add_chart(batches, distinct_chart(groups));
  add_chart(batches, repetition_chart(groups));
  add_section(page, std::move(batches));
  Section caches{"caches", "Caches", {}};
  add_chart(caches, cache_chart(groups));
  add_section(page, std::move(caches));
  NamedTable pairs = pairs_table(groups);
  if (!pairs.table.rows.empty()) {
    add_section(page, {"together", "Pairs", {std::move(pairs)}});
  }
  Section notes{"notes", "Notes", {}};
  for (const std::string& note : summary.info.notes) {
    notes.blocks.push_back(Paragraph{note});
  }
  notes.blocks.push_back(Command{again});
  add_section(page, std::move(notes));
  return page;
}

}  // namespace moesim
