#include "bench/peers/plain_expert.h"

#include <Eigen/Core>

namespace {

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using ConstMap = Eigen::Map<const RowMajor>;

constexpr int kRowMajor = 101;  // of CBLAS
constexpr int kAsIs = 111;
constexpr int kTransposed = 112;

template <class Out>
void multiply(const PlainExpertCall& call, const RowMajor& x, const ConstMap& w, bool transposed, Out& out) {
  if (call.sgemm == nullptr) {
    if (transposed) {
      out.noalias() = x * w.transpose();
    } else {
      out.noalias() = x * w;
    }
    return;
  }
  const auto as_int = [](Eigen::Index n) { return static_cast<int>(n); };
  call.sgemm(kRowMajor, kAsIs, transposed ? kTransposed : kAsIs, as_int(x.rows()), as_int(out.cols()),
             as_int(x.cols()), 1.0F, x.data(), as_int(x.cols()), w.data(), as_int(w.cols()), 0.0F, out.data(),
             as_int(out.cols()));
}

}  // namespace

extern "C" {

__attribute__((visibility("default"))) void moesim_plain_expert(const PlainExpertCall* given) {
  const PlainExpertCall& call = *given;
  const ConstMap up(call.up, call.width, call.d_model);
  const ConstMap gate_proj(call.gate_proj, call.width, call.d_model);
  const ConstMap down(call.down, call.width, call.d_model);
  // Kept by the thread: people who care about speed do not allocate in the loop.
  thread_local RowMajor x, hidden, gate;
  x.resize(call.rows, call.d_model);
  hidden.resize(call.rows, call.width);
  gate.resize(call.rows, call.width);
  for (Eigen::Index r = 0; r < call.rows; ++r) {
    x.row(r) = Eigen::Map<const Eigen::RowVectorXf>(call.x + call.token[r] * call.d_model, call.d_model);
  }
  multiply(call, x, up, true, hidden);
  multiply(call, x, gate_proj, true, gate);
  hidden.array() *= gate.array() / (1.0F + (-gate.array()).exp());
  Eigen::Map<RowMajor> out(call.out, call.rows, call.d_model);
  multiply(call, hidden, down, false, out);
  out.array().colwise() *= Eigen::Map<const Eigen::ArrayXf>(call.row_weight, call.rows);
}

__attribute__((visibility("default"))) const char* moesim_plain_expert_build() {
  return Eigen::SimdInstructionSetsInUse();
}
}
