#include "support/allocations.h"

#include <atomic>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MOESIM_OWN_NEW 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MOESIM_OWN_NEW 0
#endif
#endif
#ifndef MOESIM_OWN_NEW
#define MOESIM_OWN_NEW 1
#endif

#if MOESIM_OWN_NEW
namespace {
std::atomic<std::int64_t> count{0};
}  // namespace

std::int64_t allocations() {
  return count;
}

void* operator new(std::size_t size) {
  ++count;
  void* memory = std::malloc(size);
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  return memory;
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
#else
std::int64_t allocations() {
  return -1;
}
#endif
