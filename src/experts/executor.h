#pragma once
// Runs the experts: rows of tokens in, rows in expert order out. Const after construction.

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "config/binder.h"
#include "core/catalogue.h"
#include "core/parallel.h"
#include "experts/bank.h"

namespace moesim {

struct KernelSet;

// The inputs of the experts: row r is from[token[r]], times weight[r].
struct RowSource {
  MatrixView from;
  std::span<const std::int32_t> token = {};  // [R], or empty: row r is from[r]
  std::span<const float> weight = {};        // [R], or empty: 1

  Index token_of(Index r) const { return token.empty() ? r : token[static_cast<std::size_t>(r)]; }
  float weight_of(Index r) const { return weight.empty() ? 1.0F : weight[static_cast<std::size_t>(r)]; }
};

struct ExpertRows {
  const ExpertBank& bank;
  std::span<const Index> expert_begin;  // [E+1]: expert e computes rows [expert_begin[e], expert_begin[e+1])
  RowSource in;
  std::span<const float> out_weight = {};  // [R], or empty: 1
  MutableMatrixView out;                   // [R,D]
  // Where a packed expert holds the layouts of several executors (experts/check.cpp): this one's place.
  bool is_part = false;
  std::size_t packed_offset = 0;

  Index num_rows() const { return expert_begin.back(); }
  const std::byte* packed(Index e) const { return bank.packed(e) + packed_offset; }
};

// Memory that an executor needs while it runs, kept by the caller from step to step. Made by the executor it
// is for.
class ExecutorScratch {
 public:
  virtual ~ExecutorScratch() = default;
};

class Executor {
 public:
  virtual ~Executor() = default;

  // The layout of its banks, by name: executor, type of weights, instruction set.
  virtual std::string layout() const = 0;
  virtual WeightType weight_type() const { return WeightType::float32; }
  // Its kernels, by which the machine's limits are measured (experts/probe.h); null: it has none.
  virtual const KernelSet* kernels() const { return nullptr; }
  // False: it moves and multiplies narrower numbers, which the limits of floats do not bind.
  virtual bool multiplies_floats() const { return true; }
  // Bytes of one ffn expert in that layout. Throws Error(out_of_memory) when they do not fit 64 bits.
  virtual std::uint64_t expert_bytes(const FfnShape& shape) const = 0;
  // Puts some units of an expert into the layout. Memory that no unit fills is zero beforehand.
  virtual void pack(const FfnShape& shape, const FfnUnits& units, std::byte* expert) const = 0;

  virtual std::unique_ptr<ExecutorScratch> make_scratch() const = 0;
  // Its bytes for so many rows through experts of this shape, on so many threads.
  virtual std::uint64_t scratch_bytes(const FfnShape& shape, Index rows, int threads) const = 0;

  // In two parts, so that dispatch can be timed apart from the experts. gather brings the rows into the order
  // and layout of the experts; run computes out[r] = out_weight[r]·expert(in[r]) from what gather left, for
  // the ffn experts, and fills in the kinds that need no product. Both are given the same rows. Same bits for
  // any number of threads.
  void gather(const ExpertRows& rows, ExecutorScratch& scratch, const Context& context) const;
  void run(const ExpertRows& rows, ExecutorScratch& scratch, const Context& context) const;

 private:
  virtual void gather_ffn(const ExpertRows& rows, ExecutorScratch& scratch, const Context& context) const = 0;
  virtual void run_ffn(const ExpertRows& rows, ExecutorScratch& scratch, const Context& context) const = 0;
};

struct ExecutorTraits {
  bool built = true;      // or known by name only: making one is an error that says what to install
  bool any_split = true;  // a row's bits do not depend on the rows beside it, so a stream may be cut anywhere
};

struct ExecutorEntry {
  std::string name;     // the value of executor.kind
  std::string summary;  // one line
  std::vector<FieldInfo> (*fields)();
  std::unique_ptr<Executor> (*make)(Binder& binder, const Node* section, const std::string& path);
  ExecutorTraits traits = {};
};

const Catalogue<ExecutorEntry>& executors();

// The `executor:` section (nullptr: all defaults) → the executor; nullptr when there were problems. `threads`
// is read beside the kind's own keys: 0 means auto.
struct ExecutorChoice {
  std::unique_ptr<Executor> executor;
  std::string kind;
  std::int64_t threads = 0;
};
ExecutorChoice make_executor(Binder& binder, const Node* section);

}  // namespace moesim
