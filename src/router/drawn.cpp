// Experts drawn with the loads of a real model: as unbalanced as its recorded routing was, without the
// recording.
//
// The draw and its memory: router/persistent_draw.h. The loads: configs/presets/loads.yaml, or a file of that
// form. `marginal` takes, in place of the recorded share of each expert, those of the law that was fitted to
// them, for any number of experts, the most popular first. Weight 1/top_k: what the gate weighed is not part
// of loads.

#include <fmt/format.h>

#include "config/suggest.h"
#include "core/hash.h"
#include "router/loads.h"
#include "router/persistent_draw.h"
#include "router/relations.h"
#include "router/rows.h"
#include "router/variants.h"
#include "workload/source_files.h"

namespace moesim {
namespace {

enum class Marginal { recorded, log_normal, zipf };
constexpr EnumName<Marginal> kMarginals[] = {
    {Marginal::recorded, "recorded"}, {Marginal::log_normal, "log_normal"}, {Marginal::zipf, "zipf"}};
std::span<const EnumName<Marginal>> enum_names(Marginal) {
  return kMarginals;
}

struct DrawnParams {
  std::string loads;
  std::string file;
  Marginal marginal = Marginal::recorded;
  std::int64_t top_k = 0;
  double persistence = MeasuredLoads::kUnknown;
};
void describe(Fields<DrawnParams>& f) {
  f.add("loads", &DrawnParams::loads)
      .required()
      .doc("whose: model/domain/layer, as olmoe/arxiv/0; 'moesim routers drawn' says where they are listed");
  f.add("file", &DrawnParams::file)
      .doc("a file of loads, as 'moesim trace convert' writes it; absent: those of moesim");
  f.add("marginal", &DrawnParams::marginal)
      .doc("each expert's share: as recorded, or by a law fitted to them, for any number of experts");
  f.add("top_k", &DrawnParams::top_k)
      .range(1, 65536)
      .word("recorded", 0)
      .doc("experts per token; recorded: as many as the model's");
  f.add("persistence", &DrawnParams::persistence)
      .range(0.0, 1.0)
      .word("recorded", MeasuredLoads::kUnknown)
      .doc("how far a token keeps the experts of the token before; recorded: as fitted, 0 where unknown");
}

class Drawn final : public Router {
 public:
  Drawn(DrawLaw law, Index top_k, std::uint64_t file_hash)
      : Router(static_cast<Index>(law.inclusion.size())),
        law_(std::move(law)),
        top_k_(top_k),
        file_hash_(file_hash) {}

  std::uint64_t input_hash() const override { return file_hash_; }

  RouterTraits traits() const override {
    RouterTraits traits;
    traits.choice = Choice::fixed;
    traits.top_k = top_k_;
    traits.normalised = true;
    traits.expert_symmetric = false;
    traits.needs_logits = false;
    traits.stochastic = true;
    traits.by_place = true;
    return traits;
  }

 private:
  Routing do_route(const RouterInput& input) const override {
    const TokenBatch& batch = input.batch;
    Assignments out = exactly_k(num_experts(), batch.num_tokens(), top_k_);
    out.weight.assign(out.expert.size(), 1.0F / static_cast<float>(top_k_));
    out.score = out.weight;
    const RandomKey key{.seed = input.seed, .stream = Stream::drawn_router, .layer = input.layer};
    for_each_row_block(input.context, batch.num_tokens(), [&](Index first, Index last) {
      PersistentDraw draw(law_, key);
      for (Index t = first; t < last; ++t) {
        const auto row = static_cast<std::size_t>(t);
        draw.draw({batch.first_token + row, batch.position.empty() ? row : batch.position[row]},
                  {out.expert.data() + t * top_k_, static_cast<std::size_t>(top_k_)});
      }
    });
    return out;
  }

  DrawLaw law_;
  Index top_k_;
  std::uint64_t file_hash_;
};

struct FoundLoads {
  MeasuredLoads loads;
  std::uint64_t file_hash = 0;
};

// The loads that the section names, or nothing after saying why.
std::optional<FoundLoads> find_loads(Binder& binder, const DrawnParams& params) {
  const auto choose = [&](const Catalogue<MeasuredLoads>& list, const std::string& where,
                          std::uint64_t hash) -> std::optional<FoundLoads> {
    if (const MeasuredLoads* loads = list.find(params.loads)) {
      return FoundLoads{*loads, hash};
    }
    if (list.names().empty()) {
      binder.error("router.file", where + " holds no loads",
                   "a map from names to loads, as 'moesim trace convert FILE --to NAME.yaml' writes it",
                   "empty-file");
      return std::nullopt;
    }
    const std::string near = suggest(params.loads, list.names());
    binder.error("router.loads", fmt::format("there are no loads '{}' in {}", shorten(params.loads), where),
                 "a name such as " + list.names().front(), "unknown-loads",
                 near.empty() ? "" : fmt::format("did you mean '{}'?", near));
    return std::nullopt;
  };
  if (params.file.empty()) {
    return choose(measured_loads(), "configs/presets/loads.yaml", 0);
  }
  const auto path = find_disk_path(binder, {"router.file", params.file, binder.source});
  const auto bytes = path ? read_source_file(binder, "router.file", {.path = *path}) : std::nullopt;
  if (!bytes) {
    return std::nullopt;
  }
  Binder inner;
  const Catalogue<MeasuredLoads> list = read_loads(inner, *bytes, *path);
  for (const Diagnostic& problem : inner.diagnostics.list()) {
    binder.diagnostics.add(problem);
  }
  Hasher hash;
  hash.add_bytes(bytes->data(), bytes->size());
  return inner.diagnostics.empty() ? choose(list, *path, hash.digest()) : std::nullopt;
}

std::vector<double> shares_of(const MeasuredLoads& loads, Marginal marginal, Index num_experts) {
  switch (marginal) {
    case Marginal::recorded:
      return loads.shares;
    case Marginal::log_normal:
      return log_normal_shares(loads.log_normal_sigma, num_experts);
    case Marginal::zipf:
      return zipf_shares(loads.zipf_exponent, num_experts);
  }
  return {};
}

std::unique_ptr<Router> make_drawn(Binder& binder, const Node& section, const LayerShape& shape) {
  const std::size_t problems = binder.diagnostics.list().size();
  DrawnParams params;
  bind_section(binder, &section, "router", params, kRouterReserved, families_with_key);
  if (binder.diagnostics.list().size() != problems) {
    return nullptr;
  }
  const std::optional<FoundLoads> found = find_loads(binder, params);
  if (!found) {
    return nullptr;
  }
  const MeasuredLoads& loads = found->loads;
  const RouterRelations relations(binder, section, shape.num_experts);
  const Index top_k = params.top_k == 0 ? loads.top_k : params.top_k;
  if (params.marginal == Marginal::recorded && loads.num_experts() != shape.num_experts &&
      relations.sound({"loads"})) {
    binder.error(
        "router.loads", fmt::format("'{}' has shares of {} experts", params.loads, loads.num_experts()),
        "as many as the layer has", "bad-relation",
        fmt::format("set layer.num_experts to {}, or router.marginal to log_normal", loads.num_experts()),
        {relations.note_num_experts()});
  }
  relations.check_top_k(top_k);
  if (binder.diagnostics.list().size() != problems) {
    return nullptr;
  }
  DrawLaw law;
  law.inclusion = inclusions_of(shares_of(loads, params.marginal, shape.num_experts), top_k);
  law.persistence = params.persistence != MeasuredLoads::kUnknown  ? params.persistence
                    : loads.persistence != MeasuredLoads::kUnknown ? loads.persistence
                                                                   : 0.0;
  return std::make_unique<Drawn>(std::move(law), top_k, found->file_hash);
}

}  // namespace

RouterFamily router_drawn() {
  return {.name = "drawn",
          .summary = "experts drawn with the loads of a real model's recorded routing",
          .origin = "loads: configs/presets/loads.yaml and its sources; the draw: Madow 1949",
          .fields = [] { return fields_of<DrawnParams>().infos(); },
          .make = make_drawn,
          .example = {{"loads", "olmoe/arxiv/0"}, {"marginal", "log_normal"}}};
}

}  // namespace moesim
