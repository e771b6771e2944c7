// Published models: what is stored against what a token uses, and which convention published figures follow.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "models/model_parameters.h"
#include "page/options.h"
#include "page/pages.h"
#include "report/models_screen.h"
#include "report/numbers.h"

namespace moesim {
namespace {

using options::Json;

struct Convention {
  const char* name;
  std::uint64_t ActiveParameters::*count;
};
constexpr Convention kConventions[] = {{"all", &ActiveParameters::all},
                                       {"no_input_embedding", &ActiveParameters::no_input_embedding},
                                       {"no_embeddings", &ActiveParameters::no_embeddings}};
constexpr double kBillion = 1e9;

FlatValue whole(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

Chart total_active_chart(const std::vector<CatalogueModel>& models) {
  Chart chart{"total-active", "Stored and used", "", {}, {}};
  chart.table.columns = {"model", "total parameters", "active, all", "no_input_embedding", "no_embeddings"};
  std::vector<Json> data(std::size(kConventions), Json::array());
  double least = 1.0;
  std::string sparsest;
  for (const CatalogueModel& model : models) {
    const ModelParameters p = count_parameters(model.shape);
    if (!model.shape.complete) {
      continue;
    }
    for (std::size_t c = 0; c < std::size(kConventions); ++c) {
      data[c].push_back({{"name", model.name}, {"value", {p.total, p.active.*kConventions[c].count}}});
    }
    chart.table.rows.push_back({model.name, whole(p.total), whole(p.active.all),
                                whole(p.active.no_input_embedding), whole(p.active.no_embeddings)});
    const double share = static_cast<double>(p.active.all) / static_cast<double>(p.total);
    if (share < least) {
      least = share;
      sparsest = model.name;
    }
  }
  if (chart.table.rows.empty()) {
    return chart;
  }
  Json series = Json::array();
  for (std::size_t c = 0; c < std::size(kConventions); ++c) {
    series.push_back(options::points(kConventions[c].name, std::move(data[c])));
  }
  chart.views.push_back(
      {"", options::text(options::chart(options::log_axis("total parameters"),
                                        options::log_axis("active parameters"), std::move(series)))});
  chart.takeaway =
      fmt::format("{} uses the smallest share of its weights for a token: {}.", sparsest, percent(least));
  return chart;
}

Chart conventions_chart(const std::vector<CatalogueModel>& models) {
  Chart chart{"conventions", "Which convention a published figure follows", "", {}, {}};
  chart.table.columns = {"model", "published", "nearest", "all", "no_input_embedding", "no_embeddings"};
  std::vector<std::string> names;
  std::vector<Json> data(std::size(kConventions), Json::array());
  std::vector<std::size_t> nearest_counts(std::size(kConventions), 0);
  for (const CatalogueModel& model : models) {
    // Where one table serves as both embeddings, two of the three conventions are the same number.
    if (!model.shape.complete || !model.published_active || model.shape.tied_embeddings) {
      continue;
    }
    const ModelParameters p = count_parameters(model.shape);
    const NearestConvention nearest = nearest_convention(p.active, *model.published_active);
    std::vector<FlatValue> row = {model.name, *model.published_active * kBillion, std::string(nearest.name)};
    names.push_back(model.name);
    for (std::size_t c = 0; c < std::size(kConventions); ++c) {
      const double count = static_cast<double>(p.active.*kConventions[c].count);
      const double difference = count / (*model.published_active * kBillion) - 1.0;
      data[c].push_back(Json::array({difference, model.name}));
      row.emplace_back(difference);
      nearest_counts[c] += std::string(kConventions[c].name) == nearest.name ? 1 : 0;
    }
    chart.table.rows.push_back(std::move(row));
  }
  if (names.empty()) {
    return chart;
  }
  Json series = Json::array();
  for (std::size_t c = 0; c < std::size(kConventions); ++c) {
    series.push_back(options::points(kConventions[c].name, std::move(data[c])));
  }
  constexpr int kRow = 18;  // pixels
  constexpr int kRest = 110;
  chart.height = kRest + kRow * static_cast<int>(names.size());
  chart.takeaway = fmt::format(
      "Of {} published figures {} lie nearest to all, {} to no_input_embedding, {} to "
      "no_embeddings.",
      names.size(), nearest_counts[0], nearest_counts[1], nearest_counts[2]);
  chart.views.push_back(
      {"", options::text(options::chart(options::value_axis("count / published - 1", "percent"),
                                        options::rows_axis("", std::move(names)), std::move(series)))});
  return chart;
}

}  // namespace

Page models_page(const std::vector<CatalogueModel>& models, const std::string& again) {
  Page page{"Published models", "", {}, {}};
  page.badges = {counted(models.size(), "model")};
  Section stored{"stored", "Total and active parameters", {}};
  add_words(stored,
            "Total parameters must be held in memory, all of them, because the next token may choose other "
            "experts. "
            "Active parameters are those that one token's computation reads: they set the time.");
  Chart scatter = total_active_chart(models);
  Chart conventions = conventions_chart(models);
  page.verdict = scatter.takeaway + (conventions.takeaway.empty() ? "" : " ") + conventions.takeaway;
  add_chart(stored, std::move(scatter));
  Section published{"published", "Three conventions", {}};
  add_words(
      published,
      "all: both embeddings are counted. no_input_embedding: without the table that token ids are looked up "
      "in, of which a token reads one row. no_embeddings: without the output projection, too. Models whose "
      "embeddings are one table are left out: two of the three are the same there.");
  add_chart(published, std::move(conventions));
  Section repeat{"repeat", "Repeat this", {}};
  repeat.blocks.emplace_back(Command{again});
  for (Section* section : {&stored, &published, &repeat}) {
    add_section(page, std::move(*section));
  }
  return page;
}

}  // namespace moesim
