#include "bench/peers/contest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <mutex>

#include "bench/peers/reference.h"
#include "core/error.h"
#include "core/machine.h"
#include "core/random.h"
#include "experts/kernels/choose.h"

namespace moesim::bench {
namespace {

constexpr double kPeakSeconds = 1.5e-3;
// Small batches take turns with so many plans.
constexpr std::size_t kPlansOfSmallBatches = 16;
constexpr std::size_t kPlans = 2;
constexpr Index kSmallBatch = 32;
// A turn is several calls where one is shorter, and begins with one that is not timed: threads are awake, and
// the caches hold what this peer leaves in them.
constexpr double kTurnSeconds = 0.02;
constexpr double kLongCallSeconds = 0.3;  // needs no call before it

// A dense layer of as many active parameters.
Shape dense_layer(const Shape& shape) {
  Shape layer = shape;
  layer.experts = 1;
  layer.top_k = 1;
  layer.d_ff = shape.top_k * shape.d_ff;
  return layer;
}

bool can_run_dense(const std::string& peer) {
  return peer != "eigen" && peer != "openblas";  // in parallel over experts, of which there is one
}

// Tokens of one size with one kind of routing.
struct Cell {
  Shape layer;
  std::string routing;
  Batches batches;
  std::unique_ptr<Reference> reference;
  Index tokens() const { return batches.x.rows(); }
  double flops() const {
    return static_cast<double>(tokens() * layer.top_k) *
           static_cast<double>(ffn_flops_per_row(layer.d_model, layer.d_ff, Activation::swiglu));
  }
  // Of the experts that a plan uses.
  double bytes(std::size_t i) const {
    const std::vector<Index>& begin = batches.plans[i].expert_begin;
    double distinct = 0;
    for (std::size_t e = 0; e + 1 < begin.size(); ++e) {
      distinct += begin[e + 1] > begin[e] ? 1 : 0;
    }
    return distinct * sizeof(float) *
           static_cast<double>(ffn_params(layer.d_model, layer.d_ff, Activation::swiglu));
  }
};

std::unique_ptr<Cell> make_cell(const Shape& layer, const std::string& routing, Index tokens) {
  auto cell = std::make_unique<Cell>();
  cell->layer = layer;
  cell->routing = routing;
  Batches& batches = cell->batches;
  batches.x.resize(tokens, layer.d_model);
  for (Index t = 0; t < tokens; ++t) {
    fill_normal({.seed = 3}, static_cast<std::uint64_t>(t), 1.0F, batches.x.row(t));
  }
  const std::size_t plans = tokens <= kSmallBatch ? kPlansOfSmallBatches : kPlans;
  for (std::size_t i = 0; i < plans; ++i) {
    const std::uint64_t seed = 7 + i;
    const Assignments routes =
        routing == "zipf" ? zipf_routing(layer, tokens, seed) : uniform_routing(layer, tokens, seed);
    batches.plans.push_back(make_plan({.assignments = routes, .top_k = layer.top_k}));
  }
  cell->reference = std::make_unique<Reference>(batches);
  return cell;
}

PeerResult result_of(const Cell& cell, const Shape& shape, const std::string& peer) {
  PeerResult result;
  result.shape = shape.name;
  result.routing = cell.routing;
  result.experts = cell.layer.experts;
  result.top_k = cell.layer.top_k;
  result.d_model = cell.layer.d_model;
  result.d_ff = cell.layer.d_ff;
  result.tokens = cell.tokens();
  result.peer = peer;
  return result;
}

double largest_distance(const Matrix& a, const Matrix& b) {
  double largest = 0;
  for (Index t = 0; t < a.rows(); ++t) {
    const double distance = relative_distance(a.row(t), b.row(t));
    largest = std::isfinite(distance) ? std::max(largest, distance) : std::numeric_limits<double>::infinity();
  }
  return largest;
}

// A peer that takes part until it fails: the rows that it owes then say why.
class Contestant {
 public:
  explicit Contestant(std::unique_ptr<Peer> peer) : peer_(std::move(peer)) {}

  const Peer& peer() const { return *peer_; }
  std::string lost() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return lost_;
  }
  // Nothing when it has failed before.
  template <class Body>
  void attempt(const Body& body) {
    if (!lost().empty()) {
      return;
    }
    try {
      body(*peer_);
    } catch (const std::exception& error) {
      const std::lock_guard<std::mutex> lock(mutex_);
      lost_ = error.what();
    }
  }

 private:
  std::unique_ptr<Peer> peer_;
  mutable std::mutex mutex_;  // weights are loaded from several threads
  std::string lost_;
};

using Peers = std::vector<Contestant*>;

struct Measured {
  std::vector<double> seconds, share, first_over_it;  // a sample a round
};

// The peers in turns, forwards and backwards, each round beginning with another: who runs twice in a row is
// not always the same.
class Rounds {
 public:
  Rounds(const Cell& cell, const Peers& peers, const ContestOptions& options)
      : cell_(cell), peers_(peers), options_(options), measured_(peers.size()) {
    peers_.front()->attempt([this](Peer& first) {
      first.run(0);
      seconds_of_call_ = first.run(1 % plans());
    });
    calls_ = static_cast<std::size_t>(
        std::clamp(std::ceil(kTurnSeconds / seconds_of_call_), 1.0, static_cast<double>(plans())));
  }

  void run(const ExpertBank& read) {
    const KernelSet& kernels = *find_kernels(InstructionSet::automatic);
    PlainReader reader(kernels, {weights_of(read)});
    const Context& context = options_.settings.context;
    for (int round = 0; round < options_.rounds; ++round) {
      const double before = multiply_add_rate(kernels, context, context.threads(), kPeakSeconds);
      const double bytes = 0.5 * (bytes_of(2 * round) + bytes_of(2 * round + 1));
      reader.read(static_cast<std::uint64_t>(bytes), context);
      const double reading = 2 * bytes / reader.read(static_cast<std::uint64_t>(bytes), context);
      std::vector<double> seconds(peers_.size());
      for (std::size_t i = 0; i < peers_.size(); ++i) {
        seconds[at(round, i)] += turn(at(round, i), 2 * round);
      }
      for (std::size_t i = peers_.size(); i-- > 0;) {
        seconds[at(round, i)] += turn(at(round, i), 2 * round + 1);
      }
      const double flops_per_s =
          0.5 * (before + multiply_add_rate(kernels, context, context.threads(), kPeakSeconds));
      const double computing = 2.0 * static_cast<double>(calls_) * cell_.flops() / flops_per_s;
      peak_.push_back(flops_per_s * 1e-9);
      read_.push_back(2.0 * bytes / reading * 1e-9);
      arithmetic_.push_back(computing / reading);
      for (std::size_t i = 0; i < peers_.size(); ++i) {
        if (!peers_[i]->lost().empty()) {
          continue;
        }
        measured_[i].seconds.push_back(seconds[i] / 2.0 / static_cast<double>(calls_));
        measured_[i].share.push_back(std::max(computing, reading) / seconds[i]);
        measured_[i].first_over_it.push_back(seconds[i] / seconds[0]);
      }
    }
  }

  void fill(std::size_t i, PeerResult& result) const {
    result.skipped = peers_[i]->lost();
    const auto tokens = static_cast<double>(cell_.tokens());
    std::vector<double> rate, gflops;
    for (const double s : measured_[i].seconds) {
      rate.push_back(tokens / s);
      gflops.push_back(cell_.flops() / s * 1e-9);
    }
    result.tokens_per_s = median_interval(rate);
    result.gflops = median_interval(gflops);
    result.share_of_limit = median_interval(measured_[i].share);
    result.first_over_it = median_interval(measured_[i].first_over_it);
    result.arithmetic_binds = median(arithmetic_) >= 1.0;
    result.rounds = options_.rounds;
    result.peak_gflops = median(peak_);
    result.read_gb_s = median(read_);
  }

 private:
  std::size_t plans() const { return cell_.batches.plans.size(); }
  std::size_t at(int round, std::size_t i) const {
    return (i + static_cast<std::size_t>(round)) % peers_.size();
  }
  std::size_t plan_of(int pass, std::size_t call) const {
    return (static_cast<std::size_t>(pass) * calls_ + call) % plans();
  }
  double bytes_of(int pass) const {
    double sum = 0;
    for (std::size_t call = 0; call < calls_; ++call) {
      sum += cell_.bytes(plan_of(pass, call));
    }
    return sum;
  }
  double turn(std::size_t peer, int pass) {
    double seconds = 0;
    peers_[peer]->attempt([&](Peer& p) {
      if (seconds_of_call_ < kLongCallSeconds) {
        p.run(plan_of(pass, plans() - 1));
      }
      for (std::size_t call = 0; call < calls_; ++call) {
        seconds += p.run(plan_of(pass, call));
      }
      p.rest();
    });
    return seconds;
  }

  const Cell& cell_;
  const Peers& peers_;
  const ContestOptions& options_;
  std::vector<Measured> measured_;
  double seconds_of_call_ = kTurnSeconds;
  std::size_t calls_ = 1;
  std::vector<double> peak_, read_, arithmetic_;
};

// Those that compute the right thing, each with the beginning of its row; the others are reported.
Peers check(const Cell& cell, const Shape& shape, const Peers& peers, std::vector<PeerResult>& rows,
            const ContestOptions& options) {
  Peers right;
  Matrix first;
  for (Contestant* contestant : peers) {
    PeerResult row = result_of(cell, shape, contestant->peer().name());
    row.version = contestant->peer().version();
    Matrix y;
    contestant->attempt([&](Peer& peer) {
      peer.prepare(cell.batches);
      peer.run(0, &y);
      peer.rest();
    });
    row.skipped = contestant->lost();
    if (!row.skipped.empty()) {
      options.done(row);
      continue;
    }
    if (first.rows() == 0) {
      first = y.clone();
    }
    row.error = cell.reference->distance(y);
    row.error_to_first = largest_distance(y, first);
    row.differs = !(row.error <= kToleranceToDouble && row.error_to_first <= kToleranceToFirst);
    if (row.differs) {
      options.done(row);
    } else {
      right.push_back(contestant);
      rows.push_back(row);
    }
  }
  return right;
}

class ShapeContest {
 public:
  ShapeContest(const Shape& shape, const ContestOptions& options) : shape_(shape), options_(options) {}

  void run(const Shape& layer, const std::vector<std::string>& routings,
           const std::vector<std::string>& names) {
    std::vector<std::unique_ptr<Cell>> cells;
    for (const std::string& routing : routings) {
      for (const Index tokens : layer.tokens) {
        cells.push_back(make_cell(layer, routing, tokens));
      }
    }
    if (cells.empty()) {
      return;
    }
    const std::uint64_t fits = read_machine().memory_limit_bytes;
    if (memory(layer, names.size()) <= fits) {
      run_group(layer, cells, names);
      return;
    }
    for (std::size_t i = 1; i < names.size(); ++i) {
      if (memory(layer, 2) <= read_machine().memory_limit_bytes) {
        run_group(layer, cells, {names[0], names[i]});
      } else {
        skip_large(layer, cells, names[i]);
      }
    }
    if (!has_reference_) {  // no pair fitted
      if (memory(layer, 1) <= read_machine().memory_limit_bytes) {
        run_group(layer, cells, {names[0]});
      } else {
        skip_large(layer, cells, names[0]);
      }
    }
  }

 private:
  // Of so many copies of the weights, and what it takes to make them.
  std::uint64_t memory(const Shape& layer, std::size_t peers) const {
    const std::uint64_t expert = sizeof(float) * ffn_params(layer.d_model, layer.d_ff, Activation::swiglu);
    const auto threads = static_cast<std::uint64_t>(options_.settings.context.threads());
    return expert * (static_cast<std::uint64_t>(layer.experts) * peers + threads) + (std::uint64_t{1} << 29);
  }

  void skip(const std::vector<std::unique_ptr<Cell>>& cells, const std::string& name,
            const std::string& why) const {
    for (const std::unique_ptr<Cell>& cell : cells) {
      PeerResult row = result_of(*cell, shape_, name);
      row.skipped = why;
      options_.done(row);
    }
  }

  void skip_large(const Shape& layer, const std::vector<std::unique_ptr<Cell>>& cells,
                  const std::string& name) const {
    constexpr double kGiB = 1024.0 * 1024 * 1024;
    skip(cells, name,
         fmt::format("the weights take {:.1f} GiB for each engine; {:.1f} GiB of memory may be used",
                     static_cast<double>(memory(layer, 1)) / kGiB,
                     static_cast<double>(read_machine().memory_limit_bytes) / kGiB));
  }

  void run_group(const Shape& layer, const std::vector<std::unique_ptr<Cell>>& cells,
                 const std::vector<std::string>& names) {
    std::vector<std::unique_ptr<Contestant>> owned;
    Peers peers;
    for (const std::string& name : names) {
      try {
        std::unique_ptr<Peer> peer = make_peer(name, options_.settings);
        peer->begin({layer.d_model, layer.d_ff, Activation::swiglu}, layer.experts);
        owned.push_back(std::make_unique<Contestant>(std::move(peer)));
        peers.push_back(owned.back().get());
      } catch (const Error& error) {
        skip(cells, name, error.what());
      }
    }
    load(layer, cells, peers);
    for (const std::unique_ptr<Cell>& cell : cells) {
      options_.progress(fmt::format("{}, {}, T={}", shape_.name, cell->routing, cell->tokens()));
      run_cell(*cell, peers);
    }
  }

  void load(const Shape& layer, const std::vector<std::unique_ptr<Cell>>& cells, const Peers& peers) {
    options_.progress(fmt::format("{}: making weights", shape_.name));
    const BankOptions weights{
        .seed = 1, .num_experts = layer.experts, .d_model = layer.d_model, .width = layer.d_ff};
    const bool first_group = !has_reference_;
    options_.settings.context.for_each_block(layer.experts, [&](Index e) {
      const FfnWeights expert = make_ffn_weights(weights, e);
      for (Contestant* contestant : peers) {
        contestant->attempt([&](Peer& peer) { peer.load(e, expert); });
      }
      for (std::size_t i = 0; first_group && i < cells.size(); ++i) {
        cells[i]->reference->add(e, expert);
      }
    });
    has_reference_ = true;
  }

  void run_cell(const Cell& cell, const Peers& peers) {
    std::vector<PeerResult> rows;
    const Peers right = check(cell, shape_, peers, rows, options_);
    if (right.empty() || right.front() != peers.front()) {
      throw Error(ErrorKind::check_failed,
                  "error: " + peers.front()->peer().name() +
                      ", which the others are compared with, is wrong [check-failed]");
    }
    Rounds rounds(cell, right, options_);
    rounds.run(*right.front()->peer().bank());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rounds.fill(i, rows[i]);
      options_.done(rows[i]);
    }
  }

  const Shape& shape_;
  const ContestOptions& options_;
  bool has_reference_ = false;
};

}  // namespace

void run_contest(const Shape& shape, const ContestOptions& options) {
  std::vector<std::string> moe_routings;
  std::vector<std::string> dense_peers;
  for (const std::string& routing : options.routings) {
    if (routing != "dense") {
      moe_routings.push_back(routing);
    }
  }
  std::copy_if(options.peers.begin(), options.peers.end(), std::back_inserter(dense_peers), can_run_dense);
  ShapeContest(shape, options).run(shape, moe_routings, options.peers);
  if (moe_routings.size() < options.routings.size()) {
    ShapeContest(shape, options).run(dense_layer(shape), {"dense"}, dense_peers);
  }
}

}  // namespace moesim::bench
