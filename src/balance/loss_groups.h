#pragma once
// Private to this room: the groups of tokens a loss is taken over, and who is chosen in them.

#include <cstdint>
#include <vector>

#include "balance/losses.h"

namespace moesim {

struct TokenRange {
  Index first = 0;
  Index last = 0;  // one past
  double size() const { return static_cast<double>(last - first); }
};

// Groups with at least one token, in order.
std::vector<TokenRange> groups_of(const LossInput& input, LossScope scope);

inline std::span<const double> row_of(std::span<const double> matrix, Index row, Index cols) {
  return matrix.subspan(static_cast<std::size_t>(row * cols), static_cast<std::size_t>(cols));
}

inline std::span<double> row_of(std::vector<double>& matrix, Index row, Index cols) {
  return {matrix.data() + row * cols, static_cast<std::size_t>(cols)};
}

// The `count` highest of `values`, highest first, at most all; ties: the lowest index first.
std::vector<std::int32_t> highest(std::span<const double> values, Index count);

// The experts that a token chooses, best first, by input.choices.counted. `scratch` holds them where they
// have to be found.
std::span<const std::int32_t> chosen_by(const LossInput& input, Index token,
                                        std::vector<std::int32_t>& scratch);

// [E]: shares of the group's tokens whose first choice, or one of whose choices, an expert is.
std::vector<double> first_choice_shares(const LossInput& input, TokenRange group);
std::vector<double> choice_shares(const LossInput& input, TokenRange group);

}  // namespace moesim
