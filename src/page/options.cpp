#include "page/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/numbers.h"

namespace moesim::options {

std::string too_many_experts(std::size_t experts) {
  return experts <= kMostExperts ? ""
                                 : fmt::format("{} are too many to be drawn one by one; up to {} are.",
                                               counted(experts, "expert"), with_commas(kMostExperts));
}

Json or_null(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

FlatValue known(double value) {
  return std::isfinite(value) ? FlatValue(value) : FlatValue();
}

std::vector<std::string> expert_names(std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t e = 0; e < count; ++e) {
    names.push_back(fmt::format("e{}", e));
  }
  return names;
}

Json value_axis(const std::string& name, const std::string& numbers) {
  return {{"type", "value"}, {"name", name}, {"numbers", numbers}};
}

Json log_axis(const std::string& name, const std::string& numbers) {
  return {{"type", "log"}, {"name", name}, {"numbers", numbers}};
}

Json category_axis(const std::string& name, std::vector<std::string> categories) {
  return {{"type", "category"}, {"name", name}, {"data", std::move(categories)}};
}

Json rows_axis(const std::string& name, std::vector<std::string> categories) {
  constexpr std::size_t kMost = 44;  // characters, half the width of a chart
  std::size_t longest = 0;
  for (const std::string& category : categories) {
    longest = std::max(longest, category.size());
  }
  Json axis = category_axis(name, std::move(categories));
  axis["inverse"] = true;
  axis["nameLocation"] = "start";
  axis["axisLabel"] = {{"width", 20 + 7 * std::min(kMost, longest)}};
  return axis;
}

Json bars(const std::string& name, Json data, const std::string& stack) {
  Json series = {{"type", "bar"}, {"name", name}, {"data", std::move(data)}};
  if (!stack.empty()) {
    series["stack"] = stack;
  }
  return series;
}

Json line(const std::string& name, Json data) {
  return {{"type", "line"}, {"name", name}, {"data", std::move(data)}, {"showSymbol", false}};
}

Json points(const std::string& name, Json data) {
  return {{"type", "scatter"}, {"name", name}, {"data", std::move(data)}, {"symbolSize", 8}};
}

Json intervals(const std::string& name, Json data) {
  Json series = line(name, std::move(data));
  series["lineStyle"] = {{"width", 6}, {"opacity", 0.5}};
  return series;
}

void add_interval(Json& data, double low, double high, const std::string& category) {
  data.push_back(Json::array({or_null(low), category}));
  data.push_back(Json::array({or_null(high), category}));
  data.push_back(Json::array({nullptr, category}));  // the line is broken here
}

Json mark(const std::string& axis, double value, const std::string& label) {
  return {{axis, value}, {"name", label}, {"label", {{"formatter", "{b}"}, {"position", "insideEndTop"}}}};
}

Json heat_map(Json x_axis, Json y_axis, Json data, double low, double high, const std::string& numbers,
              const std::string& title) {
  Json option = chart(std::move(x_axis), std::move(y_axis),
                      Json::array({{{"type", "heatmap"}, {"name", title}, {"data", std::move(data)}}}));
  option["visualMap"] = {
      {"min", low}, {"max", high > low ? high : low + 1}, {"calculable", true}, {"numbers", numbers}};
  option["title"] = {{"text", title}};
  return option;
}

Json chart(Json x_axis, Json y_axis, Json series) {
  return {{"xAxis", std::move(x_axis)}, {"yAxis", std::move(y_axis)}, {"series", std::move(series)}};
}

std::string text(const Json& option) {
  return option.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace moesim::options
