// moesim's own executors: `tiled`, and oneDNN through `onednn`.

#include "bench/peers/local_peer.h"
#include "core/error.h"
#include "experts/executor.h"

namespace moesim::bench {
namespace {

class ExecutorPeer final : public LocalPeer {
 public:
  ExecutorPeer(std::string name, std::unique_ptr<Executor> executor, const Context& context)
      : LocalPeer(context),
        name_(std::move(name)),
        executor_(std::move(executor)),
        scratch_(executor_->make_scratch()) {}

  std::string name() const override { return name_; }
  std::string version() const override { return executor_->layout(); }
  std::uint64_t bytes(const FfnShape& shape, Index experts) const override {
    return static_cast<std::uint64_t>(experts) * executor_->expert_bytes(shape);
  }

  void begin(const FfnShape& shape, Index experts) override {
    bank_ = {};
    bank_.ffn = shape;
    bank_.layout = executor_->layout();
    bank_.weight_type = executor_->weight_type();
    bank_.kind.assign(static_cast<std::size_t>(experts), ExpertKind::ffn);
    bank_.weights.resize(experts, static_cast<Index>(executor_->expert_bytes(shape) / sizeof(float)));
  }
  void load(Index expert, const FfnWeights& weights) override {
    const std::span<float> to = bank_.weights.row(expert);
    std::fill(to.begin(), to.end(), 0.0F);
    executor_->pack(bank_.ffn, {0, weights.up.view(), weights.gate_proj.view(), weights.down.view()},
                    reinterpret_cast<std::byte*>(to.data()));
  }

  const ExpertBank* bank() const override { return &bank_; }

 private:
  void run_experts(const DispatchPlan& plan, MatrixView x, MutableMatrixView rows) override {
    const ExpertRows given{.bank = bank_,
                           .expert_begin = plan.expert_begin,
                           .in = {.from = x, .token = plan.row_token},
                           .out_weight = plan.row_weight,
                           .out = rows};
    executor_->gather(given, *scratch_, context());
    executor_->run(given, *scratch_, context());
  }

  std::string name_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<ExecutorScratch> scratch_;
  ExpertBank bank_;
};

}  // namespace

std::unique_ptr<Peer> make_executor_peer(const std::string& name, const std::string& kind,
                                         const Context& context) {
  const Node section = scalar_section({{"kind", kind}});
  Binder binder;
  ExecutorChoice choice = make_executor(binder, &section);
  if (choice.executor == nullptr) {
    throw Error(ErrorKind::missing_input,
                "executor '" + kind + "' was not built: install Debian's libdnnl-dev and build again");
  }
  return std::make_unique<ExecutorPeer>(name, std::move(choice.executor), context);
}

}  // namespace moesim::bench
