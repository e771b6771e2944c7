// Must be reported by UndefinedBehaviorSanitizer: a sum that int cannot hold. If it is not, the detector is
// blind.
#include <cstdio>
#include <limits>

int main(int argc, char**) {
  std::printf("%d\n", std::numeric_limits<int>::max() + argc);
  return 0;
}
