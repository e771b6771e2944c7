// Recordings that are text: CSV, JSON Lines, JSON, in the form that they begin with.
#include "fuzz_recording.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  moesim::read_as_recording(data, size, "");
  return 0;
}
