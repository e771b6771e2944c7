#include "report/doctor_screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "report/numbers.h"

namespace moesim {
namespace {

std::string speed_text(const Interval& speed) {
  constexpr double kGiga = 1e9;
  return fmt::format("{:7.1f} [{:.1f} .. {:.1f}]", speed.median / kGiga, speed.low / kGiga,
                     speed.high / kGiga);
}

std::string level_word(int level) {
  return level == 0 ? "memory" : fmt::format("L{}", level);
}

// FLOP/s that a kernel can reach, against how many FLOPs it does for each byte it reads; both axes by powers
// of two. One letter for each place the bytes may lie.
std::string draw_roofline(const MachineLimits& limits) {
  constexpr int kColumns = 61;  // 4 a power of two
  constexpr int kRows = 12;
  constexpr double kFirst = -4;  // 2^−4 FLOPs a byte
  const double top = std::log2(limits.flops_all.median);
  std::string text = fmt::format("\n  GFLOP/s of {}, by FLOPs for each byte read\n",
                                 counted(static_cast<std::uint64_t>(limits.threads), "thread"));
  std::vector<std::string> canvas(kRows, std::string(kColumns, ' '));
  for (auto speed = limits.reads.rbegin(); speed != limits.reads.rend(); ++speed) {
    const char mark = speed->level == 0 ? 'm' : static_cast<char>('0' + speed->level);
    for (int c = 0; c < kColumns; ++c) {
      const double reach = std::min(top, std::log2(speed->all.median) + kFirst + c / 4.0);
      const int row = static_cast<int>(std::lround(top - reach));
      if (row < kRows) {
        canvas[static_cast<std::size_t>(row)][static_cast<std::size_t>(c)] = row == 0 ? '-' : mark;
      }
    }
  }
  for (int r = 0; r < kRows; ++r) {
    std::string line = canvas[static_cast<std::size_t>(r)];
    line.erase(line.find_last_not_of(' ') + 1);
    if (!line.empty()) {
      text += fmt::format("  {:>7.4g} |{}\n", std::exp2(top - r) / 1e9, line);
    }
  }
  std::string axis(kColumns, '-');
  std::string labels;
  for (int power = -4; power <= 10; power += 2) {
    labels = pad_to(labels, (power + 4) * 4) + fmt::format("{:g}", std::exp2(power));
  }
  return text + fmt::format("          +{}\n           {}\n", axis, labels);
}

}  // namespace

std::string render_doctor(const FitnessInput& input, const std::vector<Finding>& findings) {
  std::string text = fmt::format(
      "machine  {}, {}\n\n",
      input.machine.processor.empty() ? "an unknown processor" : display_safe(input.machine.processor),
      counted(static_cast<std::uint64_t>(input.machine.usable_cores), "usable core"));
  for (const Finding& finding : findings) {
    text += fmt::format("  {:<8} {:<13} {}\n", fitness_word(finding.fitness), finding.name,
                        display_safe(finding.text));
    if (!finding.advice.empty()) {
      text += fmt::format("  {:<8} {:<13} -> {}\n", "", "", finding.advice);
    }
  }
  const Fitness verdict = overall(findings);
  const char* meaning = verdict == Fitness::unfit    ? "times measured now would mislead"
                        : verdict == Fitness::remark ? "compare only what ran in turns in one run"
                                                     : "times may be quoted with their intervals";
  return text + fmt::format("\nverdict  {}: {}\n", verdict_words(verdict), meaning);
}

std::string render_limits(const MachineLimits& limits, const std::string& origin) {
  std::string text =
      fmt::format("\nLIMITS  {}; medians with 95 % intervals\n\n  {:<34} {:<26} {}\n", origin, "", "1 thread",
                  counted(static_cast<std::uint64_t>(limits.threads), "thread"));
  const auto line = [&text](const std::string& what, const std::string& one, const std::string& all) {
    text += fmt::format("  {} {} {}\n", pad_to(what, 34), pad_to(one, 26), all);
  };
  line("multiply-adds, " + display_safe(limits.instructions) + ", GFLOP/s", speed_text(limits.flops_one),
       speed_text(limits.flops_all));
  line("  scaling", "",
       fmt::format("{:7.2f} [{:.2f} .. {:.2f}]", limits.scaling.median, limits.scaling.low,
                   limits.scaling.high));
  for (const ReadSpeed& speed : limits.reads) {
    line(fmt::format("reads, {} in {}, GB/s", short_bytes(static_cast<double>(speed.bytes)),
                     level_word(speed.level)),
         speed_text(speed.one), speed_text(speed.all));
  }
  text += draw_roofline(limits);
  text +=
      "\n  kernels, share of the multiply-add peak by rows of an expert (weights in the second-level "
      "cache)\n";
  for (const LayoutShares& layout : limits.layouts) {
    text += fmt::format("    {:<24}", display_safe(layout.layout));
    for (const Share& share : layout.products) {
      if ((share.rows & (share.rows - 1)) == 0) {
        text += fmt::format(" {}:{:.2f}", share.rows, share.of_peak);
      }
    }
    text += "\n";
  }
  return text;
}

}  // namespace moesim
