// The reference executor: one expert after the other, each as three plain products over all its rows, on the
// calling thread. Simple enough to be believed; its bits depend on how many rows an expert gets.

#include <Eigen/Core>
#include <algorithm>
#include <cstring>

#include "core/checked.h"
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

// A packed expert is up, down and gate_proj as they are, [F,D] each, and the biases [F], [F], [D].
struct PlainExpert {
  MatrixView up, gate_proj, down;
  MatrixView up_bias, gate_bias, output_bias;  // one row, or none

  PlainExpert(const FfnShape& shape, const std::byte* expert) {
    const auto* at = reinterpret_cast<const float*>(expert);
    const Index matrix = shape.width * shape.d_model;
    up = {at, shape.width, shape.d_model};
    down = {at + matrix, shape.width, shape.d_model};
    const Index gated = is_gated(shape.activation) ? 1 : 0;
    gate_proj = {at + 2 * matrix, gated * shape.width, shape.d_model};
    const Index biases = shape.biases ? 1 : 0;
    const float* bias = at + (2 + gated) * matrix;
    up_bias = {bias, biases, shape.width};
    gate_bias = {bias + shape.width, biases * gated, shape.width};
    output_bias = {bias + (1 + gated) * shape.width, biases, shape.d_model};
  }
};

template <class Rows>
void add_bias(MatrixView bias, Rows& rows) {
  if (bias.rows > 0) {
    rows.rowwise() += map(bias).row(0);
  }
}

struct SerialScratch final : ExecutorScratch {
  Matrix in;  // [R,D]
};

class SerialExecutor final : public Executor {
 public:
  std::string layout() const override { return "serial"; }
  std::uint64_t expert_bytes(const FfnShape& shape) const override {
    return ffn_weight_bytes(shape, WeightType::float32);
  }
  void pack(const FfnShape& shape, const FfnUnits& units, std::byte* expert) const override {
    const PlainExpert plain(shape, expert);
    const auto put = [&](std::span<const float> numbers, const float* to) {
      if (!numbers.empty()) {
        const std::byte* place = reinterpret_cast<const std::byte*>(to);
        std::memcpy(expert + (place - expert), numbers.data(), numbers.size_bytes());
      }
    };
    const auto put_rows = [&](MatrixView rows, MatrixView to) {
      put({rows.data, static_cast<std::size_t>(rows.rows * rows.cols)}, to.row(units.first).data());
    };
    put_rows(units.up, plain.up);
    put_rows(units.down, plain.down);
    put_rows(units.gate_proj, plain.gate_proj);
    put(units.up_bias, plain.up_bias.data + units.first);
    put(units.gate_bias, plain.gate_bias.data + units.first);
    put(units.output_bias, plain.output_bias.data);
  }

  std::unique_ptr<ExecutorScratch> make_scratch() const override { return std::make_unique<SerialScratch>(); }
  std::uint64_t scratch_bytes(const FfnShape& shape, Index rows, int) const override {
    const Index hidden = is_gated(shape.activation) ? 2 : 1;
    return checked_product({static_cast<std::uint64_t>(rows),
                            static_cast<std::uint64_t>(shape.d_model + hidden * shape.width), sizeof(float)},
                           "the rows of the experts");
  }

 private:
  void gather_ffn(const ExpertRows& rows, ExecutorScratch& scratch, const Context&) const override {
    Matrix& in = static_cast<SerialScratch&>(scratch).in;
    in.resize(rows.num_rows(), rows.out.cols);
    for (Index r = 0; r < in.rows(); ++r) {
      const std::span<const float> from = rows.in.from.row(rows.in.token_of(r));
      const float weight = rows.in.weight_of(r);
      std::transform(from.begin(), from.end(), in.row(r).begin(), [weight](float x) { return weight * x; });
    }
  }

  void run_ffn(const ExpertRows& rows, ExecutorScratch& scratch, const Context&) const override {
    const Matrix& in = static_cast<SerialScratch&>(scratch).in;
    const FfnShape& shape = rows.bank.ffn;
    for (Index e = 0; e < rows.bank.num_experts(); ++e) {
      const Index begin = rows.expert_begin[static_cast<std::size_t>(e)];
      const Index count = rows.expert_begin[static_cast<std::size_t>(e) + 1] - begin;
      if (rows.bank.kind[static_cast<std::size_t>(e)] != ExpertKind::ffn || count == 0) {
        continue;
      }
      const PlainExpert expert(shape, rows.packed(e));
      const ConstMap x = map(in.view().block(begin, count));
      RowMajor hidden = x * map(expert.up).transpose();
      RowMajor gate;
      if (is_gated(shape.activation)) {
        gate = x * map(expert.gate_proj).transpose();
      }
      add_bias(expert.up_bias, hidden);
      add_bias(expert.gate_bias, gate);
      activate(shape.activation, hidden.array(), gate.array());
      const MutableMatrixView block = rows.out.block(begin, count);
      Eigen::Map<RowMajor> out(block.data, count, block.cols);
      out.noalias() = hidden * map(expert.down);
      add_bias(expert.output_bias, out);
      if (!rows.out_weight.empty()) {
        const float* weights = rows.out_weight.data() + begin;
        out.array().colwise() *= Eigen::Map<const Eigen::ArrayXf>(weights, count);
      }
    }
  }
};

}  // namespace

ExecutorEntry executor_serial() {
  return {"serial",
          "one expert after the other on one thread: the reference",
          [] { return fields_of<SerialParams>().infos(); },
          [](Binder& binder, const Node* section, const std::string& path) -> std::unique_ptr<Executor> {
            SerialParams params;
            bind_section(binder, section, path, params, kExecutorReserved);
            return std::make_unique<SerialExecutor>();
          },
          {.any_split = false}};
}

}  // namespace moesim
