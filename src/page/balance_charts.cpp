// Where the tokens went: loads, layers, steps, weights, pairs.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "page/options.h"
#include "page/run_charts.h"
#include "report/numbers.h"

namespace moesim {
namespace {

using options::Json;

constexpr std::size_t kMostViews = 64;     // layers to choose from
constexpr std::int64_t kMostSquare = 256;  // experts of a square of pairs
constexpr std::size_t kMostRows = 128;     // of a heat map
constexpr std::size_t kMostCells = 65536;  // of a heat map: about 1.5 MB
constexpr std::size_t kMostBars = 4096;    // of single experts: a browser takes half a second for them
constexpr std::size_t kMostWords = 2000;
constexpr std::size_t kMostChoices = 200'000;

double sum_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

// Rows an expert may take: the capacity of one group times the groups of the run, where the row says both.
double capacity_line(const StoredPoint& point) {
  const double capacity = number(point, "m.capacity");
  const bool of_a_step = word(point, "p.capacity.group") == "batch";
  return of_a_step ? capacity * number(point, "p.workload.steps") : std::nan("");
}

// The n-th of `drawn` places of `all`, evenly chosen, the first and the last among them.
std::size_t evenly(std::size_t n, std::size_t drawn, std::size_t all) {
  return drawn == all ? n : n * (all - 1) / (drawn - 1);
}

std::string load_option(const StoredPoint& point, const LayerLoads& loads,
                        const std::vector<std::size_t>& order) {
  const double fair = sum_of(loads.routed) / static_cast<double>(loads.routed.size());
  std::vector<std::string> names;
  Json kept = Json::array();
  Json dropped = Json::array();
  const std::size_t drawn = std::min(order.size(), kMostBars);
  for (std::size_t n = 0; n < drawn; ++n) {
    const std::size_t e = order[evenly(n, drawn, order.size())];
    names.push_back(fmt::format("e{}", e));
    kept.push_back(loads.processed[e]);
    dropped.push_back(std::max(0.0, loads.routed[e] - loads.processed[e]));
  }
  Json processed = options::bars("processed", std::move(kept), "load");
  Json marks = Json::array({options::mark("yAxis", fair, "fair share")});
  const double capacity = capacity_line(point);
  if (std::isfinite(capacity)) {
    marks.push_back(options::mark("yAxis", capacity, "capacity"));
    marks.back()["label"]["position"] = "insideStartTop";  // the other's stands at the end
  }
  processed["markLine"] = {{"data", std::move(marks)}, {"symbol", "none"}};
  const double noise = number(point, "m.noise_floor.max_violation.p95");
  if (std::isfinite(noise)) {
    processed["markArea"] = {
        {"silent", true},
        {"data", Json::array({Json::array({{{"yAxis", fair * std::max(0.0, 1 - noise)}, {"name", "chance"}},
                                           {{"yAxis", fair * (1 + noise)}}})})}};
  }
  Json option = options::chart(
      options::category_axis("expert", std::move(names)), options::value_axis("tokens"),
      Json::array({std::move(processed), options::bars("dropped", std::move(dropped), "load")}));
  option["tooltip"] = {{"trigger", "axis"}};
  return options::text(option);
}

std::size_t views_of(const StoredLoads& loads) {
  return std::min(kMostViews, loads.total.size());
}

std::string layer_view(const StoredLoads& loads, std::size_t layer, const std::string& rest) {
  return loads.total.size() == 1 ? rest : fmt::format("layer {}{}{}", layer, rest.empty() ? "" : ", ", rest);
}

// Loads of all experts in one layer or one step.
struct NumberedLoad {
  std::int64_t number = 0;
  const std::vector<double>* load = nullptr;
};
struct SharesMap {
  std::size_t known = 0, drawn = 0;  // rows
  double most = 0;
  std::int64_t most_at = 0;
};

// Row by row the loads over their fair share, of many rows some; nothing where fewer than two say anything.
std::optional<SharesMap> draw_shares(Chart& chart, const std::string& of, std::vector<NumberedLoad> rows) {
  std::erase_if(rows, [](const NumberedLoad& row) { return sum_of(*row.load) <= 0; });
  const std::size_t experts = rows.empty() ? 0 : rows.front().load->size();
  const std::size_t drawn = experts == 0 ? 0 : std::min({rows.size(), kMostRows, kMostCells / experts});
  if (drawn < 2) {
    return std::nullopt;
  }
  SharesMap map{rows.size(), drawn};
  Json data = Json::array();
  std::vector<std::string> numbers;
  chart.table.columns = {of, "expert", "load over fair share"};
  for (std::size_t r = 0; r < drawn; ++r) {
    const NumberedLoad& row = rows[evenly(r, drawn, rows.size())];
    const double fair = sum_of(*row.load) / static_cast<double>(experts);
    numbers.push_back(std::to_string(row.number));
    for (std::size_t e = 0; e < experts; ++e) {
      const double relative = (*row.load)[e] / fair;
      data.push_back(Json::array({e, r, relative}));
      chart.table.rows.push_back({row.number, static_cast<std::int64_t>(e), relative});
      if (relative > map.most) {
        map.most = relative;
        map.most_at = row.number;
      }
    }
  }
  chart.views.push_back(
      {"", options::text(options::heat_map(options::category_axis("expert", options::expert_names(experts)),
                                           options::category_axis(of, std::move(numbers)), std::move(data), 0,
                                           map.most, "short", "load over fair share"))});
  return map;
}

}  // namespace

Chart load_chart(const StoredPoint& point, const StoredLoads& loads) {
  Chart chart{"load", "Load per expert", "", {}, {{"layer", "expert", "routed", "processed", "dropped"}, {}}};
  for (std::size_t l = 0; l < views_of(loads); ++l) {
    const LayerLoads& layer = loads.total[l];
    if (layer.routed.empty() || sum_of(layer.routed) <= 0) {
      continue;
    }
    std::vector<std::size_t> order(layer.routed.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    chart.views.push_back({layer_view(loads, l, "by id"), load_option(point, layer, order)});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return layer.routed[a] > layer.routed[b]; });
    chart.views.push_back({layer_view(loads, l, "sorted"), load_option(point, layer, order)});
    if (chart.takeaway.empty()) {
      const double fair = sum_of(layer.routed) / static_cast<double>(layer.routed.size());
      chart.takeaway = fmt::format(
          "Expert {} was chosen most, {:.2f} times its fair share; expert {} least, {:.2f} times.",
          order.front(), layer.routed[order.front()] / fair, order.back(), layer.routed[order.back()] / fair);
      chart.takeaway += order.size() > kMostBars
                            ? fmt::format(" Drawn: {} of {} experts, evenly chosen.", with_commas(kMostBars),
                                          with_commas(order.size()))
                            : "";
    }
    for (std::size_t e = 0; e < layer.routed.size(); ++e) {
      chart.table.rows.push_back(
          {static_cast<std::int64_t>(l), static_cast<std::int64_t>(e),
           static_cast<std::int64_t>(layer.routed[e]), static_cast<std::int64_t>(layer.processed[e]),
           static_cast<std::int64_t>(std::max(0.0, layer.routed[e] - layer.processed[e]))});
    }
  }
  return chart;
}

Chart lorenz_chart(const StoredPoint& point, const StoredLoads& loads) {
  Chart chart{"lorenz", "Lorenz curve", "", {}, {{"layer", "share of experts", "share of tokens"}, {}}};
  for (std::size_t l = 0; l < views_of(loads); ++l) {
    std::vector<double> load = loads.total[l].routed;
    const double sum = sum_of(load);
    if (sum <= 0) {
      continue;
    }
    std::sort(load.begin(), load.end());
    Json curve = Json::array({Json::array({0, 0})});
    double below = 0;
    const std::size_t drawn = std::min(load.size(), kMostBars);
    for (std::size_t i = 0, n = 0; i < load.size(); ++i) {
      below += load[i];
      const double experts = static_cast<double>(i + 1) / static_cast<double>(load.size());
      if (n < drawn && i == evenly(n, drawn, load.size())) {
        curve.push_back(Json::array({experts, below / sum}));
        ++n;
      }
      chart.table.rows.push_back({static_cast<std::int64_t>(l), experts, below / sum});
    }
    Json option = options::chart(
        options::value_axis("share of experts, least loaded first", "percent"),
        options::value_axis("share of tokens", "percent"),
        Json::array({options::line("loads", std::move(curve)),
                     options::line("all alike", Json::array({Json::array({0, 0}), Json::array({1, 1})}))}));
    option["xAxis"]["max"] = 1;
    option["yAxis"]["max"] = 1;
    chart.views.push_back({layer_view(loads, l, ""), options::text(option)});
  }
  const double gini = number(point, "m.load_gini");
  if (std::isfinite(gini)) {
    chart.takeaway = fmt::format(
        "Gini {:.3f}: twice the area between the curve and the line of equal loads; 0 is even.", gini);
  }
  return chart;
}

Chart layers_chart(const StoredLoads& loads) {
  std::vector<NumberedLoad> layers;
  for (std::size_t l = 0; l < loads.total.size(); ++l) {
    layers.push_back({static_cast<std::int64_t>(l), &loads.total[l].routed});
  }
  Chart chart{"layers", "Layers and experts", "", {}, {}};
  if (const auto map = draw_shares(chart, "layer", std::move(layers))) {
    chart.takeaway = fmt::format(
        "The busiest expert {} is in layer {}, at {:.2f} times its fair share.",
        map->drawn < map->known ? fmt::format("of these {} of {} layers", map->drawn, map->known) : "of all",
        map->most_at, map->most);
  }
  return chart;
}

Chart steps_chart(const StoredLoads& loads) {
  std::vector<NumberedLoad> steps;
  for (const auto& [step, layer] : loads.first_layer_by_step) {
    steps.push_back({step, &layer.routed});
  }
  Chart chart{"steps", "Steps and experts", "", {}, {}};
  if (const auto map = draw_shares(chart, "step", std::move(steps))) {
    chart.takeaway = fmt::format(
        "First layer, {} steps{}: what does not change from step to step is the router, not chance.",
        map->drawn, map->drawn < map->known ? fmt::format(" of {}, evenly chosen", map->known) : "");
  }
  return chart;
}

Chart weights_chart(const StoredDetail& detail, const std::string& what) {
  const bool entropy = what == "entropy";
  Chart chart{entropy ? "entropy" : "weights",
              entropy ? "How sure the router is" : "Gate weights",
              "",
              {},
              {{"layer", "from", "to", entropy ? "tokens" : "assignments"}, {}}};
  std::map<std::int64_t, std::vector<const StoredBin*>> layers;
  for (const StoredBin& bin : detail.bins) {
    if (bin.what == what && bin.count >= 0 && std::isfinite(bin.low) && std::isfinite(bin.high)) {
      layers[bin.layer].push_back(&bin);
    }
  }
  for (const auto& [layer, bins] : layers) {
    std::vector<std::string> names;
    Json counts = Json::array();
    double all = 0;
    double middle = 0;
    for (const StoredBin* bin : bins) {
      names.push_back(fmt::format("{:.2f}", bin->low));
      counts.push_back(bin->count);
      all += static_cast<double>(bin->count);
      middle += static_cast<double>(bin->count) * 0.5 * (bin->low + bin->high);
      chart.table.rows.push_back({layer, bin->low, bin->high, bin->count});
    }
    if (all <= 0 || chart.views.size() >= kMostViews) {
      continue;
    }
    Json option = options::chart(
        options::category_axis(entropy ? "entropy of a token's scores over ln E, from" : "weight, from",
                               std::move(names)),
        options::value_axis(entropy ? "tokens" : "assignments"),
        Json::array({options::bars(entropy ? "tokens" : "assignments", std::move(counts))}));
    option["tooltip"] = {{"trigger", "axis"}};
    chart.views.push_back({layers.size() == 1 ? "" : fmt::format("layer {}", layer), options::text(option)});
    if (chart.takeaway.empty()) {
      chart.takeaway =
          entropy ? fmt::format("About {:.2f} on average: 1 means all experts alike, 0 one expert alone.",
                                middle / all)
                  : fmt::format("About {:.2f} on average for {} assignments.", middle / all,
                                with_commas(static_cast<std::uint64_t>(all)));
    }
  }
  return chart;
}

Chart pairs_chart(const StoredPoint& point, const StoredDetail& detail) {
  Chart chart{"pairs", "Experts chosen together", "", {}, {{"layer", "expert", "with expert", "tokens"}, {}},
              420};
  const double experts = number(point, "p.layer.num_experts");
  if (!(experts >= 2 && experts <= static_cast<double>(kMostSquare))) {
    return chart;
  }
  const auto count = static_cast<std::int64_t>(experts);
  std::map<std::int64_t, std::vector<const StoredPair*>> layers;
  for (const StoredPair& pair : detail.pairs) {
    if (pair.expert_a >= 0 && pair.expert_a < pair.expert_b && pair.expert_b < count && pair.tokens > 0) {
      layers[pair.layer].push_back(&pair);
    }
  }
  for (const auto& [layer, pairs] : layers) {
    if (chart.views.size() >= kMostViews) {
      break;
    }
    Json data = Json::array();
    const StoredPair* most = pairs.front();
    for (const StoredPair* pair : pairs) {
      data.push_back(Json::array({pair->expert_a, pair->expert_b, pair->tokens}));
      data.push_back(Json::array({pair->expert_b, pair->expert_a, pair->tokens}));
      chart.table.rows.push_back({layer, pair->expert_a, pair->expert_b, pair->tokens});
      most = pair->tokens > most->tokens ? pair : most;
    }
    const std::vector<std::string> names = options::expert_names(static_cast<std::size_t>(count));
    chart.views.push_back(
        {layers.size() == 1 ? "" : fmt::format("layer {}", layer),
         options::text(options::heat_map(options::category_axis("expert", names),
                                         options::category_axis("expert", names), std::move(data), 0,
                                         static_cast<double>(most->tokens), "short", "tokens"))});
    if (chart.takeaway.empty()) {
      chart.takeaway = fmt::format("Experts {} and {} shared the most tokens: {}.", most->expert_a,
                                   most->expert_b, with_commas(static_cast<std::uint64_t>(most->tokens)));
    }
  }
  return chart;
}

TokenText token_text(const StoredPoint& point, const StoredDetail& detail) {
  TokenText text;
  std::map<std::int64_t, std::size_t> layer_of;  // number to place in `layers`
  const double experts = number(point, "p.layer.num_experts");
  const auto is_ours = [&](const StoredChoice& choice) {
    return choice.layer >= 0 && choice.expert >= 0 && static_cast<double>(choice.expert) < experts;
  };
  for (const StoredChoice& choice : detail.choices) {
    if (is_ours(choice) && layer_of.size() < kMostViews) {
      layer_of.emplace(choice.layer, 0);
    }
  }
  for (auto& [layer, place] : layer_of) {
    place = text.layers.size();
    text.layers.push_back(layer);
  }
  std::map<std::int64_t, std::pair<std::size_t, std::size_t>> token_at;  // by place: passage, token
  const std::size_t words = std::min(kMostWords, detail.tokens.size());
  for (std::size_t t = 0; t < words; ++t) {
    const StoredToken& row = detail.tokens[t];
    if (text.passages.empty() || text.passages.back().name != row.domain) {
      text.passages.push_back({row.domain, {}});
    }
    std::vector<TokenText::Token>& tokens = text.passages.back().tokens;
    token_at[row.place] = {text.passages.size() - 1, tokens.size()};
    tokens.push_back({row.text, std::vector<std::vector<TokenText::Choice>>(text.layers.size())});
  }
  const std::size_t choices = std::min(kMostChoices, detail.choices.size());
  for (std::size_t c = 0; c < choices; ++c) {
    const StoredChoice& choice = detail.choices[c];
    const auto layer = layer_of.find(choice.layer);
    const auto token = token_at.find(choice.place);
    if (is_ours(choice) && layer != layer_of.end() && token != token_at.end()) {
      const auto [passage, place] = token->second;
      text.passages[passage].tokens[place].choices[layer->second].push_back(
          {static_cast<int>(choice.expert), choice.weight, choice.kept});
    }
  }
  return text;
}

}  // namespace moesim
