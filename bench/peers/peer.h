#pragma once
// One way to run the experts of a layer. A peer has its own copy of the weights, in whatever form it likes
// best.

#include <memory>
#include <string>
#include <vector>

#include "core/parallel.h"
#include "dispatch/plan.h"
#include "experts/bank.h"

namespace moesim::bench {

// What the peers are given to do: tokens, and several plans for them to take turns, so that small batches do
// not always read the same experts. Outlives its use.
struct Batches {
  Matrix x;                         // [T,D]
  std::vector<DispatchPlan> plans;  // of those tokens
};

class Peer {
 public:
  virtual ~Peer() = default;

  virtual std::string name() const = 0;
  virtual std::string version() const = 0;
  // Of its weights; the memory it will take.
  virtual std::uint64_t bytes(const FfnShape& shape, Index experts) const = 0;

  // First begin, then each expert's weights once, in any order and from several threads.
  virtual void begin(const FfnShape& shape, Index experts) = 0;
  virtual void load(Index expert, const FfnWeights& weights) = 0;

  virtual void prepare(const Batches& batches) = 0;
  // Plan number i of the batches, from dispatch to combine. The outputs [T,D] go to `y` when it is wanted.
  // Seconds.
  virtual double run(std::size_t i, Matrix* y = nullptr) = 0;
  // After its last run in a row: returns when none of its threads is awake any more.
  virtual void rest() {}
  // Where its weights can be read plainly, as a measure of what reading them takes.
  virtual const ExpertBank* bank() const { return nullptr; }
};

struct PeerSettings {
  const Context& context;  // of the peers inside this process
  std::string python;      // the interpreter that has PyTorch
};

// moesim first: the others are compared with it.
const std::vector<std::string>& peer_names();

// Throws Error with the reason when it is not there.
std::unique_ptr<Peer> make_peer(const std::string& name, const PeerSettings& settings);

// One for each file of this folder.
std::unique_ptr<Peer> make_executor_peer(const std::string& name, const std::string& kind,
                                         const Context& context);
std::unique_ptr<Peer> make_eigen_peer(const Context& context);
std::unique_ptr<Peer> make_openblas_peer(const Context& context);
std::unique_ptr<Peer> make_pytorch_peer(const PeerSettings& settings);

}  // namespace moesim::bench
