#include "oracle/drops.h"

#include <algorithm>
#include <cmath>

namespace moesim::testing {
namespace {

struct Group {
  const NaiveRouting& routing;
  const NaiveRule& rule;
  int first, last;  // tokens
  long capacity;
  std::vector<std::vector<NaiveFate>>& fate;
};

struct Place {
  int token, choice;
};

const NaiveClaim& claim_at(const Group& g, const Place& p) {
  return g.routing.tokens[p.token][p.choice];
}

std::vector<Place> all_of(const Group& g) {
  std::vector<Place> places;
  for (int t = g.first; t < g.last; ++t) {
    for (int c = 0; c < static_cast<int>(g.routing.tokens[t].size()); ++c) {
      places.push_back({t, c});
    }
  }
  return places;
}

double best_score(const Group& g, int token) {
  double best = -HUGE_VAL;
  for (const NaiveClaim& claim : g.routing.tokens[token]) {
    best = std::fmax(best, claim.score);
  }
  return best;
}

// Whether p claims before q.
bool before(const Group& g, const Place& p, const Place& q) {
  const std::string& drop = g.rule.drop;
  const NaiveClaim& a = claim_at(g, p);
  const NaiveClaim& b = claim_at(g, q);
  if (drop == "position_k_major" || drop == "recycle" || drop == "ntlb") {
    return p.choice != q.choice ? p.choice < q.choice : p.token < q.token;
  }
  if (drop == "batch_prioritised") {
    const double best_p = best_score(g, p.token);
    const double best_q = best_score(g, q.token);
    return p.choice != q.choice ? p.choice < q.choice
           : best_p != best_q   ? best_p > best_q
                                : p.token < q.token;
  }
  if (drop == "expert_weight" && a.weight != b.weight) {
    return a.weight > b.weight;
  }
  if (drop == "random" && a.luck != b.luck) {
    return a.luck > b.luck;
  }
  return p.token != q.token ? p.token < q.token : p.choice < q.choice;
}

// An assignment is kept when fewer than C of its expert's claims come before it.
void keep_the_first(Group& g) {
  const std::vector<Place> places = all_of(g);
  for (const Place& p : places) {
    long ahead = 0;
    for (const Place& q : places) {
      ahead += claim_at(g, q).expert == claim_at(g, p).expert && before(g, q, p) ? 1 : 0;
    }
    NaiveFate& fate = g.fate[p.token][p.choice];
    fate.weight = claim_at(g, p).weight;
    fate.expert = ahead < g.capacity ? claim_at(g, p).expert : -1;
    fate.reason = ahead < g.capacity ? "kept" : "capacity";
  }
}

int choice_of(const Group& g, int token, int expert) {
  for (int c = 0; c < static_cast<int>(g.routing.tokens[token].size()); ++c) {
    if (g.routing.tokens[token][c].expert == expert) {
      return c;
    }
  }
  return -1;
}

// The column of expert e: the score where it was chosen, 0 elsewhere; its C largest entries, of which those
// that were chosen count.
void keep_top_of_column(Group& g, int e) {
  std::vector<int> tokens;
  for (int t = g.first; t < g.last; ++t) {
    tokens.push_back(t);
  }
  const auto value = [&](int t) {
    const int c = choice_of(g, t, e);
    return c < 0 ? 0.0 : static_cast<double>(g.routing.tokens[t][c].score);
  };
  std::stable_sort(tokens.begin(), tokens.end(), [&](int a, int b) { return value(a) > value(b); });
  long kept = 0;
  for (int i = 0; i < static_cast<int>(tokens.size()); ++i) {
    const int c = choice_of(g, tokens[i], e);
    if (c >= 0) {
      NaiveFate& fate = g.fate[tokens[i]][c];
      fate.weight = g.routing.tokens[tokens[i]][c].weight;
      fate.expert = i < g.capacity ? e : -1;
      fate.reason = i < g.capacity ? "kept" : "capacity";
      kept += i < g.capacity ? 1 : 0;
    }
  }
  for (const int t : tokens) {
    const int c = choice_of(g, t, e);
    if (c >= 0 && g.fate[t][c].expert < 0 && kept < g.capacity) {
      g.fate[t][c].reason = "outranked";
    }
  }
}

// All on the device are kept, then the worst that is not exempt is thrown out until the budget holds.
void shrink_device(Group& g, int device) {
  const int each = g.routing.num_experts / g.rule.devices;
  std::vector<Place> on_it;
  for (const Place& p : all_of(g)) {
    if (claim_at(g, p).expert / each == device) {
      on_it.push_back(p);
      const bool exempt = !g.routing.exempt.empty() && g.routing.exempt[p.token];
      g.fate[p.token][p.choice] = {claim_at(g, p).expert, claim_at(g, p).weight, exempt ? "exempt" : "kept"};
    }
  }
  const auto worse = [&](const Place& p, const Place& q) {
    const NaiveClaim& a = claim_at(g, p);
    const NaiveClaim& b = claim_at(g, q);
    if (a.score != b.score) {
      return a.score < b.score;
    }
    if (a.expert != b.expert) {
      return a.expert > b.expert;
    }
    return p.token > q.token;
  };
  for (long load = static_cast<long>(on_it.size()); load > g.capacity; --load) {
    const Place* worst = nullptr;
    for (const Place& p : on_it) {
      if (g.fate[p.token][p.choice].reason == "kept" && (worst == nullptr || worse(p, *worst))) {
        worst = &p;
      }
    }
    if (worst == nullptr) {
      return;
    }
    g.fate[worst->token][worst->choice].expert = -1;
    g.fate[worst->token][worst->choice].reason = "capacity";
  }
}

long load_of(const Group& g, int expert) {
  long load = 0;
  for (int t = g.first; t < g.last; ++t) {
    for (const NaiveFate& fate : g.fate[t]) {
      load += fate.expert == expert ? 1 : 0;
    }
  }
  return load;
}

bool token_has(const Group& g, int token, int expert) {
  if (choice_of(g, token, expert) >= 0) {
    return true;
  }
  for (const NaiveFate& fate : g.fate[token]) {
    if (fate.expert == expert) {
      return true;
    }
  }
  return false;
}

void move_to(Group& g, const Place& p, int expert) {
  NaiveFate& fate = g.fate[p.token][p.choice];
  fate.expert = expert;
  fate.reason = "rerouted";
  if (!g.routing.logits.empty()) {
    const std::vector<float>& z = g.routing.logits[p.token];
    fate.weight = claim_at(g, p).weight * std::exp(static_cast<double>(z[expert])) /
                  std::exp(static_cast<double>(z[claim_at(g, p).expert]));
  }
}

std::vector<Place> refused(const Group& g) {
  std::vector<Place> places;
  for (const Place& p : all_of(g)) {
    if (g.fate[p.token][p.choice].expert < 0) {
      places.push_back(p);
    }
  }
  std::sort(places.begin(), places.end(), [&](const Place& p, const Place& q) { return before(g, p, q); });
  return places;
}

// A list with one entry for each free row; the refused one takes the entry its draw points at.
void recycle(Group& g) {
  for (const Place& p : refused(g)) {
    std::vector<int> rows;
    for (int e = 0; e < g.routing.num_experts; ++e) {
      for (long i = load_of(g, e); i < g.capacity && !token_has(g, p.token, e); ++i) {
        rows.push_back(e);
      }
    }
    if (!rows.empty()) {
      const auto at = static_cast<std::size_t>(claim_at(g, p).draw * static_cast<double>(rows.size()));
      move_to(g, p, rows[std::min(at, rows.size() - 1)]);
    }
  }
}

// Every token has its list of all other experts, best first, and goes down it.
void next_best(Group& g) {
  std::vector<std::vector<int>> list(g.routing.tokens.size());
  for (int t = g.first; t < g.last; ++t) {
    for (int e = 0; e < g.routing.num_experts; ++e) {
      if (choice_of(g, t, e) < 0) {
        list[t].push_back(e);
      }
    }
    std::stable_sort(list[t].begin(), list[t].end(),
                     [&](int a, int b) { return g.routing.logits[t][a] > g.routing.logits[t][b]; });
  }
  for (int pass = 2; pass <= g.rule.tries; ++pass) {
    for (const Place& p : refused(g)) {
      if (list[p.token].empty()) {
        continue;
      }
      const int expert = list[p.token].front();
      list[p.token].erase(list[p.token].begin());
      if (load_of(g, expert) < g.capacity) {
        move_to(g, p, expert);
      }
    }
  }
}

void decide_group(Group& g) {
  if (g.rule.drop == "deepspeed_probs") {
    for (int e = 0; e < g.routing.num_experts; ++e) {
      keep_top_of_column(g, e);
    }
  } else if (g.rule.drop == "device_level") {
    for (int d = 0; d < g.rule.devices; ++d) {
      shrink_device(g, d);
    }
  } else {
    keep_the_first(g);
  }
  if (g.rule.drop == "recycle") {
    recycle(g);
  } else if (g.rule.drop == "ntlb") {
    next_best(g);
  }
}

long busiest(const NaiveRouting& routing, int first, int last, int places) {
  long most = 0;
  for (int place = 0; place < places; ++place) {
    long load = 0;
    for (int t = first; t < last; ++t) {
      for (const NaiveClaim& claim : routing.tokens[t]) {
        load += claim.expert / (routing.num_experts / places) == place ? 1 : 0;
      }
    }
    most = std::max(most, load);
  }
  return most;
}

}  // namespace

std::vector<std::vector<NaiveFate>> naive_plan(const NaiveRouting& routing, const NaiveRule& rule,
                                               long top_k) {
  const int tokens = static_cast<int>(routing.tokens.size());
  const int places = rule.drop == "device_level" ? rule.devices : routing.num_experts;
  std::vector<std::vector<NaiveFate>> fate(routing.tokens.size());
  for (int t = 0; t < tokens; ++t) {
    fate[t].resize(routing.tokens[t].size());
  }
  const int step = rule.group > 0 ? rule.group : std::max(1, tokens);
  for (int first = 0; first < tokens; first += step) {
    const int last = std::min(tokens, first + step);
    const long capacity =
        naive_capacity(rule, last - first, top_k, places, busiest(routing, first, last, places));
    Group group{routing, rule, first, last, capacity, fate};
    decide_group(group);
  }
  for (std::vector<NaiveFate>& token : fate) {
    double sum = 0;
    for (const NaiveFate& f : token) {
      sum += f.expert >= 0 ? f.weight : 0.0;
    }
    for (NaiveFate& f : token) {
      if (rule.renorm == "after_drop" && rule.renorm_eps > 0) {
        f.weight /= sum > rule.renorm_eps ? sum : rule.renorm_eps;
      } else if (rule.renorm == "after_drop" && sum > 0) {
        f.weight /= sum;
      }
    }
  }
  return fate;
}

}  // namespace moesim::testing
