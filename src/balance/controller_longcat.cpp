// Of E experts the last Z compute nothing; the others, N real ones, are driven to a share each that leaves
// K_e real experts to an average token:
//
//   Δb_i = μ·(K_e/(K·N) − n_i/(K·T))   for the real experts
//
// The bias of the experts that compute nothing stays, so that what the real ones do not take falls to them.
// LongCat-Flash (arXiv:2509.01322, section 2.1.1, there called a PID controller; K = 12, K_e = 8, N = 512,
// Z = 256, scores softmax). Without such experts and with K_e = K it is loss_free_prop with rate μ/N.

#include <fmt/format.h>

#include "balance/controller_variants.h"

namespace moesim {
namespace {

struct LongcatParams {
  double rate = 1e-3;
  double real_per_token = 0;
};
void describe(Fields<LongcatParams>& f) {
  f.add("rate", &LongcatParams::rate)
      .range(0.0, 1e6)
      .doc("what the bias moves by for an error of 1 in an expert's share of all assignments (mu)");
  f.add("real_per_token", &LongcatParams::real_per_token)
      .range(1e-6, 65536.0)
      .word("uniform", 0)
      .doc("experts that compute something, for an average token (K_e); uniform: their share of the experts");
}

class Longcat final : public Controller {
 public:
  explicit Longcat(const LongcatParams& params) : params_(params) {}
  // Loads are equal at rest only if K_e is the real experts' share of K.
  ControllerTraits traits() const override { return {.rests_at_balance = params_.real_per_token == 0}; }

 private:
  void update(const ControlRecord& record, ControllerState& state) const override {
    const auto all = static_cast<double>(record.loads.size());
    const auto top_k = static_cast<double>(record.top_k);
    const double real = all - static_cast<double>(record.num_zero_experts);
    const double target = params_.real_per_token == 0 ? 1.0 / all : params_.real_per_token / (top_k * real);
    const double assignments = top_k * static_cast<double>(record.tokens);
    const std::size_t num_real = record.loads.size() - static_cast<std::size_t>(record.num_zero_experts);
    for (std::size_t e = 0; e < num_real; ++e) {
      state.bias[e] += params_.rate * (target - static_cast<double>(record.loads[e]) / assignments);
    }
  }

  LongcatParams params_;
};

std::unique_ptr<Controller> make_longcat(Binder& binder, const ControllerSection& section) {
  LongcatParams params;
  if (!bind_controller(binder, section, params)) {
    return nullptr;
  }
  if (section.top_k > 0 && params.real_per_token > static_cast<double>(section.top_k)) {
    binder.error(section.path + ".real_per_token", "got " + print_real(params.real_per_token),
                 fmt::format("at most {}, the experts of a token", section.top_k), "bad-relation", "",
                 {{binder.locate("router.top_k"), fmt::format("router.top_k is {}", section.top_k)}});
    return nullptr;
  }
  return std::make_unique<Longcat>(params);
}

}  // namespace

ControllerEntry controller_longcat() {
  return {.name = "longcat",
          .summary = "real experts driven to a share that fixes how many a token uses",
          .origin = "LongCat-Flash, arXiv:2509.01322, section 2.1.1",
          .source_kind = "paper",
          .unit = "probability (softmax)",
          .fields = [] { return fields_of<LongcatParams>().infos(); },
          .make = make_longcat};
}

}  // namespace moesim
