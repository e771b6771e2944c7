// The reference executor: one expert after the other, each as three plain products over all its rows, on the
// calling thread. Simple enough to be believed; its bits depend on how many rows an expert gets.

#include <Eigen/Core>

#include "experts/activation.h"
#include "experts/variants.h"

namespace moesim {
namespace {

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using ConstMap = Eigen::Map<const RowMajor>;

ConstMap map(MatrixView m) {
  return {m.data, m.rows, m.cols};
}

struct SerialParams {};
void describe(Fields<SerialParams>&) {}

class SerialExecutor final : public Executor {
 public:
  std::uint64_t scratch_bytes(Index, Index) const override {
    return 0;
  }  // grows with the rows, not per thread

 private:
  void run_ffn(const ExpertRows& rows, const Context&) const override {
    const ExpertBank& bank = rows.bank;
    for (Index e = 0; e < bank.num_experts(); ++e) {
      const Index begin = rows.expert_begin[static_cast<std::size_t>(e)];
      const Index count = rows.expert_begin[static_cast<std::size_t>(e) + 1] - begin;
      if (bank.kind[static_cast<std::size_t>(e)] != ExpertKind::ffn || count == 0) {
        continue;
      }
      const ConstMap x = map(rows.in.block(begin, count));
      RowMajor hidden = x * map(bank.up_of(e)).transpose();
      RowMajor gate;
      if (is_gated(bank.activation)) {
        gate = x * map(bank.gate_proj_of(e)).transpose();
      }
      activate(bank.activation, hidden.array(), gate.array());
      const MutableMatrixView out = rows.out.block(begin, count);
      Eigen::Map<RowMajor>(out.data, count, out.cols).noalias() = hidden * map(bank.down_of(e));
    }
  }
};

}  // namespace

ExecutorEntry executor_serial() {
  return {"serial", "one expert after the other on one thread: the reference",
          [] { return fields_of<SerialParams>().infos(); },
          [](Binder& binder, const Node* section, const std::string& path) -> std::unique_ptr<Executor> {
            SerialParams params;
            bind_section(binder, section, path, params, kExecutorReserved);
            return std::make_unique<SerialExecutor>();
          }};
}

}  // namespace moesim
