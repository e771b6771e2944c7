// The main of every test program. Like the product's main it lets an arena hold more workers than the
// machine has cores, so that thread-matrix tests really run 7 threads on 2 cores.
#include <gtest/gtest.h>
#include <tbb/global_control.h>

int main(int argc, char** argv) {
  tbb::global_control workers(tbb::global_control::max_allowed_parallelism, 32);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
