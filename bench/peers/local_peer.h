#pragma once
// A peer inside this process: its rows are combined as moesim combines them.

#include "bench/peers/peer.h"
#include "core/stopwatch.h"
#include "experts/combine.h"

namespace moesim::bench {

class LocalPeer : public Peer {
 public:
  explicit LocalPeer(const Context& context) : context_(context) {}

  void prepare(const Batches& batches) final {
    batches_ = &batches;
    y_.resize(batches.x.rows(), batches.x.cols());
  }
  double run(std::size_t i, Matrix* y) final {
    const DispatchPlan& plan = batches_->plans[i];
    rows_.resize(plan.num_rows(), batches_->x.cols());
    const Stopwatch watch;
    run_experts(plan, batches_->x.view(), rows_.view());
    combine(plan, rows_.view(), {}, y_.view(), context_);
    const double seconds = watch.seconds();
    if (y != nullptr) {
      *y = y_.clone();
    }
    return seconds;
  }

 protected:
  const Context& context() const { return context_; }

 private:
  // rows[r] = row_weight[r]·expert(x[row_token[r]])
  virtual void run_experts(const DispatchPlan& plan, MatrixView x, MutableMatrixView rows) = 0;

  const Context& context_;
  const Batches* batches_ = nullptr;
  Matrix rows_, y_;
};

}  // namespace moesim::bench
