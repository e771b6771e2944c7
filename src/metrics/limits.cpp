#include "metrics/limits.h"

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

void add(FlatRow& row, const std::string& name, FlatValue value) {
  row.push_back({name, std::move(value)});
}
void add(FlatRow& row, const std::string& name, const Interval& interval) {
  add(row, name, interval.median);
  add(row, name + ".lo", interval.low);
  add(row, name + ".hi", interval.high);
}
void add(FlatRow& row, const std::string& name, const std::vector<Share>& shares) {
  for (const Share& share : shares) {
    add(row, name + "." + std::to_string(share.rows), share.of_peak);
  }
}

// Takes values out of a row one by one, in the order in which flatten() puts them there. Once something was
// not as expected nothing is.
class Taker {
 public:
  explicit Taker(const FlatRow& row) : row_(row) {}

  bool good() const { return good_; }
  bool done() const { return good_ && at_ == row_.size(); }
  bool next_begins_with(const std::string& prefix) const {
    return good_ && at_ < row_.size() && row_[at_].name.substr(0, prefix.size()) == prefix;
  }
  const std::string& next_name() const { return row_[at_].name; }

  std::string text(const std::string& name) {
    const auto* value = take<std::string>(name);
    return value != nullptr && value->size() <= kLongestText ? *value : fail(std::string());
  }
  std::int64_t whole(const std::string& name, std::int64_t low, std::int64_t high) {
    const auto* value = take<std::int64_t>(name);
    return value != nullptr && *value >= low && *value <= high ? *value : fail(std::int64_t{0});
  }
  // Whole numbers are written without a point.
  double real(const std::string& name, double low, double high) {
    double value = 0;
    if (good_ && at_ < row_.size() && row_[at_].name == name) {
      if (const auto* exact = std::get_if<double>(&row_[at_].value)) {
        value = *exact;
      } else if (const auto* digits = std::get_if<std::int64_t>(&row_[at_].value)) {
        value = static_cast<double>(*digits);
      } else {
        return fail(0.0);
      }
      ++at_;
      return std::isfinite(value) && value >= low && value <= high ? value : fail(0.0);
    }
    return fail(0.0);
  }
  Interval interval(const std::string& name, double low, double high) {
    Interval i;
    i.median = real(name, low, high);
    i.low = real(name + ".lo", low, high);
    i.high = real(name + ".hi", low, high);
    if (good_ && !(i.low <= i.median && i.median <= i.high)) {
      good_ = false;
    }
    return i;
  }
  std::vector<Share> shares(const std::string& name) {
    std::vector<Share> shares;
    while (next_begins_with(name + ".")) {
      const std::string digits = next_name().substr(name.size() + 1);
      if (digits.empty() || digits.size() > 6 ||
          digits.find_first_not_of("0123456789") != std::string::npos) {
        return fail(shares);
      }
      const Share share{std::stol(digits), real(name + "." + digits, kLeastShare, kMostShare)};
      if (share.rows < 1 || (!shares.empty() && share.rows <= shares.back().rows)) {
        return fail(shares);
      }
      shares.push_back(share);
    }
    return shares.empty() ? fail(shares) : shares;
  }
  double share(const std::string& name) { return real(name, kLeastShare, kMostShare); }

 private:
  static constexpr std::size_t kLongestText = 200;
  static constexpr double kLeastShare = 1e-4;
  static constexpr double kMostShare = 100;

  template <class T>
  T fail(T value) {
    good_ = false;
    return value;
  }
  template <class T>
  const T* take(const std::string& name) {
    if (!good_ || at_ >= row_.size() || row_[at_].name != name) {
      good_ = false;
      return nullptr;
    }
    return std::get_if<T>(&row_[at_++].value);
  }

  const FlatRow& row_;
  std::size_t at_ = 0;
  bool good_ = true;
};

// Beyond what any machine does: a figure outside was not measured.
constexpr double kLeastFlops = 1e6, kMostFlops = 1e18;
constexpr double kLeastRead = 1e5, kMostRead = 1e17;

}  // namespace

const LayoutShares* MachineLimits::find_layout(const std::string& layout) const {
  for (const LayoutShares& shares : layouts) {
    if (shares.layout == layout) {
      return &shares;
    }
  }
  return nullptr;
}

double MachineLimits::cache_read() const {
  for (const ReadSpeed& speed : reads) {
    if (speed.level == 2) {
      return speed.all.median;
    }
  }
  return 0;
}

double read_speed(const MachineLimits& limits, double bytes, bool one_thread) {
  const auto speed_of = [&](const ReadSpeed& speed) {
    return one_thread ? speed.one.median : speed.all.median;
  };
  const std::vector<ReadSpeed>& reads = limits.reads;
  if (reads.empty()) {
    return 0;
  }
  for (std::size_t i = 0; i < reads.size(); ++i) {
    if (bytes <= static_cast<double>(reads[i].bytes)) {
      if (i == 0) {
        break;
      }
      const double low = std::log(static_cast<double>(reads[i - 1].bytes));
      const double high = std::log(static_cast<double>(reads[i].bytes));
      const double part = high > low ? (std::log(bytes) - low) / (high - low) : 1;
      return std::exp((1 - part) * std::log(speed_of(reads[i - 1])) + part * std::log(speed_of(reads[i])));
    }
  }
  return bytes <= static_cast<double>(reads.front().bytes) ? speed_of(reads.front()) : speed_of(reads.back());
}

FlatRow flatten(const MachineLimits& limits) {
  FlatRow row;
  add(row, "schema", std::string(kLimitsSchema));
  add(row, "processor", limits.processor);
  add(row, "instructions", limits.instructions);
  add(row, "version", limits.version);
  add(row, "measured_at", limits.measured_at);
  add(row, "fitness", limits.fitness);
  add(row, "threads", static_cast<std::int64_t>(limits.threads));
  add(row, "flops.one", limits.flops_one);
  add(row, "flops.all", limits.flops_all);
  add(row, "scaling", limits.scaling);
  for (std::size_t i = 0; i < limits.reads.size(); ++i) {
    const ReadSpeed& speed = limits.reads[i];
    const std::string prefix = "read." + std::to_string(i) + ".";
    add(row, prefix + "level", static_cast<std::int64_t>(speed.level));
    add(row, prefix + "bytes", static_cast<std::int64_t>(speed.bytes));
    add(row, prefix + "one", speed.one);
    add(row, prefix + "all", speed.all);
  }
  add(row, "gate", limits.gate);
  add(row, "combine", limits.combine);
  add(row, "norm", limits.norm);
  add(row, "join_seconds", limits.join_seconds);
  for (std::size_t i = 0; i < limits.layouts.size(); ++i) {
    const LayoutShares& shares = limits.layouts[i];
    const std::string prefix = "layout." + std::to_string(i) + ".";
    add(row, prefix + "name", shares.layout);
    add(row, prefix + "inverse_depth", shares.inverse_depth);
    add(row, prefix + "depth_cost", shares.depth_cost);
    add(row, prefix + "sharpness", shares.sharpness);
    add(row, prefix + "gather", shares.gather);
    add(row, prefix + "product", shares.products);
  }
  return row;
}

std::optional<MachineLimits> limits_from(const FlatRow& row) {
  Taker take(row);
  if (take.text("schema") != kLimitsSchema) {
    return std::nullopt;
  }
  MachineLimits limits;
  limits.processor = take.text("processor");
  limits.instructions = take.text("instructions");
  limits.version = take.text("version");
  limits.measured_at = take.text("measured_at");
  limits.fitness = take.text("fitness");
  limits.threads = static_cast<int>(take.whole("threads", 1, 1024));
  limits.flops_one = take.interval("flops.one", kLeastFlops, kMostFlops);
  limits.flops_all = take.interval("flops.all", kLeastFlops, kMostFlops);
  limits.scaling = take.interval("scaling", 1e-3, 1e4);
  for (std::size_t i = 0; take.next_begins_with("read." + std::to_string(i) + "."); ++i) {
    const std::string prefix = "read." + std::to_string(i) + ".";
    ReadSpeed speed;
    speed.level = static_cast<int>(take.whole(prefix + "level", 0, 8));
    speed.bytes = static_cast<std::uint64_t>(take.whole(prefix + "bytes", 1, std::int64_t{1} << 50));
    speed.one = take.interval(prefix + "one", kLeastRead, kMostRead);
    speed.all = take.interval(prefix + "all", kLeastRead, kMostRead);
    limits.reads.push_back(speed);
  }
  limits.gate = take.shares("gate");
  limits.combine = take.share("combine");
  limits.norm = take.share("norm");
  limits.join_seconds = take.real("join_seconds", 0, 1);
  for (std::size_t i = 0; take.next_begins_with("layout." + std::to_string(i) + "."); ++i) {
    const std::string prefix = "layout." + std::to_string(i) + ".";
    LayoutShares shares;
    shares.layout = take.text(prefix + "name");
    shares.inverse_depth = take.real(prefix + "inverse_depth", 0, 1);
    shares.depth_cost = take.real(prefix + "depth_cost", 0, kMostDepthCost);
    shares.sharpness = take.real(prefix + "sharpness", 1, kMostSharpness);
    shares.gather = take.share(prefix + "gather");
    shares.products = take.shares(prefix + "product");
    limits.layouts.push_back(std::move(shares));
  }
  if (!take.done() || limits.reads.empty() || limits.layouts.empty()) {
    return std::nullopt;
  }
  return limits;
}

}  // namespace moesim
