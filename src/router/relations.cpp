#include "router/relations.h"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {

bool RouterRelations::sound(std::initializer_list<std::string> keys) const {
  const auto& list = binder_.diagnostics.list();
  return std::none_of(list.begin(), list.end(), [&](const Diagnostic& problem) {
    return problem.key == "layer.num_experts" ||
           std::any_of(keys.begin(), keys.end(),
                       [&](const std::string& key) { return problem.key == "router." + key; });
  });
}

std::string RouterRelations::origin(const std::string& key) const {
  if (binder_.given("router." + key)) {
    return "";
  }
  const Node* value = section_.child(key);
  return value == nullptr ? " (the default)" : fmt::format(" ({})", value->where.text());
}

std::string RouterRelations::got(const std::string& key, const std::string& value) const {
  return fmt::format("got {}{}", value, origin(key));
}

std::pair<Location, std::string> RouterRelations::note(const std::string& key,
                                                       const std::string& value) const {
  return {binder_.locate("router." + key), fmt::format("router.{} is {}{}", key, value, origin(key))};
}

std::pair<Location, std::string> RouterRelations::note_num_experts() const {
  const std::string path = "layer.num_experts";
  const auto resolved = std::find_if(binder_.resolved.begin(), binder_.resolved.end(),
                                     [&](const ResolvedValue& value) { return value.path == path; });
  if (resolved != binder_.resolved.end() && resolved->value != std::to_string(num_experts_)) {
    return {binder_.locate(path),
            fmt::format("{} is {}; with its zero, copy and constant experts the layer has {}", path,
                        resolved->value, num_experts_)};
  }
  const Location where = binder_.locate(path);
  std::string from;
  if (!binder_.given(path)) {
    from = " (the default)";
  } else if (where.line < 1 && where.source.rfind("--set ", 0) != 0) {
    from = fmt::format(" ({})", where.source);  // an array's columns
  }
  return {where, fmt::format("{} is {}{}", path, num_experts_, from)};
}

void RouterRelations::check_top_k(Index top_k) const {
  if (sound({"top_k"}) && top_k > num_experts_) {
    binder_.error("router.top_k", got("top_k", std::to_string(top_k)), whole_number_up_to(num_experts_),
                  "out-of-range", "", {note_num_experts()});
  }
}

void RouterRelations::check_list(const ExpertList& list) const {
  if (!sound({list.key}) || list.numbers.empty()) {
    return;
  }
  const std::string path = "router." + list.key;
  if (static_cast<Index>(list.numbers.size()) != num_experts_) {
    binder_.error(path, fmt::format("got {} numbers", list.numbers.size()),
                  fmt::format("{} numbers, one per expert", num_experts_), "wrong-length", "",
                  {note_num_experts()});
  }
  constexpr double kLargest = 1e6;
  for (const double number : list.numbers) {
    if (number < list.low || number > kLargest) {
      binder_.error(path, "got " + print_real(number),
                    fmt::format("numbers from {} to 1e6", list.low < 0.0 ? "-1e6" : "0"), "out-of-range");
    }
  }
}

std::string whole_number_up_to(Index highest) {
  return highest == 1 ? "1" : fmt::format("a whole number from 1 to {}", highest);
}

}  // namespace moesim
