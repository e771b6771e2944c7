#include "mutate.h"

#include <algorithm>
#include <array>

#include "core/hash.h"
#include "core/random.h"

namespace moesim {
namespace {

using namespace std::string_view_literals;

// Bytes that mean something to a parser of text or of binary headers.
constexpr std::string_view kTelling =
    "\0\x01\x7f\x80\xff\n\r\t \"'#&*!|>%@`{}[](),:-?0123456789.eExXnN~<\xc0\xed\xf4"sv;

class Mutation {
 public:
  Mutation(std::string_view bytes, RandomSequence random) : bytes_(bytes), random_(random) {}

  std::string run() {
    const std::uint32_t steps = 1 + random_.next_below(4);
    for (std::uint32_t i = 0; i < steps; ++i) {
      step();
    }
    return bytes_;
  }

 private:
  std::size_t place() { return random_.next_below(static_cast<std::uint32_t>(bytes_.size() + 1)); }
  std::size_t length() { return 1 + random_.next_below(16); }
  char telling() { return kTelling[random_.next_below(static_cast<std::uint32_t>(kTelling.size()))]; }

  void step() {
    const std::size_t at = place();
    const bool inside = at < bytes_.size();
    switch (random_.next_below(7)) {
      case 0:
        if (inside) {
          bytes_[at] = static_cast<char>(bytes_[at] ^ (1 << random_.next_below(8)));
        }
        break;
      case 1:
        bytes_.resize(at);
        break;
      case 2:
        bytes_.insert(at, 1, telling());
        break;
      case 3:
        if (inside) {
          bytes_[at] = telling();
        }
        break;
      case 4:
        bytes_.insert(at, bytes_.substr(place(), length()));
        break;
      case 5:
        bytes_.erase(at, length());
        break;
      default:
        bytes_.insert(at, length() * length(), telling());
        break;
    }
  }

  std::string bytes_;
  RandomSequence random_;
};

}  // namespace

std::string mutate(std::string_view bytes, std::string_view file_name, std::uint32_t number) {
  const RandomKey key{.seed = hash64(file_name), .stream = Stream::test};
  return Mutation(bytes, RandomSequence(key, number)).run();
}

}  // namespace moesim
