// Must be reported by AddressSanitizer: one number too many is read. If it is not, the detector is blind.
#include <cstdio>
#include <memory>

int main(int argc, char**) {
  const std::unique_ptr<int[]> numbers(new int[4]());
  std::printf("%d\n", numbers[static_cast<std::size_t>(argc) + 3]);
  return 0;
}
