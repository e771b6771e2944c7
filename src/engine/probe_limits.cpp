#include "engine/probe_limits.h"

#include <algorithm>
#include <cmath>

#include "core/build_info.h"
#include "core/error.h"
#include "core/stopwatch.h"
#include "engine/step.h"
#include "experts/combine.h"
#include "metrics/predict.h"
#include "router/gate.h"

namespace moesim {
namespace {

constexpr double kSampleSeconds = 1e-3;
constexpr double kPeakSeconds = 4e-3;  // long beside the waking of a thread
constexpr Index kProductRows[] = {1, 2, 4, 6, 8, 12, 16, 24, 32, 64, 128, 256};
constexpr Index kGateExperts[] = {8, 32, 128};
constexpr Index kGateWidth = 1024;
// Of the rows that are moved.
constexpr Index kTokens = 1024;  // so many that their rows are more than the caches of the cores hold
constexpr Index kPlaces = 8;
constexpr Index kChoices = 2;
constexpr Index kWidth = 1024;

// Seconds of one call, of as many in a row as make a sample.
template <class Work>
double time_calls(const Work& work, double trial) {
  const int calls = static_cast<int>(std::clamp(std::ceil(kSampleSeconds / std::max(trial, 1e-9)), 1.0, 1e5));
  const Stopwatch watch;
  for (int i = 0; i < calls; ++i) {
    work();
  }
  return watch.seconds() / calls;
}

template <class Work>
double time_work(const Work& work) {
  const Stopwatch watch;
  work();
  return time_calls(work, watch.seconds());
}

std::string program_version() {
  const BuildInfo build = build_info();
  return build.version + " " + build.revision;
}

void fill_rows(Matrix& x) {
  for (Index r = 0; r < x.rows(); ++r) {
    fill_normal({.seed = 5, .stream = Stream::yardstick}, static_cast<std::uint64_t>(r), 1.0F, x.row(r));
  }
}

// The square expert whose packed bytes come next to `bytes` from below.
FfnShape square_expert(const Executor& executor, std::uint64_t bytes) {
  constexpr Index kStep = 32;
  Index side = kStep;
  while (executor.expert_bytes({side + kStep, side + kStep}) <= bytes && side < 8192) {
    side += kStep;
  }
  return {side, side};
}

// Experts of a bank, each with as many rows.
struct ExpertsAtWork {
  const Executor& executor;
  ExpertBank bank;
  std::vector<Index> begin;
  Matrix x, out;
  std::unique_ptr<ExecutorScratch> scratch;

  ExpertsAtWork(const Executor& e, const FfnShape& shape, Index experts, const Context& context)
      : executor(e),
        bank(make_bank({.seed = 3,
                        .stream = Stream::yardstick,
                        .num_experts = experts,
                        .d_model = shape.d_model,
                        .width = shape.width},
                       e, context)),
        scratch(e.make_scratch()) {}

  void set_rows(Index rows) {
    begin.clear();
    for (Index e = 0; e <= bank.num_experts(); ++e) {
      begin.push_back(e * rows);
    }
    if (x.rows() < begin.back()) {
      x.resize(begin.back(), bank.ffn.d_model);
      out.resize(begin.back(), bank.ffn.d_model);
      fill_rows(x);
    }
  }
  // Dispatch is not part of it.
  double run(const Context& context, bool repeat) {
    const ExpertRows rows{.bank = bank,
                          .expert_begin = begin,
                          .in = {.from = x.view().block(0, begin.back())},
                          .out = out.view().block(0, begin.back())};
    executor.gather(rows, *scratch, context);
    const auto work = [&] { executor.run(rows, *scratch, context); };
    if (repeat) {
      return time_work(work);
    }
    const Stopwatch watch;
    work();
    return watch.seconds();
  }
  ExpertWork work() const { return expert_work(bank.ffn, executor.expert_bytes(bank.ffn)); }
};

}  // namespace

PeakSample measure_peak(const KernelSet& kernels, const Context& context, double seconds) {
  const double one = multiply_add_rate(kernels, context, 1, seconds);
  if (context.threads() == 1) {
    return {one, one};
  }
  return {one, multiply_add_rate(kernels, context, context.threads(), seconds)};
}

struct LayoutProbe::Impl {
  const Executor& executor;
  const KernelSet& kernels;
  Context one{ContextOptions{.threads = 1}};
  ExpertsAtWork in_cache, deep, beyond;
  PlainReader reader;  // of the bank that does not fit
  Matrix x, rows, y;   // [T,D], [R,D], [T,D]
  DispatchPlan plan;
  ExpertsAtWork mover;
  std::vector<Gate> gates;
  Matrix logits, gate_in;
  std::vector<std::vector<double>> products, gate_shares;
  std::vector<double> deep_shares, sharpness, gather, combine, norm, join;

  Impl(const Executor& e, const Context& context, const Options& options)
      : executor(e),
        kernels(probe_kernels(e)),
        in_cache(e, square_expert(e, options.cache_bytes / 2), 1, one),
        deep(e, {1024, 1024}, 1, one),
        beyond(e, {1024, 512},
               std::max<Index>(2, static_cast<Index>(options.bank_bytes / e.expert_bytes({1024, 512}))),
               context),
        reader(kernels, {{beyond.bank.weights.data(), static_cast<std::size_t>(beyond.bank.weights.rows() *
                                                                               beyond.bank.weights.cols())}}),
        x(kTokens, kWidth),
        rows(kTokens * kChoices, kWidth),
        y(kTokens, kWidth),
        mover(e, {kWidth, 32}, kPlaces, one),
        logits(kTokens, 128),
        gate_in(kGateTileRows, kGateWidth),
        products(std::size(kProductRows)),
        gate_shares(std::size(kGateExperts)) {
    fill_rows(x);
    fill_rows(gate_in);
    rows.fill(1.0F);
    Assignments a;
    a.num_experts = kPlaces;
    a.begin.push_back(0);
    for (Index t = 0; t < kTokens; ++t) {
      for (Index k = 0; k < kChoices; ++k) {
        a.expert.push_back(static_cast<std::int32_t>((t * 5 + k * 3) % kPlaces));
        a.weight.push_back(0.5F);
        a.score.push_back(0.5F);
      }
      a.begin.push_back(static_cast<Index>(a.expert.size()));
    }
    plan = make_plan({.assignments = a, .top_k = kChoices});
    for (const Index experts : kGateExperts) {
      gates.push_back(make_gate(1, 0, experts, kGateWidth, {}));
    }
  }

  void add_products(double peak_of_one) {
    for (std::size_t i = 0; i < std::size(kProductRows); ++i) {
      in_cache.set_rows(kProductRows[i]);
      const double seconds = in_cache.run(one, true);
      products[i].push_back(static_cast<double>(kProductRows[i]) * in_cache.work().flops_per_row / seconds /
                            peak_of_one);
    }
  }

  void add_gate(double peak_of_one) {
    for (std::size_t i = 0; i < gates.size(); ++i) {
      logits.resize(kGateTileRows, kGateExperts[i]);
      const double seconds = time_work([&] {
        gate_logits(gates[i], {.hidden = gate_in.view()}, {logits.view(), {}}, one);
      });
      gate_shares[i].push_back(2.0 * static_cast<double>(kGateTileRows * kGateExperts[i] * kGateWidth) /
                               seconds / peak_of_one);
    }
  }

  // As in a step: other stages' weights pass through the caches between two moves. Gathering finds tokens and
  // places as far away as the weights, so it is compared with reading those; the plain read of rows finds
  // them as combining left them.
  void add_moves(const Context& context) {
    join.push_back(time_work([&] { context.for_each_block(4 * context.threads(), [](Index) {}); }));
    const double token = static_cast<double>(kTokens * kWidth) * sizeof(float);  // bytes of all tokens
    double weights_read = 0;
    const auto after_weights = [&](const auto& move) {
      weights_read = reader.read(reader.bytes() / 2, context);
      const Stopwatch watch;
      move();
      return std::max(watch.seconds() - join.back(), 0.1 * watch.seconds());
    };
    const ExpertRows given{.bank = mover.bank,
                           .expert_begin = plan.expert_begin,
                           .in = {.from = x.view(), .token = plan.row_token},
                           .out = rows.view()};
    const double gather_s = after_weights([&] { executor.gather(given, *mover.scratch, context); });
    gather.push_back((1 + kChoices) * token / gather_s / weights_read);
    const double norm_s = after_weights([&] { rms_norm(x.view(), y.view(), context); });
    const double combine_s =
        after_weights([&] { moesim::combine(plan, rows.view(), {}, y.view(), context); });
    PlainReader plain_reader(kernels, {{rows.data(), static_cast<std::size_t>(rows.rows() * rows.cols())}});
    const double plain = plain_reader.read(plain_reader.bytes(), context);
    norm.push_back(2 * token / norm_s / plain);
    combine.push_back((kChoices + 1) * token / combine_s / plain);
  }

  // A deeper expert with many rows, by all threads.
  void add_deep(const Context& context, double peak) {
    deep.set_rows(kProductRows[std::size(kProductRows) - 1]);
    const double flops = static_cast<double>(deep.begin.back()) * deep.work().flops_per_row;
    deep_shares.push_back(flops / deep.run(context, true) / peak);
  }

  // One pass over the bank with as many rows as take about as long as reading.
  void add_sharpness(const Context& context, double peak) {
    const LayoutShares shares = medians();
    const auto experts = static_cast<double>(beyond.bank.num_experts());
    const ExpertWork work = beyond.work();
    const double speed = reader.read(reader.bytes(), context);
    const double reading =
        work.weight_bytes / speed - work.weight_bytes / std::max(speed, cache_speed(context));
    const MachineRates arithmetic_alone{context.threads(), peak, 0, 0, 0};
    const auto arithmetic = [&](Index count) {
      return predict_expert(work, static_cast<double>(count), arithmetic_alone, shares);
    };
    Index each = 1;
    while (each < kProductRows[std::size(kProductRows) - 1] && arithmetic(each) < reading) {
      ++each;
    }
    beyond.set_rows(each);
    const double seconds = beyond.run(context, false) / experts;
    sharpness.push_back(sharpness_of(arithmetic(each), reading, seconds));
  }
  double cache_speed(const Context& context) const {
    const std::size_t floats = in_cache.executor.expert_bytes(in_cache.bank.ffn) / sizeof(float);
    std::vector<float> buffer(floats * static_cast<std::size_t>(context.threads()), 1.0F);
    return read_rate(kernels, context, buffer, context.threads(), kSampleSeconds);
  }

  LayoutShares medians() const {
    LayoutShares shares;
    shares.layout = executor.layout();
    for (std::size_t i = 0; i < std::size(kProductRows); ++i) {
      shares.products.push_back({kProductRows[i], median(products[i])});
    }
    // share / deep share = (1 + cost / depth of the deep one) / (1 + cost / depth)
    const double ratio = shares.products.back().of_peak / std::max(1e-9, median(deep_shares));
    shares.inverse_depth = in_cache.work().inverse_depth;
    const double below = ratio * shares.inverse_depth - deep.work().inverse_depth;
    shares.depth_cost = ratio < 1 && below > 0 ? std::min((1 - ratio) / below, kMostDepthCost) : 0;
    shares.sharpness = sharpness.empty() ? 1 : median(sharpness);
    shares.gather = median(gather);
    return shares;
  }
};

LayoutProbe::LayoutProbe(const Executor& executor, const Context& context, const Options& options)
    : impl_(std::make_unique<Impl>(executor, context, options)) {}
LayoutProbe::~LayoutProbe() = default;
LayoutProbe::LayoutProbe(LayoutProbe&&) noexcept = default;

void LayoutProbe::add_round(const Context& context) {
  const PeakSample peak = measure_peak(impl_->kernels, context, kPeakSeconds);
  impl_->add_products(peak.one);
  impl_->add_gate(peak.one);
  impl_->add_moves(context);
  impl_->add_deep(context, peak.all);
  impl_->add_sharpness(context, peak.all);
}
LayoutShares LayoutProbe::result() const {
  return impl_->medians();
}
double LayoutProbe::combine() const {
  return median(impl_->combine);
}
double LayoutProbe::norm() const {
  return median(impl_->norm);
}
double LayoutProbe::join_seconds() const {
  return median(impl_->join);
}
std::vector<Share> LayoutProbe::gate() const {
  std::vector<Share> shares;
  for (std::size_t i = 0; i < std::size(kGateExperts); ++i) {
    shares.push_back({kGateExperts[i], median(impl_->gate_shares[i])});
  }
  return shares;
}

std::uint64_t beyond_caches(const MachineInfo& machine) {
  constexpr std::uint64_t kLeast = std::uint64_t{512} << 20;
  constexpr std::uint64_t kMost = std::uint64_t{1} << 30;
  const std::uint64_t wanted = std::clamp(4 * machine.last_level_cache_bytes, kLeast, kMost);
  return machine.memory_limit_bytes == 0 ? wanted : std::min(wanted, machine.memory_limit_bytes / 4);
}

std::unique_ptr<Executor> default_executor(const std::string& weights) {
  Binder binder;
  const Node section = weights.empty() ? scalar_section({}) : scalar_section({{"weights", weights}});
  ExecutorChoice choice = make_executor(binder, &section);
  MOESIM_CHECK(choice.executor != nullptr, "the default executor takes every type of weights");
  return std::move(choice.executor);
}

MachineLimits measure_all_limits(int threads, const std::function<void(double fraction)>& on_progress,
                                 const std::function<bool()>& stop_requested) {
  std::vector<std::unique_ptr<Executor>> executors;
  std::vector<const Executor*> list;
  for (const EnumName<WeightType>& type : enum_names(WeightType{})) {
    executors.push_back(default_executor(std::string(type.name)));
    list.push_back(executors.back().get());
  }
  return measure_limits(
      {.threads = threads, .executors = list, .on_progress = on_progress, .stop_requested = stop_requested});
}

LimitsKey limits_key(int threads) {
  return {read_machine().processor, instruction_set(probe_kernels(*default_executor())), program_version(),
          threads};
}

namespace {

// One buffer for all sizes: a smaller one is its beginning.
struct ReadProbe {
  ReadSpeed speed;
  std::size_t floats_one = 0, floats_all = 0;
  std::vector<double> one, all;
};

std::vector<ReadProbe> read_probes(const MachineInfo& machine, int threads, std::uint64_t largest) {
  std::vector<ReadProbe> probes;
  const auto add = [&](int level, std::uint64_t one, std::uint64_t all) {
    ReadProbe probe;
    probe.speed.level = level;
    probe.speed.bytes = all;
    probe.floats_one = one / sizeof(float);
    probe.floats_all = all / sizeof(float);
    probes.push_back(std::move(probe));
  };
  constexpr int kLastOwnLevel = 2;  // those above are shared by cores
  for (const CacheLevel& cache : machine.caches) {
    const std::uint64_t half = cache.bytes / 2;
    const bool own = cache.level <= kLastOwnLevel;
    const std::uint64_t all = own ? half * static_cast<std::uint64_t>(threads) : half;
    if (cache.level > 0 && all <= largest / 2) {
      add(cache.level, half, all);
    }
  }
  add(0, largest, largest);
  return probes;
}

}  // namespace

MachineLimits measure_limits(const LimitsOptions& options) {
  const auto end_when_asked = [&options] {
    if (options.stop_requested && options.stop_requested()) {
      throw Error(ErrorKind::interrupted, "stopped while the limits were measured; none were kept");
    }
  };
  const MachineInfo machine = read_machine();
  const Context context({.threads = options.threads});
  const KernelSet& kernels = probe_kernels(*options.executors.front());
  const std::uint64_t largest = options.memory_bytes != 0 ? options.memory_bytes : beyond_caches(machine);
  constexpr std::uint64_t kCacheGuess = std::uint64_t{1} << 20;
  std::uint64_t second_level = kCacheGuess;
  for (const CacheLevel& cache : machine.caches) {
    second_level = cache.level == 2 ? cache.bytes : second_level;
  }
  std::vector<ReadProbe> reads = read_probes(machine, options.threads, largest);
  std::vector<LayoutProbe> layouts;
  for (const Executor* executor : options.executors) {
    end_when_asked();
    layouts.emplace_back(*executor, context,
                         LayoutProbe::Options{second_level, std::min(largest, 64 * second_level)});
  }
  Matrix buffer(static_cast<Index>(largest / sizeof(float) / 1024), 1024);
  context.for_each_block(buffer.rows(), [&](Index r) {
    const std::span<float> row = buffer.row(r);
    std::fill(row.begin(), row.end(), 1.0F);
  });
  std::vector<double> one, all, scaling;
  for (int round = 0; round < options.rounds; ++round) {
    const PeakSample peak = measure_peak(kernels, context, kPeakSeconds);
    one.push_back(peak.one);
    all.push_back(peak.all);
    scaling.push_back(peak.all / peak.one);
    for (ReadProbe& read : reads) {
      const auto floats = static_cast<std::size_t>(buffer.rows() * buffer.cols());
      const auto part = [&](std::size_t count) {
        return std::span<const float>(buffer.data(), std::min(count, floats));
      };
      read.one.push_back(read_rate(kernels, context, part(read.floats_one), 1, 1e-3));
      read.all.push_back(read_rate(kernels, context, part(read.floats_all), options.threads, 1e-3));
    }
    for (LayoutProbe& layout : layouts) {
      end_when_asked();
      layout.add_round(context);
    }
    if (options.on_progress) {
      options.on_progress(static_cast<double>(round + 1) / options.rounds);
    }
  }
  MachineLimits limits;
  limits.processor = machine.processor;
  limits.instructions = instruction_set(kernels);
  limits.version = program_version();
  limits.threads = options.threads;
  limits.flops_one = median_interval(one);
  limits.flops_all = median_interval(all);
  limits.scaling = median_interval(scaling);
  for (ReadProbe& read : reads) {
    read.speed.one = median_interval(read.one);
    read.speed.all = median_interval(read.all);
    limits.reads.push_back(read.speed);
  }
  limits.gate = layouts.front().gate();
  limits.combine = layouts.front().combine();
  limits.norm = layouts.front().norm();
  limits.join_seconds = layouts.front().join_seconds();
  for (const LayoutProbe& layout : layouts) {
    limits.layouts.push_back(layout.result());
  }
  return limits;
}

}  // namespace moesim
