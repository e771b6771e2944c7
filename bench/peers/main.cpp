// The same layers through moesim and through what one would use instead, in turns within one run: a Markdown
// table on the standard output, the rows as JSON in a file.
//
// Each result is checked before it is timed: some tokens against float64, all tokens against moesim. A peer
// that differs is reported and not timed; one that is not there, or does not fit the memory, is skipped by
// name. Times are from dispatch to combine, for given routing.

#include <fmt/format.h>
#include <tbb/global_control.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "bench/peers/report.h"
#include "core/build_info.h"
#include "core/error.h"
#include "io/files.h"

namespace {

using namespace moesim;
using namespace moesim::bench;

struct Options {
  std::vector<std::string> shapes, peers, routings = {"uniform", "zipf", "dense"};
  std::vector<Index> tokens;
  int rounds = 5;
  int threads = 2;
  std::string out;
  std::string python = "/usr/bin/python3";
};

// The exit status when the program is to end here.
std::optional<int> read_options(int argc, char** argv, Options& options) {
  std::vector<std::string> shape_names;
  for (const Shape& shape : shapes()) {
    shape_names.push_back(shape.name);
  }
  options.shapes = shape_names;
  options.peers = peer_names();
  CLI::App app(
      "The same MoE layers through moesim and its peers, in turns: ratios, and shares of the limit.");
  app.add_option("--shape", options.shapes, "shapes of layers, by default all")
      ->delimiter(',')
      ->check(CLI::IsMember(shape_names));
  app.add_option("--peer", options.peers, "engines, by default all; moesim always takes part")
      ->delimiter(',')
      ->check(CLI::IsMember(peer_names()));
  app.add_option("--routing", options.routings,
                 "how tokens choose; dense: one expert of as many active parameters takes all")
      ->delimiter(',')
      ->check(CLI::IsMember(options.routings));
  app.add_option("--tokens", options.tokens, "tokens of a batch, by default several for each shape")
      ->delimiter(',')
      ->check(CLI::Range(1, 65536));
  app.add_option("--rounds", options.rounds, "rounds, each of two mirrored turns of every engine")
      ->check(CLI::Range(3, 1000));
  app.add_option("--threads", options.threads, "threads of each engine")->check(CLI::Range(1, 256));
  app.add_option("--out", options.out, "file to write the rows to, as JSON");
  app.add_option("--python", options.python, "interpreter that has PyTorch");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool wrong = error.get_exit_code() != 0;
    app.exit(error);
    return wrong ? static_cast<int>(ErrorKind::usage) : 0;
  }
  return std::nullopt;
}

// In the order of the list, each once, moesim first.
std::vector<std::string> chosen_peers(const Options& options) {
  std::vector<std::string> chosen;
  for (const std::string& name : peer_names()) {
    if (chosen.empty() || std::count(options.peers.begin(), options.peers.end(), name) > 0) {
      chosen.push_back(name);
    }
  }
  return chosen;
}

int run(const Options& options) {
  if (!build_info().fit_to_measure()) {
    std::fputs("this build is not fit to measure: use cmake --preset bench\n", stderr);
  }
  const tbb::global_control workers(tbb::global_control::max_allowed_parallelism,
                                    static_cast<std::size_t>(options.threads));
  const Context context({.threads = options.threads});
  std::vector<PeerResult> rows;
  ContestOptions contest{.peers = chosen_peers(options),
                         .routings = options.routings,
                         .rounds = options.rounds,
                         .settings = {context, options.python},
                         .progress = [](const std::string& what) { fmt::print(stderr, "{}\n", what); },
                         .done = {}};
  const auto save = [&] {
    if (!options.out.empty()) {
      write_file_atomically(options.out, to_json(rows, contest).dump(1) + "\n");
    }
  };
  std::string head;
  contest.done = [&](const PeerResult& row) {
    rows.push_back(row);
    const std::string its_head = table_head(row);
    fmt::print("{}{}", its_head == head ? "" : its_head, table_row(row));
    std::fflush(stdout);
    head = its_head;
    save();
  };
  save();  // a file that cannot be written is known before anything is measured
  fmt::print("{}; {} rounds, medians with {:.0f} % intervals\n", machine_line(options.threads),
             options.rounds, 100 * interval_confidence(static_cast<std::size_t>(options.rounds)));
  for (Shape shape : shapes()) {
    if (std::count(options.shapes.begin(), options.shapes.end(), shape.name) > 0) {
      shape.tokens = options.tokens.empty() ? shape.tokens : options.tokens;
      run_contest(shape, contest);
    }
  }
  fmt::print("\nVersions\n\n");
  std::vector<std::string> told;
  for (const PeerResult& row : rows) {
    if (!row.version.empty() && std::count(told.begin(), told.end(), row.peer) == 0) {
      told.push_back(row.peer);
      fmt::print("- {}: {}\n", row.peer, row.version);
    }
  }
  const bool all_right =
      std::none_of(rows.begin(), rows.end(), [](const PeerResult& r) { return r.differs; });
  return all_right ? 0 : static_cast<int>(ErrorKind::check_failed);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (const std::optional<int> status = read_options(argc, argv, options)) {
    return *status;
  }
  try {
    return run(options);
  } catch (const Error& error) {
    fmt::print(stderr, "{}\n{}{}", error.what(), error.help(), error.help().empty() ? "" : "\n");
    return static_cast<int>(error.kind());
  }
}
