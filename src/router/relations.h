#pragma once
// Relations between the keys of the `router:` section and the layer: checked after binding, each reported at
// its key with the other values and their places.

#include <initializer_list>
#include <string>
#include <vector>

#include "config/binder.h"
#include "core/matrix.h"

namespace moesim {

// A list with one number per expert, each from `low` to 1e6.
struct ExpertList {
  std::string key;
  const std::vector<double>& numbers;
  double low = 0.0;
};

class RouterRelations {
 public:
  // All three must outlive the object.
  RouterRelations(Binder& binder, const Node& section, Index num_experts)
      : binder_(binder), section_(section), num_experts_(num_experts) {}

  // Whether none of these keys has been reported already, so that a judgement of their values makes sense.
  // Relations with the layer also need its own num_experts to be sound.
  bool sound(std::initializer_list<std::string> keys) const;

  // "got 8", "got 8 (preset deepseek_v3)", "got 2 (the default)".
  std::string got(const std::string& key, const std::string& value) const;

  // For notes: "router.top_k is 8 (preset deepseek_v3)", with its place.
  std::pair<Location, std::string> note(const std::string& key, const std::string& value) const;
  std::pair<Location, std::string> note_num_experts() const;

  // top_k <= num_experts.
  void check_top_k(Index top_k) const;

  // As many numbers as experts, or none, and each in its range.
  void check_list(const ExpertList& list) const;

 private:
  std::string origin(const std::string& key) const;

  Binder& binder_;
  const Node& section_;
  Index num_experts_;
};

// "a whole number from 1 to 8", or "1".
std::string whole_number_up_to(Index highest);

}  // namespace moesim
