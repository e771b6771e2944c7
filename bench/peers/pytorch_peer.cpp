// PyTorch's usual loop over experts (index, linear, silu, index_add), in a process of its own: its threads
// and libraries stay away from ours.

#include <chrono>
#include <mutex>
#include <thread>

#include "bench/peers/peer.h"
#include "bench/peers/worker_process.h"
#include "core/checked.h"
#include "core/error.h"

namespace moesim::bench {
namespace {

// The threads of OpenMP and OpenBLAS look for more work before they sleep, for up to some 25 ms.
constexpr auto kThreadsFallAsleep = std::chrono::milliseconds(60);

class PytorchPeer final : public Peer {
 public:
  explicit PytorchPeer(const PeerSettings& settings) : worker_({settings.python, MOESIM_TORCH_WORKER}) {
    worker_.send({{"do", "start"}, {"threads", settings.context.threads()}});
    const nlohmann::json answer = worker_.receive();
    version_ = answer.at("version").get<std::string>() + ", " + answer.at("blas").get<std::string>();
  }

  std::string name() const override { return "pytorch"; }
  std::string version() const override { return version_; }
  std::uint64_t bytes(const FfnShape& shape, Index experts) const override {
    return checked_product({static_cast<std::uint64_t>(experts),
                            ffn_params(shape.d_model, shape.width, shape.activation), sizeof(float)},
                           "the weights of the experts");
  }

  void begin(const FfnShape& shape, Index) override {
    MOESIM_CHECK(shape.activation == Activation::swiglu, "the worker's expert is swiglu");
    shape_ = shape;
    ask({{"do", "begin"}});
  }
  void load(Index expert, const FfnWeights& weights) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    worker_.send({{"do", "load"}, {"expert", expert}, {"d_model", shape_.d_model}, {"width", shape_.width}});
    for (const Matrix* matrix : {&weights.up, &weights.gate_proj, &weights.down}) {
      send(*matrix);
    }
    worker_.receive();
  }

  void prepare(const Batches& batches) override {
    tokens_ = batches.x.rows();
    const Index experts = batches.plans.front().num_experts();
    worker_.send({{"do", "prepare"},
                  {"tokens", tokens_},
                  {"d_model", shape_.d_model},
                  {"experts", experts},
                  {"plans", batches.plans.size()}});
    send(batches.x);
    for (const DispatchPlan& plan : batches.plans) {
      const std::vector<std::int64_t> token(plan.row_token.begin(), plan.row_token.end());
      worker_.send_numbers<std::int64_t>(plan.expert_begin);
      worker_.send_numbers<std::int64_t>(token);
      worker_.send_numbers<float>(plan.row_weight);
    }
    worker_.receive();
  }
  double run(std::size_t i, Matrix* y) override {
    const nlohmann::json answer = ask({{"do", "run"}, {"plan", i}, {"rows", y != nullptr}});
    if (y != nullptr) {
      y->resize(tokens_, shape_.d_model);
      worker_.receive_numbers({y->data(), static_cast<std::size_t>(tokens_ * shape_.d_model)});
    }
    return answer.at("seconds").get<double>();
  }
  void rest() override { std::this_thread::sleep_for(kThreadsFallAsleep); }

 private:
  nlohmann::json ask(const nlohmann::json& command) {
    worker_.send(command);
    return worker_.receive();
  }
  void send(const Matrix& matrix) {
    worker_.send_numbers<float>({matrix.data(), static_cast<std::size_t>(matrix.rows() * matrix.cols())});
  }

  WorkerProcess worker_;
  std::string version_;
  std::mutex mutex_;
  FfnShape shape_;
  Index tokens_ = 0;
};

}  // namespace

std::unique_ptr<Peer> make_pytorch_peer(const PeerSettings& settings) {
  return std::make_unique<PytorchPeer>(settings);
}

}  // namespace moesim::bench
