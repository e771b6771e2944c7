#include "router/persistent_draw.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"

namespace moesim {

std::vector<double> inclusions_of(std::span<const double> shares, Index top_k) {
  std::vector<double> inclusion(shares.begin(), shares.end());
  std::vector<bool> certain(inclusion.size(), false);
  double left = static_cast<double>(top_k);
  for (bool changed = true; changed;) {
    changed = false;
    double sum = 0;
    for (std::size_t e = 0; e < inclusion.size(); ++e) {
      sum += certain[e] ? 0.0 : shares[e];
    }
    const double scale = sum > 0 ? left / sum : 0.0;
    for (std::size_t e = 0; e < inclusion.size(); ++e) {
      if (!certain[e]) {
        inclusion[e] = shares[e] * scale;
      }
    }
    for (std::size_t e = 0; e < inclusion.size(); ++e) {
      if (!certain[e] && inclusion[e] > 1.0) {
        certain[e] = true;
        inclusion[e] = 1.0;
        left -= 1.0;
        changed = true;
      }
    }
  }
  return inclusion;
}

double independent_overlap(std::span<const double> inclusion) {
  return std::inner_product(inclusion.begin(), inclusion.end(), inclusion.begin(), 0.0);
}

double persistence_for(double overlap, std::span<const double> inclusion) {
  const double independent = independent_overlap(inclusion);
  const double most = std::accumulate(inclusion.begin(), inclusion.end(), 0.0);
  // One neighbour in kMemory remembers nothing.
  constexpr double kRemembering = 1.0 - 1.0 / static_cast<double>(PersistentDraw::kMemory);
  return most - independent < 1e-9
             ? 0.0
             : std::clamp((overlap - independent) / (most - independent) / kRemembering, 0.0, 1.0);
}

PersistentDraw::PersistentDraw(const DrawLaw& law, RandomKey key)
    : law_(law),
      key_(key),
      top_k_(static_cast<std::size_t>(
          std::lround(std::accumulate(law.inclusion.begin(), law.inclusion.end(), 0.0)))),
      order_(law.inclusion.size()),
      is_fresh_(law.inclusion.size()) {}

// Expert after expert in a random order, each as long on the line as its inclusion: those that one of the
// points u, u + 1, u + 2 … falls on. No expert is longer than the points' distance, so none is taken twice.
void PersistentDraw::draw_fresh(RandomSequence& luck) {
  std::iota(order_.begin(), order_.end(), 0);
  for (std::size_t i = order_.size(); i > 1; --i) {
    std::swap(order_[i - 1], order_[luck.next_below(static_cast<std::uint32_t>(i))]);
  }
  std::fill(is_fresh_.begin(), is_fresh_.end(), std::uint8_t{0});
  double point = luck.next_uniform();
  double end = 0;
  std::size_t found = 0;
  for (const std::int32_t expert : order_) {
    const auto e = static_cast<std::size_t>(expert);
    end += law_.inclusion[e];
    if (found < top_k_ && point < end) {
      is_fresh_[e] = 1;
      ++found;
      point += 1.0;
    }
  }
  // Rounding may leave the last point just beyond the line's end.
  for (std::size_t i = order_.size(); found < top_k_ && i > 0; --i) {
    const auto e = static_cast<std::size_t>(order_[i - 1]);
    if (is_fresh_[e] == 0 && law_.inclusion[e] > 0) {
      is_fresh_[e] = 1;
      ++found;
    }
  }
  MOESIM_CHECK(found == top_k_, "a law whose inclusions do not reach K");
  fresh_.clear();
  for (std::size_t e = 0; e < is_fresh_.size(); ++e) {
    if (is_fresh_[e] != 0) {
      fresh_.push_back(static_cast<std::int32_t>(e));
    }
  }
}

void PersistentDraw::step(std::uint64_t token, bool remembers) {
  RandomSequence luck(key_, token);
  draw_fresh(luck);
  if (!remembers) {
    std::swap(set_, fresh_);
    return;
  }
  next_.clear();
  std::size_t old = 0;  // in set_: the next that may be missing from fresh_
  for (const std::int32_t expert : fresh_) {
    if (std::binary_search(set_.begin(), set_.end(), expert)) {
      next_.push_back(expert);
      continue;
    }
    while (is_fresh_[static_cast<std::size_t>(set_[old])] != 0) {
      ++old;
    }
    next_.push_back(luck.next_uniform() < law_.persistence ? set_[old] : expert);
    ++old;
  }
  std::sort(next_.begin(), next_.end());
  std::swap(set_, next_);
}

void PersistentDraw::draw(Place place, std::span<std::int32_t> chosen) {
  MOESIM_CHECK(chosen.size() == top_k_, "room for another number of experts than the law's");
  const std::uint64_t before = law_.persistence > 0 ? std::min(place.position % kMemory, place.token) : 0;
  const bool follows =
      !set_.empty() && place.token == last_.token + 1 && place.position == last_.position + 1;
  for (std::uint64_t i = follows ? 0 : before; i > 0; --i) {
    step(place.token - i, i < before);
  }
  step(place.token, before > 0);
  last_ = place;
  std::copy(set_.begin(), set_.end(), chosen.begin());
}

}  // namespace moesim
