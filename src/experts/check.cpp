// An executor made of two others: runs both on the same rows, compares row by row and passes the first one's
// rows on. Put it into any config to know that a fast executor is right on your own experiment.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/checked.h"
#include "core/error.h"
#include "experts/variants.h"

namespace moesim {
namespace {

struct CheckParams {
  std::string first = "tiled";
  std::string second = "serial";
  double tolerance = 1e-5;
};
void describe(Fields<CheckParams>& f) {
  f.add("first", &CheckParams::first).doc("executor whose rows are used");
  f.add("second", &CheckParams::second).doc("executor it is compared with");
  f.add("tolerance", &CheckParams::tolerance)
      .range(0.0, 1.0)
      .doc("largest distance of a row, ‖a−b‖ over ‖b‖ or a tenth of ‖x‖, whichever is more");
}

struct CheckScratch final : ExecutorScratch {
  std::unique_ptr<ExecutorScratch> first, second;
  Matrix other;  // [R,D], of the second
};

// A packed expert is the first executor's and, behind it, the second's.
class CheckExecutor final : public Executor {
 public:
  CheckExecutor(const CheckParams& params, std::unique_ptr<Executor> first, std::unique_ptr<Executor> second)
      : params_(params), first_(std::move(first)), second_(std::move(second)) {}

  std::string layout() const override { return first_->layout() + " and " + second_->layout(); }
  std::uint64_t expert_bytes(const FfnShape& shape) const override {
    return checked_add(second_begin(shape), second_->expert_bytes(shape), "the weights of an expert");
  }
  void pack(const FfnShape& shape, const FfnUnits& units, std::byte* expert) const override {
    first_->pack(shape, units, expert);
    second_->pack(shape, units, expert + second_begin(shape));
  }

  std::unique_ptr<ExecutorScratch> make_scratch() const override {
    auto scratch = std::make_unique<CheckScratch>();
    scratch->first = first_->make_scratch();
    scratch->second = second_->make_scratch();
    return scratch;
  }
  std::uint64_t scratch_bytes(const FfnShape& shape, Index rows, int threads) const override {
    const char* what = "the rows of the experts";
    const std::uint64_t out = checked_product(
        {static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(shape.d_model), sizeof(float)}, what);
    return checked_add(out,
                       checked_add(first_->scratch_bytes(shape, rows, threads),
                                   second_->scratch_bytes(shape, rows, threads), what),
                       what);
  }

 private:
  std::uint64_t second_begin(const FfnShape& shape) const {
    return checked_add(first_->expert_bytes(shape), 63, "the weights of an expert") / 64 * 64;
  }
  static ExpertRows part_of(const ExpertRows& rows, std::uint64_t begin, MutableMatrixView out) {
    ExpertRows part = rows;
    part.out = out;
    part.packed_offset += begin;
    part.is_part = true;
    return part;
  }

  void gather_ffn(const ExpertRows& rows, ExecutorScratch& scratch, const Context& context) const override {
    auto& parts = static_cast<CheckScratch&>(scratch);
    parts.other.resize(rows.out.rows, rows.out.cols);
    first_->gather(part_of(rows, 0, rows.out), *parts.first, context);
    second_->gather(part_of(rows, second_begin(rows.bank.ffn), parts.other.view()), *parts.second, context);
  }

  void run_ffn(const ExpertRows& rows, ExecutorScratch& scratch, const Context& context) const override {
    auto& parts = static_cast<CheckScratch&>(scratch);
    const Matrix& other = parts.other;
    first_->run(part_of(rows, 0, rows.out), *parts.first, context);
    second_->run(part_of(rows, second_begin(rows.bank.ffn), parts.other.view()), *parts.second, context);
    for (Index e = 0; e < rows.bank.num_experts(); ++e) {
      const auto i = static_cast<std::size_t>(e);
      for (Index r = rows.expert_begin[i]; r < rows.expert_begin[i + 1]; ++r) {
        compare_row({e, r - rows.expert_begin[i], input_size(rows, r)}, rows.out.row(r), other.row(r));
      }
    }
  }

  struct Place {
    Index expert;
    Index row;
    double input_size;  // ‖x‖², as weighed on either side
  };

  static double input_size(const ExpertRows& rows, Index r) {
    const double out_weight =
        rows.out_weight.empty() ? 1.0 : static_cast<double>(rows.out_weight[static_cast<std::size_t>(r)]);
    const double weight = static_cast<double>(rows.in.weight_of(r)) * out_weight;
    double size = 0;
    for (const float x : rows.in.from.row(rows.in.token_of(r))) {
      size += static_cast<double>(x) * x;
    }
    return size * weight * weight;
  }

  // Where the sums of a row nearly cancel, rounding is large beside what is left of them, not beside the
  // input.
  void compare_row(const Place& place, std::span<const float> a, std::span<const float> b) const {
    constexpr double kShareOfInput = 0.1;
    double distance = 0;
    double size = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      distance += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
      size += static_cast<double>(b[i]) * b[i];
    }
    const double relative =
        std::sqrt(distance / std::max({size, kShareOfInput * kShareOfInput * place.input_size, 1e-300}));
    if (!(relative <= params_.tolerance) && distance > 0) {
      throw Error(
          ErrorKind::check_failed,
          fmt::format("error: executors {} and {} differ by {:.3g} on row {} of expert {}; expected at most "
                      "{:g} [check-failed]",
                      params_.first, params_.second, relative, place.row, place.expert, params_.tolerance),
          "raise executor.tolerance if the difference is only rounding; otherwise please report it");
    }
  }

  CheckParams params_;
  std::unique_ptr<Executor> first_;
  std::unique_ptr<Executor> second_;
};

std::unique_ptr<Executor> make_part(Binder& binder, const std::string& key, const std::string& name) {
  const ExecutorEntry* entry = name == "check" ? nullptr : executors().find(name);
  if (entry == nullptr) {
    std::vector<std::string> choices = executors().names();
    std::erase(choices, "check");
    binder.error(key, "unknown executor '" + name + "'", "one of " + list_choices(choices),
                 "unknown-variant");
    return nullptr;
  }
  Binder defaults;  // the parts run with their defaults
  std::unique_ptr<Executor> part = entry->make(defaults, nullptr, "executor");
  if (part == nullptr) {
    binder.error(key, "executor '" + name + "' cannot be made here", "one that works with its defaults",
                 "not-built", "write 'kind: " + name + "' to read why");
  }
  return part;
}

}  // namespace

ExecutorEntry executor_check() {
  return {"check", "runs two executors and compares their rows",
          [] { return fields_of<CheckParams>().infos(); },
          [](Binder& binder, const Node* section, const std::string& path) -> std::unique_ptr<Executor> {
            CheckParams params;
            bind_section(binder, section, path, params, kExecutorReserved);
            auto first = make_part(binder, path + ".first", params.first);
            auto second = make_part(binder, path + ".second", params.second);
            if (first == nullptr || second == nullptr) {
              return nullptr;
            }
            return std::make_unique<CheckExecutor>(params, std::move(first), std::move(second));
          }};
}

}  // namespace moesim
