// Recorded routing as a router: each token of the stream gets the experts that the recording's next token
// had, from the start again behind the last. Layers of a stack take the recording's layers one after the
// other.
//
// A recording of counts knows no tokens: then experts are drawn with its loads (router/persistent_draw.h,
// without memory). Weights are the recorded ones, else 1/K.

#include <fmt/format.h>

#include <algorithm>

#include "router/recorded.h"
#include "router/relations.h"
#include "router/rows.h"
#include "router/variants.h"
#include "workload/source_files.h"

namespace moesim {
namespace {

constexpr std::int64_t kMiddle = -1;

struct RecordedParams {
  std::string file;
  std::string form = "auto";
  std::vector<std::string> where;
  std::int64_t layer = kMiddle;
  std::int64_t tokens = 0;
  std::int64_t top_k = 0;
};
void describe(Fields<RecordedParams>& f) {
  f.add("file", &RecordedParams::file)
      .required()
      .doc("recorded routing in any form that 'moesim trace convert' reads, relative to the config file");
  f.add("form", &RecordedParams::form).doc("the file's form; auto: told by what it begins with");
  f.add("where", &RecordedParams::where)
      .doc("which of several models or domains in one file, as [domain=arxiv, ranks_counted=topk]");
  f.add("layer", &RecordedParams::layer)
      .range(0, 65535)
      .word("middle", kMiddle)
      .doc("the recorded layer that the first layer of the stack takes");
  f.add("tokens", &RecordedParams::tokens)
      .range(1, std::int64_t{1} << 40)
      .word("all", 0)
      .doc("recorded tokens to replay, the first ones");
  f.add("top_k", &RecordedParams::top_k)
      .range(1, 65536)
      .word("recorded", 0)
      .doc("experts per token, of counts that do not say it");
}

bool is_by_token(const RecordedLayer& layer) {
  return layer.law.inclusion.empty();
}

// Of any recording whose tokens have K experts.
RouterTraits recorded_traits(Index top_k) {
  RouterTraits traits;
  traits.choice = Choice::fixed;
  traits.top_k = top_k;
  traits.expert_symmetric = false;
  traits.needs_logits = false;
  traits.by_place = true;
  return traits;
}

class RecordedRouter final : public Router {
 public:
  RecordedRouter(RecordedTable table, Index num_experts) : Router(num_experts), table_(std::move(table)) {}

  RouterTraits traits() const override {
    const bool drawn = !is_by_token(table_.layers.front());
    RouterTraits traits = recorded_traits(table_.most);
    traits.exact_k = table_.most == table_.fewest;
    traits.most_experts = table_.most;
    traits.stochastic = drawn;
    return traits;
  }
  std::uint64_t input_hash() const override { return table_.hash; }

 private:
  Routing do_route(const RouterInput& input) const override {
    const RecordedLayer& layer = table_.layers[input.layer % table_.layers.size()];
    return is_by_token(layer) ? replay(layer, input) : draw(layer, input);
  }

  Assignments replay(const RecordedLayer& layer, const RouterInput& input) const {
    const Index tokens = input.batch.num_tokens();
    const auto row_of = [&](Index t) {
      return static_cast<std::size_t>((input.batch.first_token + static_cast<std::uint64_t>(t)) %
                                      static_cast<std::uint64_t>(layer.num_tokens()));
    };
    Assignments out;
    out.num_experts = num_experts();
    out.begin.push_back(0);
    for (Index t = 0; t < tokens; ++t) {
      const std::size_t row = row_of(t);
      out.begin.push_back(out.begin.back() + layer.begin[row + 1] - layer.begin[row]);
    }
    const auto size = static_cast<std::size_t>(out.begin.back());
    out.expert.resize(size);
    out.weight.resize(size);
    for_each_row_block(input.context, tokens, [&](Index first, Index last) {
      for (Index t = first; t < last; ++t) {
        const std::size_t row = row_of(t);
        const Index from = layer.begin[row];
        const Index count = layer.begin[row + 1] - from;
        const Index to = out.begin[static_cast<std::size_t>(t)];
        std::copy_n(layer.expert.begin() + from, count, out.expert.begin() + to);
        if (layer.weight.empty()) {
          std::fill_n(out.weight.begin() + to, count, 1.0F / static_cast<float>(std::max<Index>(count, 1)));
        } else {
          std::copy_n(layer.weight.begin() + from, count, out.weight.begin() + to);
        }
      }
    });
    out.score = out.weight;
    return out;
  }

  Assignments draw(const RecordedLayer& layer, const RouterInput& input) const {
    Assignments out = exactly_k(num_experts(), input.batch.num_tokens(), table_.most);
    out.weight.assign(out.expert.size(), 1.0F / static_cast<float>(table_.most));
    out.score = out.weight;
    const RandomKey key{.seed = input.seed, .stream = Stream::drawn_router, .layer = input.layer};
    for_each_row_block(input.context, input.batch.num_tokens(), [&](Index first, Index last) {
      PersistentDraw draw(layer.law, key);
      for (Index t = first; t < last; ++t) {
        const std::uint64_t token = input.batch.first_token + static_cast<std::uint64_t>(t);
        draw.draw({token, 0}, {out.expert.data() + t * table_.most, static_cast<std::size_t>(table_.most)});
      }
    });
    return out;
  }

  RecordedTable table_;
};

std::unique_ptr<Router> make_recorded(Binder& binder, const Node& section, const LayerShape& shape) {
  const std::size_t problems = binder.diagnostics.list().size();
  RecordedParams params;
  bind_section(binder, &section, "router", params, kRouterReserved, families_with_key);
  if (binder.diagnostics.list().size() != problems) {
    return nullptr;
  }
  const auto path = find_disk_path(binder, {"router.file", params.file, binder.source});
  if (!path) {
    return nullptr;
  }
  std::optional<RecordedTable> table =
      read_recorded_table(binder, {.path = *path,
                                   .form = params.form == "auto" ? "" : params.form,
                                   .where = params.where,
                                   .layer = params.layer,
                                   .tokens = params.tokens,
                                   .top_k = params.top_k,
                                   .num_layers = shape.num_layers,
                                   .num_experts = shape.num_experts});
  return table ? std::make_unique<RecordedRouter>(std::move(*table), shape.num_experts) : nullptr;
}

}  // namespace

RouterFamily router_recorded() {
  return {.name = "recorded",
          .summary = "recorded routing, token by token; of counts, drawn with its loads",
          .origin = "whoever recorded it; forms: docs/formats.md",
          .fields = [] { return fields_of<RecordedParams>().infos(); },
          .make = make_recorded,
          .example = {{"file", "recordings/small.csv"}},
          .nominal = [] { return recorded_traits(2); }};
}

}  // namespace moesim
