#pragma once
// Where tokens come from. A workload is one endless stream of tokens, a pure function of (config, seed):
// token number g is the same however the stream is cut into batches, and any slice can be made alone.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/binder.h"
#include "config/load.h"
#include "core/catalogue.h"
#include "core/parallel.h"
#include "workload/token_batch.h"

namespace moesim {

class Workload {
 public:
  virtual ~Workload() = default;

  Index tokens() const { return tokens_; }  // T, tokens in a batch
  Index steps() const { return steps_; }    // batches of a run

  // Tokens [step·T, (step+1)·T) of the stream.
  TokenBatch batch(const Context& context, Index step) const {
    return slice(context, static_cast<std::uint64_t>(step) * static_cast<std::uint64_t>(tokens_), tokens_);
  }
  // The same into `batch`, whose memory a workload may use again.
  void batch_into(const Context& context, Index step, TokenBatch& batch) const {
    slice_into(context, static_cast<std::uint64_t>(step) * static_cast<std::uint64_t>(tokens_), tokens_,
               batch);
  }
  // Tokens [first, first + count). Same bits for any way of cutting and any number of threads.
  virtual TokenBatch slice(const Context& context, std::uint64_t first, Index count) const = 0;

  virtual void slice_into(const Context& context, std::uint64_t first, Index count, TokenBatch& batch) const {
    batch = slice(context, first, count);
  }
  // Logits it makes for each token, one for each expert, in the place of vectors; 0: vectors, for a gate.
  virtual Index num_logits() const { return 0; }

  // Of the contents of all files the stream is made from; 0: it needs none.
  virtual std::uint64_t input_hash() const { return 0; }
  // Tokens of the stream before it says again what it said; 0: it never does.
  virtual std::uint64_t tokens_before_repeat() const { return 0; }

  // What a reader would call token g: its word, its character, "cluster 3". Safe to print only through
  // display_safe().
  virtual std::string token_text(std::uint64_t g) const = 0;
  // False for a token that continues the character of the one before it (byte tokenizer).
  virtual bool starts_character(std::uint64_t) const { return true; }
  // Names of the ground-truth labels; empty when there are none.
  virtual std::vector<std::string> domain_names() const { return {}; }
  // Bytes the workload would hold while a batch of so many tokens of that width is made, the batch included.
  virtual std::uint64_t memory_bytes(Index batch_tokens, Index d_model) const = 0;

 protected:
  Workload(Index tokens, Index steps) : tokens_(tokens), steps_(steps) {}

 private:
  Index tokens_;
  Index steps_;
};

struct WorkloadEnvironment {
  const ConfigSource& source;  // what relative paths are relative to
  std::uint64_t seed = 0;
  Index d_model = 0;
  Index num_experts = 0;  // E, the whole pool
};

struct WorkloadEntry {
  std::string name;     // the value of workload.kind
  std::string summary;  // one line
  std::string origin;   // paper or reason
  std::vector<FieldInfo> (*fields)();
  // Binds `section`, reports problems to the binder and returns the workload, or nullptr when there were any.
  std::unique_ptr<Workload> (*make)(Binder& binder, const Node& section,
                                    const WorkloadEnvironment& environment);
};

const Catalogue<WorkloadEntry>& workloads();

}  // namespace moesim
