#include "loss_scene.h"

#include <algorithm>
#include <cmath>

namespace moesim::testing {
namespace {

template <class Enum>
std::string text_of(Enum value) {
  return std::string(enum_text(value));
}

template <class Enum>
Enum any_of(LossDraw& draw) {
  const auto names = enum_names(Enum{});
  return names[draw.below(static_cast<int>(names.size()))].value;
}

bool too_near(const std::vector<double>& row) {
  for (std::size_t a = 0; a < row.size(); ++a) {
    for (std::size_t b = a + 1; b < row.size(); ++b) {
      if (std::abs(row[a] - row[b]) < 0.01) {
        return true;
      }
    }
    if (std::abs(row[a]) < 0.01) {
      return true;
    }
  }
  return false;
}

double draw_logit(LossDraw& draw, const std::vector<double>& earlier, bool ties) {
  if (ties && draw.below(4) == 0) {
    return earlier.empty() ? 0 : earlier[draw.below(static_cast<int>(earlier.size()))];
  }
  return ties && draw.below(8) == 0 ? draw.below(7) - 3 : draw.real(-4, 4);
}

std::vector<double> draw_row(LossDraw& draw, int num_experts, bool ties) {
  std::vector<double> row;
  do {
    row.clear();
    for (int e = 0; e < num_experts; ++e) {
      row.push_back(draw_logit(draw, row, ties));
    }
  } while (!ties && too_near(row));
  return row;
}

// Experts by falling logit plus bias.
std::vector<int> draw_choice(LossDraw& draw, const std::vector<double>& row, int count) {
  std::vector<std::pair<double, int>> keys;
  for (int e = 0; e < static_cast<int>(row.size()); ++e) {
    keys.emplace_back(-(row[e] + draw.among({-1.5, -0.25, 0.0, 0.0, 0.5})), e);
  }
  std::sort(keys.begin(), keys.end());
  std::vector<int> chosen;
  for (int j = 0; j < count; ++j) {
    chosen.push_back(keys[j].second);
  }
  return chosen;
}

void draw_sizes(LossDraw& draw, LossCase& out) {
  NaiveLossBatch& naive = out.naive;
  naive.num_experts = draw.among({1, 2, 3, 4, 6, 8, 12});
  naive.top_k = 1 + draw.below(naive.num_experts);
  std::vector<int> divisors;
  for (int d = 1; d <= naive.num_experts; ++d) {
    if (naive.num_experts % d == 0) {
      divisors.push_back(d);
    }
  }
  naive.num_devices = divisors[draw.below(static_cast<int>(divisors.size()))];
  naive.max_devices = draw.below(naive.num_devices + 1);
  naive.num_zero_experts = draw.below(naive.num_experts + 1);
  naive.tau = draw.among({0.0, 0.1, 0.75, 1.0, 1.5});
  LossScene& scene = out.scene;
  scene.top_k = naive.top_k;
  scene.num_devices = naive.num_devices;
  scene.max_devices = naive.max_devices;
  scene.num_zero_experts = naive.num_zero_experts;
  scene.zero_expert_weight = naive.tau;
}

void draw_choices(LossDraw& draw, LossCase& out) {
  LossChoices& choices = out.scene.choices;
  choices = {.counted = any_of<Counted>(draw),
             .scope = any_of<LossScope>(draw),
             .cv = any_of<CvForm>(draw),
             .importance_of = any_of<ImportanceOf>(draw),
             .load_threshold = any_of<LoadThreshold>(draw),
             .global_mean = any_of<GlobalMean>(draw),
             .l1_weighting = any_of<L1Weighting>(draw)};
  out.scene.score_func = any_of<ScoreFunc>(draw);
  out.naive.score_func = text_of(out.scene.score_func);
  out.naive.counted = text_of(choices.counted);
  out.naive.scope = text_of(choices.scope);
  out.naive.cv = text_of(choices.cv);
  out.naive.importance_of = text_of(choices.importance_of);
  out.naive.load_threshold = text_of(choices.load_threshold);
  out.naive.global_mean = text_of(choices.global_mean);
  out.naive.l1_weighting = text_of(choices.l1_weighting);
}

void draw_tokens(LossDraw& draw, LossCase& out, const LossCaseOptions& options) {
  NaiveLossBatch& naive = out.naive;
  const int num_tokens = std::min(options.max_tokens, draw.among({0, 1, 1, 2, 3, 5, 17, 40}));
  const bool varying = draw.below(3) == 0;
  for (int t = 0; t < num_tokens; ++t) {
    naive.logits.push_back(draw_row(draw, naive.num_experts, options.ties));
    const int count = varying ? draw.below(naive.num_experts + 1) : naive.top_k;
    naive.chosen.push_back(draw_choice(draw, naive.logits.back(), count));
    out.scene.logits.insert(out.scene.logits.end(), naive.logits.back().begin(), naive.logits.back().end());
  }
  out.scene.assignments = assignments_of(naive.num_experts, naive.chosen);
  int left = num_tokens;
  while (left > 0) {
    const int length = std::min(left, draw.below(left + 2));
    naive.sequence_lengths.push_back(length);
    left -= length;
  }
  Index begin = 0;
  out.scene.sequence_begin = {0};
  for (const int length : naive.sequence_lengths) {
    begin += length;
    out.scene.sequence_begin.push_back(begin);
  }
}

void draw_noise(LossDraw& draw, LossCase& out, const LossCaseOptions& options) {
  NaiveLossBatch& naive = out.naive;
  if (naive.logits.empty() || draw.below(4) == 0) {
    return;
  }
  const bool one_deviation = draw.coin();
  const double deviation = draw.real(0.4, 2);
  for (const std::vector<double>& row : naive.logits) {
    std::vector<double> noisy;
    do {
      noisy = row;
      for (double& z : noisy) {
        z += options.ties && draw.below(3) == 0 ? 0 : draw.real(-1, 1);
      }
    } while (!options.ties && too_near(noisy));
    std::vector<double> deviations;
    for (std::size_t e = 0; e < row.size(); ++e) {
      out.scene.noise.push_back(noisy[e] - row[e]);
      deviations.push_back(one_deviation ? deviation : draw.real(0.4, 2));
      noisy[e] = row[e] + out.scene.noise.back();  // as the scene will add it
    }
    if (!one_deviation) {
      out.scene.noise_std.insert(out.scene.noise_std.end(), deviations.begin(), deviations.end());
    }
    naive.noisy.push_back(noisy);
    naive.noise_std.push_back(deviations);
  }
  if (one_deviation) {
    out.scene.noise_std = {deviation};
  }
}

void draw_other_batches(LossDraw& draw, LossCase& out) {
  if (out.naive.logits.empty() || draw.coin()) {
    return;
  }
  std::vector<double> noisy;
  BatchCounts all = count_batch(out.scene.input(noisy));
  const int others = 1 + draw.below(3);
  for (int i = 0; i < others; ++i) {
    BatchCounts other{
        .routed_per_expert = {}, .tokens = 1 + static_cast<std::uint64_t>(draw.below(50)), .steps = 0};
    for (int e = 0; e < out.naive.num_experts; ++e) {
      other.routed_per_expert.push_back(static_cast<std::uint64_t>(draw.below(30)));
    }
    other.steps = draw.coin() ? 1 : 0;
    accumulate(other, all);
  }
  out.scene.all_batches = all;
  out.naive.all_counts.assign(all.routed_per_expert.begin(), all.routed_per_expert.end());
  out.naive.all_tokens = static_cast<double>(all.tokens);
  out.naive.all_steps = static_cast<double>(all.steps);
}

}  // namespace

LossInput LossScene::input(std::vector<double>& noisy) const {
  noisy.clear();
  for (std::size_t i = 0; i < noise.size(); ++i) {
    noisy.push_back(logits[i] + noise[i]);
  }
  return {.logits = logits,
          .assignments = assignments,
          .score_func = score_func,
          .top_k = top_k,
          .sequence_begin = sequence_begin,
          .num_devices = num_devices,
          .max_devices = max_devices,
          .num_zero_experts = num_zero_experts,
          .zero_expert_weight = zero_expert_weight,
          .noisy_logits = noisy,
          .noise_std = noise_std,
          .all_batches = all_batches.routed_per_expert.empty() ? nullptr : &all_batches,
          .choices = choices};
}

Loss LossScene::loss(const std::string& name) const {
  std::vector<double> noisy;
  return compute_loss(*losses().find(name), input(noisy));
}

std::vector<NamedLoss> LossScene::all() const {
  std::vector<double> noisy;
  return all_losses(input(noisy));
}

Assignments assignments_of(Index num_experts, const std::vector<std::vector<int>>& chosen) {
  Assignments assignments;
  assignments.num_experts = num_experts;
  assignments.begin = {0};
  for (const std::vector<int>& experts : chosen) {
    assignments.expert.insert(assignments.expert.end(), experts.begin(), experts.end());
    assignments.begin.push_back(static_cast<Index>(assignments.expert.size()));
  }
  assignments.weight.resize(assignments.expert.size());
  assignments.score.resize(assignments.expert.size());
  return assignments;
}

LossScene small_scene() {
  LossScene scene;
  scene.logits = {2, 1, 0, -1, 1.5, 2, 0.5, 0, 1, 0.5, 2.5, -0.5, 3, 1, 0.5, 0};
  scene.assignments = assignments_of(4, {{0, 1}, {1, 0}, {2, 0}, {0, 1}});
  return scene;
}

LossScene balanced_scene(Index num_tokens, Index num_experts, Index top_k) {
  LossScene scene;
  scene.top_k = top_k;
  scene.logits.resize(static_cast<std::size_t>(num_tokens * num_experts));
  std::vector<std::vector<int>> chosen;
  for (Index t = 0; t < num_tokens; ++t) {
    chosen.emplace_back();
    for (Index j = 0; j < top_k; ++j) {
      chosen.back().push_back(static_cast<int>((t + j) % num_experts));
    }
  }
  scene.assignments = assignments_of(num_experts, chosen);
  return scene;
}

LossCase random_loss_case(std::uint64_t index, const LossCaseOptions& options) {
  LossDraw draw(index);
  LossCase out;
  draw_sizes(draw, out);
  draw_choices(draw, out);
  draw_tokens(draw, out, options);
  draw_noise(draw, out, options);
  draw_other_batches(draw, out);
  return out;
}

}  // namespace moesim::testing
