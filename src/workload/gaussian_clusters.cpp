// Clusters with a known centre each: a router that separates them is right, and how uneven they are is set.
// Token g: cluster c drawn with weights 1/(c+1)^zipf; hidden = centre_c + spread * noise, both of independent
// normal numbers of deviation 1. A mixture of spherical Gaussians, as in Dasgupta 1999, "Learning mixtures of
// Gaussians"; mixture-of-experts theory uses the same (Chen et al. 2022, arXiv:2208.02813, section 3).

#include "workload/stream.h"
#include "workload/vector_table.h"
#include "workload/zipf.h"

namespace moesim {
namespace {

struct GaussianParams : StreamParams {
  std::int64_t clusters = 16;
  double spread = 0.5;
  double zipf = 0.0;
};
void describe(Fields<GaussianParams>& f) {
  describe_stream(f);
  f.add("clusters", &GaussianParams::clusters).range(1, 65536).doc("number of cluster centres");
  f.add("spread", &GaussianParams::spread)
      .range(0.0, 1e6)
      .doc("deviation around a centre; the centres themselves have deviation 1");
  f.add("zipf", &GaussianParams::zipf)
      .range(0.0, 100.0)
      .doc("exponent of the cluster weights; 0: all alike")
      .only_when([](const GaussianParams& p) { return p.clusters > 1; }, "workload.clusters is 1");
}

class GaussianClusters final : public Workload {
 public:
  GaussianClusters(const GaussianParams& params, const WorkloadEnvironment& environment)
      : Workload(params.tokens, params.steps),
        clusters_(params.clusters),
        spread_(static_cast<float>(params.spread)),
        weights_(params.clusters, params.zipf),
        seed_(environment.seed),
        d_model_(environment.d_model) {}

  TokenBatch slice(const Context& context, std::uint64_t first, Index count) const override {
    TokenBatch batch = make_batch({.first_token = first, .tokens = count, .d_model = d_model_});
    for_each_row(context, 0, count, [&](Index row) {
      const auto r = static_cast<std::size_t>(row);
      batch.token_id[r] = cluster_of(first + r);
      batch.position[r] = first + r;
    });
    if (clusters_ <= kMaxNamedDomains) {
      batch.domain = batch.token_id;
    }
    VectorTable centres(d_model_);
    const Index pass_rows = VectorTable::limit(d_model_);
    for (Index begin = 0; begin < count; begin += pass_rows) {
      fill_rows(context, begin, std::min(begin + pass_rows, count), centres, batch);
    }
    return batch;
  }

  std::string token_text(std::uint64_t g) const override {
    return "cluster " + std::to_string(cluster_of(g));
  }
  std::vector<std::string> domain_names() const override { return numbered_domains("cluster", clusters_); }
  std::uint64_t memory_bytes(Index batch_tokens, Index d_model) const override {
    const Index centres = std::min({clusters_, batch_tokens, VectorTable::limit(d_model)});
    return weights_.memory_bytes() + batch_bytes(batch_tokens, d_model) +
           static_cast<std::uint64_t>(centres) * static_cast<std::uint64_t>(d_model) * sizeof(float);
  }

 private:
  std::uint32_t cluster_of(std::uint64_t g) const {
    return weights_.draw(RandomSequence({.seed = seed_, .stream = Stream::cluster_choice}, g).next_uniform());
  }

  void fill_rows(const Context& context, Index begin, Index end, VectorTable& centres,
                 TokenBatch& batch) const {
    centres.clear();
    std::vector<std::uint32_t> slots;
    for (Index row = begin; row < end; ++row) {
      slots.push_back(centres.slot(batch.token_id[static_cast<std::size_t>(row)]));
    }
    centres.fill(context, {.seed = seed_, .stream = Stream::cluster_centre},
                 [](std::uint64_t id) { return id; });
    for_each_row(context, begin, end, [&](Index row) {
      const std::span<float> hidden = batch.hidden.row(row);
      const std::span<const float> centre = centres.vector(slots[static_cast<std::size_t>(row - begin)]);
      fill_normal({.seed = seed_, .stream = Stream::cluster_noise},
                  batch.first_token + static_cast<std::uint64_t>(row), spread_, hidden);
      for (std::size_t d = 0; d < hidden.size(); ++d) {
        hidden[d] += centre[d];
      }
    });
  }

  std::int64_t clusters_;
  float spread_;
  Zipf weights_;
  std::uint64_t seed_;
  Index d_model_;
};

}  // namespace

WorkloadEntry workload_gaussian_clusters() {
  return {"gaussian_clusters", "points around random centres, all clusters alike or some far more frequent",
          "mixture of spherical Gaussians (Dasgupta 1999)",
          [] { return fields_of<GaussianParams>().infos(); },
          [](Binder& binder, const Node& section,
             const WorkloadEnvironment& environment) -> std::unique_ptr<Workload> {
            const auto params = bind_workload_section<GaussianParams>(binder, section);
            return params ? std::make_unique<GaussianClusters>(*params, environment) : nullptr;
          }};
}

}  // namespace moesim
