#pragma once
// Private to this room: the texts of `moesim explain`.

#include <span>
#include <string_view>

namespace moesim {

struct Explanation {
  std::string_view word;
  std::string_view text;
  std::string_view shown = {};  // as screens call it, where that is another word: "MaxVio"
};

std::span<const Explanation> explanations();

}  // namespace moesim
