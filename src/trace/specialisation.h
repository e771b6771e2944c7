#pragma once
// Do experts serve a domain, or a word, more than others? Both after Muennighoff et al. 2024, "OLMoE"
// (arXiv:2409.02060), section 5: the share of a domain's tokens, or of a vocabulary id's occurrences, that
// choose an expert. By chance every share is k/E.

#include <cstdint>
#include <map>
#include <span>
#include <unordered_set>
#include <vector>

#include "trace/kept_tokens.h"
#include "trace/layer_load.h"

namespace moesim {

struct DomainSpecialisation {
  Index expert = 0;   // chosen by most tokens of the domain
  double share = 0;   // of its tokens
  double chance = 0;  // k/E
  // Total variation between its load shares and the mean of those of the other domains.
  double distance = 0;
};

// domains[d]: one layer of one model by domain, all of one width; one result each. Of a single domain the
// distance is 0.
std::vector<DomainSpecialisation> specialise_domains(std::span<const LayerLoad* const> domains);

struct VocabularySpecialisation {
  std::uint64_t ids = 0;          // different vocabulary ids
  std::uint64_t occurrences = 0;  // tokens
  // Share of an id's occurrences that choose its most frequent expert, mean over occurrences.
  double share = 0;
  // The same where ids chose alike, by popularity alone: even then the most frequent of few is above the
  // mean. Experts taken as independent; of ids with more than 4096 occurrences as if they had 4096.
  double popularity = 0;
  double chance = 0;  // k/E
};

class VocabularyCounts {
 public:
  // How often an id went to each expert, in pieces: those of an id follow each other, or the vocabulary as a
  // whole stays unknown.
  void add(std::int64_t id, std::span<const std::uint64_t> count);
  void end();  // the last id is complete
  bool is_known() const { return ids_ > 0 && !scattered_; }
  // The largest number that divides every id's choices: of a vocabulary with rare ids the number of experts
  // that each token chose.
  std::uint64_t common_divisor() const { return divisor_; }

  // Each occurrence chose top_k experts.
  VocabularySpecialisation summarise(const LayerLoad& load, Index top_k) const;

 private:
  std::int64_t id_ = -1;               // being added
  std::vector<std::uint64_t> pieces_;  // its counts so far
  std::unordered_set<std::int64_t> complete_;
  bool scattered_ = false;
  std::uint64_t ids_ = 0;
  std::uint64_t choices_ = 0;
  std::uint64_t most_ = 0;  // Σ over ids of the count of their most frequent expert
  std::uint64_t divisor_ = 0;
  std::map<std::uint64_t, std::uint64_t> ids_with_;  // how many ids have so many choices
};

// Of the kept tokens, where they have ids.
VocabularyCounts count_vocabulary(const KeptTokens& tokens);

// E[max_e X_e]/n of independent X_e ~ Bin(n, q_e): Σ_(m<n) (1 − Π_e P(X_e ≤ m)) / n
double expected_largest_share(std::span<const double> q, std::uint64_t n);

}  // namespace moesim
