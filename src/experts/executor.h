#pragma once
// Runs the experts: rows in expert order in, rows in expert order out. Const after construction.

#include <memory>
#include <span>
#include <string>

#include "config/binder.h"
#include "core/catalogue.h"
#include "core/parallel.h"
#include "experts/bank.h"

namespace moesim {

struct ExpertRows {
  const ExpertBank& bank;
  std::span<const Index> expert_begin;  // [E+1]
  MatrixView in;                        // [R,D], grouped by expert
  MutableMatrixView out;                // [R,D]
};

class Executor {
 public:
  virtual ~Executor() = default;

  // out[r] = expert(in[r]) without the routing weight. Checks the sizes, lets the executor compute the ffn
  // experts and fills in the kinds that need no product. Same bits for any number of threads.
  void run(const ExpertRows& rows, const Context& context) const;

  // Bytes of scratch memory one thread needs for experts of this shape.
  virtual std::uint64_t scratch_bytes(Index d_model, Index width) const = 0;

 private:
  virtual void run_ffn(const ExpertRows& rows, const Context& context) const = 0;
};

struct ExecutorEntry {
  std::string name;     // the value of executor.kind
  std::string summary;  // one line
  std::vector<FieldInfo> (*fields)();
  std::unique_ptr<Executor> (*make)(Binder& binder, const Node* section, const std::string& path);
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
