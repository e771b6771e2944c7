#pragma once
// Small recordings as files.

#include <fstream>
#include <string>

namespace moesim {

// In gpt-oss's form: `tokens` tokens of two layers, two of eight experts each, in a fixed pattern.
inline void write_recording(const std::string& path, int tokens, int first = 0) {
  std::ofstream file(path);
  file << "token,layer,e0,e1,p0,p1\n";
  for (int t = 0; t < tokens; ++t) {
    for (int layer = 0; layer < 2; ++layer) {
      const int a = (first + t / 3 + layer) % 8;
      const int b = (a + 1 + (t * t + layer) % 7) % 8;
      file << 100 + t << "," << layer << "," << a << "," << b << ",0.6,0.4\n";
    }
  }
}

}  // namespace moesim
