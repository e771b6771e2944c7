#include "router/sinkhorn_scaling.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/checked.h"
#include "core/error.h"
#include "core/random.h"
#include "router/column_parts.h"

namespace moesim {
namespace {

constexpr double kEpsilon = 1e-8;
constexpr double kTolerance = 1e-4;
constexpr double kLargestLogit = 600.0;
constexpr double kLeastGate = 1e-10;

// [T,E] in double.
struct Table {
  Table(Index num_rows, Index num_cols)
      : rows(num_rows),
        cols(num_cols),
        values(checked_mul(static_cast<std::uint64_t>(num_rows), static_cast<std::uint64_t>(num_cols),
                           "the scaled matrix")) {}
  std::span<double> row(Index t) { return {values.data() + t * cols, static_cast<std::size_t>(cols)}; }
  Index rows;
  Index cols;
  std::vector<double> values;
};

double plus(double a, double b) {
  return a + b;
}

[[noreturn]] void throw_too_large(const RouterInput& input, Index t, std::size_t e) {
  throw Error(
      ErrorKind::bad_data,
      fmt::format("layer {}, token {}, expert {}: error: the logit {:g} is too large for the exponential "
                  "of router.kind sinkhorn; expected at most {:g} [out-of-range]",
                  input.layer, input.batch.first_token + static_cast<std::uint64_t>(t), e,
                  input.logits.row(t)[e], kLargestLogit),
      "choose another router, or make the tokens' vectors smaller");
}

Table exponentials(const RouterInput& input) {
  Table table(input.logits.rows, input.logits.cols);
  for (Index t = 0; t < table.rows; ++t) {
    const std::span<const float> logits = input.logits.row(t);
    const auto largest = std::max_element(logits.begin(), logits.end());
    if (static_cast<double>(*largest) > kLargestLogit) {
      throw_too_large(input, t, static_cast<std::size_t>(largest - logits.begin()));
    }
  }
  for_each_row_block(input.context, table.rows, [&](Index first, Index last) {
    for (Index t = first; t < last; ++t) {
      std::transform(input.logits.row(t).begin(), input.logits.row(t).end(), table.row(t).begin(),
                     [](float z) { return std::exp(static_cast<double>(z)); });
    }
  });
  return table;
}

class Scaling {
 public:
  explicit Scaling(const RouterInput& input)
      : context_(input.context),
        table_(exponentials(input)),
        parts_(table_.rows, table_.cols),
        rows_(static_cast<std::size_t>(table_.rows), 1.0),
        columns_(static_cast<std::size_t>(table_.cols), 1.0) {}

  void start_from_columns() {
    add_up_columns();
    for (std::size_t e = 0; e < columns_.size(); ++e) {
      const double sum = std::max(sums_[e], std::numeric_limits<double>::min());
      columns_[e] = 1.0 / (static_cast<double>(table_.cols) * sum);
    }
  }

  // One round; returns the mean change of the columns' scales.
  double round() {
    const double share = 1.0 / static_cast<double>(table_.rows);
    for_each_row_block(context_, table_.rows, [&](Index first, Index last) {
      for (Index t = first; t < last; ++t) {
        double sum = 0;
        for (std::size_t e = 0; e < columns_.size(); ++e) {
          sum += columns_[e] * table_.row(t)[e];
        }
        rows_[static_cast<std::size_t>(t)] = share / (sum + kEpsilon);
      }
    });
    add_up_columns();
    double change = 0;
    for (std::size_t e = 0; e < columns_.size(); ++e) {
      const double scale = 1.0 / static_cast<double>(table_.cols) / (sums_[e] + kEpsilon);
      change += std::abs(columns_[e] - scale);
      columns_[e] = scale;
    }
    return change / static_cast<double>(table_.cols);
  }

  Matrix result() {
    Matrix scaled(table_.rows, table_.cols);
    for_each_row_block(context_, table_.rows, [&](Index first, Index last) {
      for (Index t = first; t < last; ++t) {
        for (std::size_t e = 0; e < columns_.size(); ++e) {
          scaled.row(t)[e] =
              static_cast<float>(columns_[e] * table_.row(t)[e] * rows_[static_cast<std::size_t>(t)]);
        }
      }
    });
    return scaled;
  }

 private:
  // sums_[e] = Σ_t rows_[t]·K[t,e].
  void add_up_columns() {
    for_each_row_block(context_, table_.rows, [&](Index first, Index last) {
      const std::span<double> part = parts_.of_block(first);
      std::fill(part.begin(), part.end(), 0.0);
      for (Index t = first; t < last; ++t) {
        for (std::size_t e = 0; e < part.size(); ++e) {
          part[e] += rows_[static_cast<std::size_t>(t)] * table_.row(t)[e];
        }
      }
    });
    parts_.collect(0.0, sums_, plus);
  }

  const Context& context_;
  Table table_;
  ColumnParts parts_;
  std::vector<double> rows_;     // [T] d0
  std::vector<double> columns_;  // [E] d1
  std::vector<double> sums_;     // [E]
};

double gumbel(double uniform) {
  return -std::log(std::max(-std::log(std::max(uniform, kLeastGate)), kLeastGate));
}

Table log_gates(const RouterInput& input, const LogScalingRule& rule) {
  const Index experts = input.logits.cols;
  Table table((input.logits.rows + experts - 1) / experts * experts, experts);
  const RandomKey key{.seed = input.seed, .stream = Stream::router_noise, .layer = input.layer};
  for_each_row_block(input.context, table.rows, [&](Index first, Index last) {
    for (Index t = first; t < last; ++t) {
      RandomSequence random(key, input.batch.first_token + static_cast<std::uint64_t>(t));
      for (std::size_t e = 0; e < static_cast<std::size_t>(experts); ++e) {
        const double gate = t < input.logits.rows ? input.logits.row(t)[e] : 0.0;
        table.row(t)[e] = std::log(std::max(gate, kLeastGate)) / rule.temperature;
        if (rule.gumbel_scale > 0) {
          table.row(t)[e] += gumbel(random.next_uniform()) * rule.gumbel_scale;
        }
      }
    }
  });
  return table;
}

double log_sum_exp(std::span<const double> values) {
  const double highest = *std::max_element(values.begin(), values.end());
  double sum = 0;
  for (const double value : values) {
    sum += std::exp(value - highest);
  }
  return highest + std::log(sum);
}

// Columns, then rows, less their log-sum-exp.
void log_round(Table& table, ColumnParts& parts, const Context& context) {
  std::vector<double> highest;
  for_each_row_block(context, table.rows, [&](Index first, Index last) {
    const std::span<double> part = parts.of_block(first);
    std::copy(table.row(first).begin(), table.row(first).end(), part.begin());
    for (Index t = first + 1; t < last; ++t) {
      for (std::size_t e = 0; e < part.size(); ++e) {
        part[e] = std::max(part[e], table.row(t)[e]);
      }
    }
  });
  parts.collect(-std::numeric_limits<double>::infinity(), highest,
                [](double a, double b) { return std::max(a, b); });
  std::vector<double> sums;
  for_each_row_block(context, table.rows, [&](Index first, Index last) {
    const std::span<double> part = parts.of_block(first);
    std::fill(part.begin(), part.end(), 0.0);
    for (Index t = first; t < last; ++t) {
      for (std::size_t e = 0; e < part.size(); ++e) {
        part[e] += std::exp(table.row(t)[e] - highest[e]);
      }
    }
  });
  parts.collect(0.0, sums, plus);
  for (std::size_t e = 0; e < sums.size(); ++e) {
    sums[e] = highest[e] + std::log(sums[e]);
  }
  for_each_row_block(context, table.rows, [&](Index first, Index last) {
    for (Index t = first; t < last; ++t) {
      const std::span<double> row = table.row(t);
      for (std::size_t e = 0; e < row.size(); ++e) {
        row[e] -= sums[e];
      }
      const double of_row = log_sum_exp(row);
      for (double& value : row) {
        value -= of_row;
      }
    }
  });
}

}  // namespace

Matrix scale_rows_and_columns(const RouterInput& input, const ScalingRule& rule) {
  Scaling scaling(input);
  if (rule.starts_from_columns) {
    scaling.start_from_columns();
  }
  for (Index round = 0; round < rule.rounds; ++round) {
    const double change = scaling.round();
    if (!(change > kTolerance)) {
      return scaling.result();
    }
  }
  if (rule.must_converge) {
    throw Error(
        ErrorKind::bad_data,
        fmt::format("layer {}: error: the scaling has not converged after {} iterations; expected the mean "
                    "change of the experts' scales to fall to {:g} [no-convergence]",
                    input.layer, rule.rounds, kTolerance),
        "raise router.max_iterations, or write stop: gpt_neox, which takes what it has after 3");
  }
  return scaling.result();
}

Matrix scale_logarithms(const RouterInput& input, const LogScalingRule& rule) {
  Table table = log_gates(input, rule);
  ColumnParts parts(table.rows, table.cols);
  for (Index round = 0; round < rule.rounds; ++round) {
    log_round(table, parts, input.context);
  }
  Matrix by_expert(table.cols, table.rows);
  for_each_row_block(input.context, table.rows, [&](Index first, Index last) {
    for (Index t = first; t < last; ++t) {
      for (Index e = 0; e < table.cols; ++e) {
        const double value = std::exp(table.row(t)[static_cast<std::size_t>(e)]);
        by_expert.row(e)[static_cast<std::size_t>(t)] =
            t < input.logits.rows ? static_cast<float>(value) : 0.0F;
      }
    }
  });
  return by_expert;
}

}  // namespace moesim
