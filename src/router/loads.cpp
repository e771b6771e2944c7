#include "router/loads.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "config/yaml.h"
#include "core/error.h"
#include "io/assets.h"

namespace moesim {

void describe(Fields<MeasuredLoads>& f) {
  f.add("source", &MeasuredLoads::source).required().doc("where the recording comes from");
  f.add("top_k", &MeasuredLoads::top_k).required().range(1, 65536).doc("experts per token");
  f.add("tokens", &MeasuredLoads::tokens)
      .required()
      .range(1, std::int64_t{1} << 62)
      .doc("tokens that were counted");
  f.add("persistence", &MeasuredLoads::persistence)
      .range(0.0, 1.0)
      .word("unknown", MeasuredLoads::kUnknown)
      .doc("how far tokens keep the experts of the token before");
  f.add("log_normal_sigma", &MeasuredLoads::log_normal_sigma)
      .required()
      .range(0.0, 100.0)
      .doc("deviation of the shares' logarithms");
  f.add("zipf_exponent", &MeasuredLoads::zipf_exponent)
      .required()
      .range(0.0, 100.0)
      .doc("exponent of the shares in order of rank");
  f.add("shares", &MeasuredLoads::shares).required().doc("each expert's share of all assignments");
}

namespace {

constexpr const char* kAsset = "presets/loads.yaml";

// What the fields alone do not say.
void check_loads(Binder& binder, const MeasuredLoads& loads) {
  const std::string path = loads.name + ".shares";
  constexpr std::size_t kMostExperts = 65536;
  if (loads.shares.size() > kMostExperts) {
    binder.error(path, fmt::format("got {} numbers", loads.shares.size()), "at most 65536", "out-of-range");
    return;
  }
  for (std::size_t e = 0; e < loads.shares.size(); ++e) {
    if (loads.shares[e] < 0 || loads.shares[e] > 1e6) {
      binder.error(path, fmt::format("got {} for expert {}", loads.shares[e], e), "numbers from 0 to 1e6",
                   "out-of-range");
      return;
    }
  }
  const auto positive =
      std::count_if(loads.shares.begin(), loads.shares.end(), [](double share) { return share > 0; });
  if (positive < loads.top_k) {
    binder.error(path, fmt::format("got {} numbers above 0", positive),
                 fmt::format("at least {}, as many as a token has experts", loads.top_k), "bad-relation");
  }
}

// The standard normal quantile, by bisection: fifty halvings of [-10, 10] leave less than 1e-13.
double normal_quantile(double p) {
  double low = -10;
  double high = 10;
  for (int i = 0; i < 50; ++i) {
    const double middle = 0.5 * (low + high);
    (0.5 * std::erfc(-middle / std::sqrt(2.0)) < p ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

Node scalar_of(const std::string& text) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.text = text;
  node.quoted = true;
  return node;
}

std::vector<double> normalised(std::vector<double> shares) {
  double sum = 0;
  for (const double share : shares) {
    sum += share;
  }
  for (double& share : shares) {
    share /= sum;
  }
  return shares;
}

}  // namespace

std::vector<double> normal_points(Index num_experts) {
  std::vector<double> points;
  for (Index e = 0; e < num_experts; ++e) {
    points.push_back(
        normal_quantile(1.0 - (static_cast<double>(e) + 0.5) / static_cast<double>(num_experts)));
  }
  return points;
}

std::vector<double> log_normal_shares(double sigma, std::span<const double> points) {
  std::vector<double> shares;
  for (const double point : points) {
    shares.push_back(std::exp(sigma * (point - points.front())));
  }
  return normalised(std::move(shares));
}

std::vector<double> log_normal_shares(double sigma, Index num_experts) {
  return log_normal_shares(sigma, normal_points(num_experts));
}

std::vector<double> zipf_shares(double exponent, Index num_experts) {
  std::vector<double> shares;
  for (Index e = 0; e < num_experts; ++e) {
    shares.push_back(std::pow(static_cast<double>(e + 1), -exponent));
  }
  return normalised(std::move(shares));
}

Catalogue<MeasuredLoads> read_loads(Binder& binder, std::string_view yaml, const std::string& source) {
  const Node root = parse_yaml(yaml, source, binder.diagnostics);
  bind_places(binder, root, "");
  std::vector<MeasuredLoads> list;
  for (const Node::Entry& entry : root.entries) {
    const std::size_t problems = binder.diagnostics.list().size();
    MeasuredLoads loads;
    loads.name = entry.key;
    bind_section(binder, &entry.value, entry.key, loads);
    if (binder.diagnostics.list().size() == problems) {
      check_loads(binder, loads);
    }
    list.push_back(std::move(loads));
  }
  return Catalogue<MeasuredLoads>(std::move(list));
}

std::string print_loads(const std::vector<MeasuredLoads>& list) {
  constexpr std::size_t kOnALine = 16;
  std::string text;
  for (const MeasuredLoads& loads : list) {
    text += fmt::format(
        "{}:\n  source: {}\n  top_k: {}\n  tokens: {}\n  persistence: {}\n", loads.name,
        print_yaml_value(scalar_of(loads.source)), loads.top_k, loads.tokens,
        loads.persistence == MeasuredLoads::kUnknown ? "unknown" : fmt::format("{:.4f}", loads.persistence));
    text += fmt::format("  log_normal_sigma: {:.4f}\n  zipf_exponent: {:.4f}\n  shares:\n    [",
                        loads.log_normal_sigma, loads.zipf_exponent);
    for (std::size_t e = 0; e < loads.shares.size(); ++e) {
      text += fmt::format("{}{:.5g}", e == 0 ? "" : e % kOnALine == 0 ? ",\n     " : ", ", loads.shares[e]);
    }
    text += "]\n";
  }
  return text;
}

const Catalogue<MeasuredLoads>& measured_loads() {
  static const Catalogue<MeasuredLoads> list = [] {
    const Asset* asset = find_asset(kAsset);
    MOESIM_CHECK(asset != nullptr, std::string("the binary lacks ") + kAsset);
    Binder binder;
    Catalogue<MeasuredLoads> loads = read_loads(binder, asset->bytes, kAsset);
    MOESIM_CHECK(binder.diagnostics.empty(), binder.diagnostics.render_all());
    return loads;
  }();
  return list;
}

}  // namespace moesim
