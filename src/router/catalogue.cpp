// The list of router families. To add one: write its file, declare its entry in router/variants.h, name it
// here.

#include <fmt/format.h>

#include <algorithm>

#include "core/checked.h"
#include "router/variants.h"

namespace moesim {

const Catalogue<RouterFamily>& router_families() {
  static const Catalogue<RouterFamily> list({router_base_assignment(), router_drawn(), router_expert_choice(),
                                             router_expert_threshold(), router_hash(), router_qb_dynamic(),
                                             router_random(), router_recorded(), router_round_robin(),
                                             router_sinkhorn(), router_soft(), router_sparsemixer(),
                                             router_token_choice(), router_top_any(), router_zipf()});
  return list;
}

Node example_section(const RouterFamily& family) {
  std::vector<std::pair<std::string, std::string>> values = {{"kind", family.name}};
  values.insert(values.end(), family.example.begin(), family.example.end());
  return scalar_section(values);
}

std::string families_with_key(const std::string& key) {
  std::string families;
  for (const RouterFamily& family : router_families().entries()) {
    const std::vector<FieldInfo> fields = family.fields();
    if (std::any_of(fields.begin(), fields.end(), [&](const FieldInfo& f) { return f.name == key; })) {
      families += (families.empty() ? "" : ", ") + family.name;
    }
  }
  return families.empty() ? "" : fmt::format("'{}' is a key of router.kind {}", key, families);
}

Assignments exactly_k(Index num_experts, Index num_tokens, Index top_k) {
  const std::size_t size =
      checked_mul(static_cast<std::uint64_t>(num_tokens), static_cast<std::uint64_t>(top_k), "the routing");
  Assignments assignments;
  assignments.num_experts = num_experts;
  assignments.begin.resize(static_cast<std::size_t>(num_tokens) + 1);
  for (std::size_t t = 0; t < assignments.begin.size(); ++t) {
    assignments.begin[t] = static_cast<Index>(t) * top_k;
  }
  assignments.expert.resize(size);
  assignments.weight.resize(size);
  assignments.score.resize(size);
  return assignments;
}

}  // namespace moesim
