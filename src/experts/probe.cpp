#include "experts/probe.h"

#include <algorithm>
#include <cmath>

#include "core/stopwatch.h"
#include "experts/kernels/choose.h"

namespace moesim {
namespace {

// Takes what the loops made, so that no compiler leaves them out.
void use(const std::vector<float>& results) {
  volatile float sink = 0;
  for (const float result : results) {
    sink = sink + result;
  }
}

// Seconds of `count` calls of loop(i) at the same time.
template <class Loop>
double time_at_once(const Context& context, int count, const Loop& loop) {
  std::vector<float> results(static_cast<std::size_t>(count));
  const Stopwatch watch;
  context.for_each_block(count, [&](Index i) { results[static_cast<std::size_t>(i)] = loop(i); });
  const double seconds = std::max(watch.seconds(), 1e-9);
  use(results);
  return seconds;
}

}  // namespace

const KernelSet& probe_kernels(const Executor& executor) {
  const KernelSet* own = executor.kernels();
  return own != nullptr ? *own : *find_kernels(InstructionSet::automatic);
}

std::string instruction_set(const KernelSet& kernels) {
  return kernels.name;
}

std::vector<std::string> usable_instruction_names() {
  std::vector<std::string> names;
  for (const InstructionSet set : usable_instruction_sets()) {
    names.emplace_back(find_kernels(set)->name);
  }
  return names;
}

double multiply_add_rate(const KernelSet& kernels, const Context& context, int at_once, double seconds) {
  constexpr std::int64_t kTrial = 20'000;
  const auto run = [&](int count, std::int64_t iterations) {
    return time_at_once(context, count, [&](Index) { return kernels.multiply_add_loop(iterations); });
  };
  const double trial = std::min(run(1, kTrial), run(1, kTrial));
  const auto iterations = static_cast<std::int64_t>(std::clamp(std::ceil(seconds / trial), 1.0, 1e6) *
                                                    static_cast<double>(kTrial));
  const double flops = static_cast<double>(iterations) * 4.0 * kernels.max_rows * kernels.lanes;
  return static_cast<double>(at_once) * flops / run(at_once, iterations);
}

double read_rate(const KernelSet& kernels, const Context& context, std::span<const float> buffer, int at_once,
                 double seconds) {
  const auto part = static_cast<std::int64_t>(buffer.size()) / at_once;
  const auto run = [&](int count, std::int64_t passes) {
    return time_at_once(context, count, [&](Index i) {
      float sum = 0;
      for (std::int64_t pass = 0; pass < passes; ++pass) {
        sum += kernels.read_loop(buffer.data() + i * part, part);
      }
      return sum;
    });
  };
  const double trial = run(1, 1);
  const auto passes = static_cast<std::int64_t>(std::clamp(std::ceil(seconds / trial), 1.0, 1e6));
  const double bytes = static_cast<double>(part * passes) * sizeof(float) * at_once;
  return bytes / run(at_once, passes);
}

PlainReader::PlainReader(const KernelSet& kernels, std::vector<std::span<const float>> memory)
    : kernels_(kernels) {
  constexpr std::size_t kPiece = std::size_t{16} << 10;  // floats
  for (const std::span<const float> part : memory) {
    for (std::size_t at = 0; at < part.size(); at += kPiece) {
      pieces_.push_back(part.subspan(at, std::min(kPiece, part.size() - at)));
    }
    bytes_ += part.size_bytes();
  }
}

double PlainReader::read(std::uint64_t bytes, const Context& context) {
  if (pieces_.empty() || bytes_ == 0) {
    return 0;
  }
  const double per_piece = static_cast<double>(bytes_) / static_cast<double>(pieces_.size());
  const auto count =
      static_cast<std::size_t>(std::ceil(std::max(1.0, static_cast<double>(bytes) / per_piece)));
  std::vector<float> sums(count);
  double read = 0;
  for (std::size_t i = 0; i < count; ++i) {
    read += static_cast<double>(pieces_[(next_ + i) % pieces_.size()].size_bytes());
  }
  // A block is some neighbouring pieces: enough to be worth handing out.
  const Index blocks = std::min<Index>(static_cast<Index>(count), 8 * context.threads());
  const Stopwatch watch;
  context.for_each_block(blocks, [&](Index b) {
    const auto n = static_cast<Index>(count);
    for (Index i = n * b / blocks; i < n * (b + 1) / blocks; ++i) {
      const std::span<const float> piece = pieces_[(next_ + static_cast<std::size_t>(i)) % pieces_.size()];
      sums[static_cast<std::size_t>(i)] =
          kernels_.read_loop(piece.data(), static_cast<std::int64_t>(piece.size()));
    }
  });
  const double seconds = std::max(watch.seconds(), 1e-9);
  use(sums);
  next_ = (next_ + count) % pieces_.size();
  return read / seconds;
}

}  // namespace moesim
