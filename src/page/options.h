#pragma once
// Private to this room: the parts that ECharts options are made of.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/flat_row.h"

namespace moesim::options {

using Json = nlohmann::json;

constexpr std::size_t kMostExperts = 1000;  // of a chart of single experts, whose table shows them all
std::string too_many_experts(std::size_t experts);  // in its place: a sentence; "" where they can be drawn

// null where it is no number: JSON knows no infinity.
Json or_null(double value);
FlatValue known(double value);                             // nothing where it is no number
std::vector<std::string> expert_names(std::size_t count);  // "e0", "e1", …

// `numbers`: how web/chart.js writes the axis' and the tooltip's values: "short" (1.2k), "percent",
// "seconds", "plain".
Json value_axis(const std::string& name, const std::string& numbers = "short");
// What is not above 0 has no place on it: give null.
Json log_axis(const std::string& name, const std::string& numbers = "short");
Json category_axis(const std::string& name, std::vector<std::string> categories);

// Categories from the top down, with room for longer names than a category axis has.
Json rows_axis(const std::string& name, std::vector<std::string> categories);

Json bars(const std::string& name, Json data, const std::string& stack = "");
Json line(const std::string& name, Json data);
Json points(const std::string& name, Json data);
// Thick bars from low to high across the categories of the y axis; `data` are the ends made by add_interval.
Json intervals(const std::string& name, Json data);
void add_interval(Json& data, double low, double high, const std::string& category);

// A vertical or horizontal line across the chart at a value of the given axis ("xAxis", "yAxis").
Json mark(const std::string& axis, double value, const std::string& label);

// x, y and colour; data: [x index, y index, value].
Json heat_map(Json x_axis, Json y_axis, Json data, double low, double high, const std::string& numbers,
              const std::string& title);

Json chart(Json x_axis, Json y_axis, Json series);

std::string text(const Json& option);

}  // namespace moesim::options
