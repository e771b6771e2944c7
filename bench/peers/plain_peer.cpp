// Experts as people write them: plain matrices, one product after the other for all rows of an expert, in
// parallel over the experts. The products are Eigen's or OpenBLAS's, a sequential library inside tasks.

#include <dlfcn.h>

#include "bench/peers/local_peer.h"
#include "bench/peers/plain_expert.h"
#include "core/checked.h"
#include "core/error.h"

#ifndef MOESIM_OPENBLAS
#define MOESIM_OPENBLAS ""
#endif

namespace moesim::bench {
namespace {

// A loaded library; its names stay among themselves.
class Library {
 public:
  explicit Library(const std::string& path) : handle_(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (handle_ == nullptr) {
      throw Error(ErrorKind::missing_input, std::string("cannot be loaded: ") + dlerror());
    }
  }
  template <class F>
  F get(const char* name) const {
    void* const found = dlsym(handle_, name);
    if (found == nullptr) {
      throw Error(ErrorKind::missing_input, std::string("has no ") + name);
    }
    return reinterpret_cast<F>(found);
  }

 private:
  void* handle_;  // never closed: its code may be on some thread's list of things to do at exit
};

class PlainPeer final : public LocalPeer {
 public:
  PlainPeer(std::string name, std::string version, PlainSgemm sgemm, const Library& module,
            const Context& context)
      : LocalPeer(context),
        name_(std::move(name)),
        version_(std::move(version)),
        sgemm_(sgemm),
        expert_(module.get<PlainExpert>("moesim_plain_expert")) {}

  std::string name() const override { return name_; }
  std::string version() const override { return version_; }
  std::uint64_t bytes(const FfnShape& shape, Index experts) const override {
    return checked_product({static_cast<std::uint64_t>(experts),
                            ffn_params(shape.d_model, shape.width, shape.activation), sizeof(float)},
                           "the weights of the experts");
  }

  void begin(const FfnShape& shape, Index experts) override {
    MOESIM_CHECK(shape.activation == Activation::swiglu, "the plain expert is swiglu");
    shape_ = shape;
    weights_.clear();
    weights_.resize(static_cast<std::size_t>(experts));
  }
  void load(Index expert, const FfnWeights& weights) override {
    weights_[static_cast<std::size_t>(expert)] = {weights.up.clone(), weights.gate_proj.clone(),
                                                  weights.down.clone()};
  }

 private:
  void run_experts(const DispatchPlan& plan, MatrixView x, MutableMatrixView rows) override {
    context().for_each_block(plan.num_experts(), [&](Index e) {
      const auto i = static_cast<std::size_t>(e);
      const Index begin = plan.expert_begin[i];
      const Index count = plan.expert_begin[i + 1] - begin;
      if (count == 0) {
        return;
      }
      const PlainExpertCall call{.rows = count,
                                 .d_model = shape_.d_model,
                                 .width = shape_.width,
                                 .x = x.data,
                                 .token = plan.row_token.data() + begin,
                                 .up = weights_[i].up.data(),
                                 .gate_proj = weights_[i].gate_proj.data(),
                                 .down = weights_[i].down.data(),
                                 .row_weight = plan.row_weight.data() + begin,
                                 .out = rows.row(begin).data(),
                                 .sgemm = sgemm_};
      expert_(&call);
    });
  }

  std::string name_, version_;
  PlainSgemm sgemm_;
  PlainExpert expert_;
  FfnShape shape_;
  std::vector<FfnWeights> weights_;
};

const Library& module() {
  static const Library library(MOESIM_PLAIN_EXPERT);
  return library;
}

}  // namespace

std::unique_ptr<Peer> make_eigen_peer(const Context& context) {
  const auto build = module().get<PlainExpertBuild>("moesim_plain_expert_build");
  return std::make_unique<PlainPeer>("eigen", std::string("Eigen, ") + build(), nullptr, module(), context);
}

std::unique_ptr<Peer> make_openblas_peer(const Context& context) {
  if (std::string_view(MOESIM_OPENBLAS).empty()) {
    throw Error(ErrorKind::missing_input,
                "was not there when this was built: install Debian's libopenblas-serial-dev and build again");
  }
  static const Library library(MOESIM_OPENBLAS);
  if (library.get<int (*)()>("openblas_get_parallel")() != 0) {
    throw Error(ErrorKind::missing_input,
                std::string(MOESIM_OPENBLAS) + " starts threads of its own; the serial one is needed");
  }
  return std::make_unique<PlainPeer>("openblas", library.get<const char* (*)()>("openblas_get_config")(),
                                     library.get<PlainSgemm>("cblas_sgemm"), module(), context);
}

}  // namespace moesim::bench
