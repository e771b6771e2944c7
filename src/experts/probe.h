#pragma once
// The machine's limits as the kernels of an executor meet them: multiply-adds that never leave the registers,
// and plain reads.

#include <cstdint>
#include <span>
#include <string>

#include "core/parallel.h"
#include "experts/executor.h"

namespace moesim {

struct KernelSet;

// The kernels of the executor; of an executor that has none, the best ones of this processor.
const KernelSet& probe_kernels(const Executor& executor);
std::string instruction_set(const KernelSet& kernels);  // of the register loop and the reads
std::vector<std::string> usable_instruction_names();    // here, best first

// Floating-point operations a second of `at_once` register loops at the same time, which take about
// `seconds`.
double multiply_add_rate(const KernelSet& kernels, const Context& context, int at_once, double seconds);

// Bytes a second of `at_once` threads that each read their own part of the buffer, again and again for about
// `seconds`, at least once.
double read_rate(const KernelSet& kernels, const Context& context, std::span<const float> buffer, int at_once,
                 double seconds);

// Reads some memory from end to end, a piece at each call, beginning where the last call ended: what it finds
// in the caches is what a user of that memory would find there.
class PlainReader {
 public:
  PlainReader(const KernelSet& kernels, std::vector<std::span<const float>> memory);
  // Bytes a second of about so many bytes, by all threads.
  double read(std::uint64_t bytes, const Context& context);
  std::uint64_t bytes() const { return bytes_; }

 private:
  const KernelSet& kernels_;
  std::vector<std::span<const float>> pieces_;
  std::uint64_t bytes_ = 0;
  std::size_t next_ = 0;
};

}  // namespace moesim
