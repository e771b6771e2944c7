// moesim layer: one Mixture-of-Experts block of a checkpoint on given vectors.

#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#include "cli/session.h"
#include "core/error.h"
#include "core/machine.h"
#include "core/text.h"
#include "engine/checkpoint_layer.h"
#include "io/files.h"
#include "io/npy.h"
#include "report/layer_screen.h"
#include "report/route_files.h"

namespace moesim {
namespace {

constexpr std::int64_t kMostLayers = 1 << 20;

[[noreturn]] void missing_option(const std::string& option) {
  throw Error(ErrorKind::usage,
              fmt::format("moesim layer: error: {0} is not given; expected {0} [missing-option]", option),
              "moesim layer DIR --layer N --input X.npy --out Y.npy");
}

void check_options(const LayerArguments& a, bool json) {
  if (a.checkpoint.empty()) {
    missing_option("DIR");
  }
  if (a.layer.empty()) {
    missing_option("--layer N");
  }
  if (a.input.empty()) {
    missing_option("--input X.npy");
  }
  if (a.router_only && !a.out.empty()) {
    throw Error(
        ErrorKind::usage,
        "--out: error: has no effect with --router-only, which runs no experts; expected --routing DIR "
        "[no-effect]");
  }
  if (a.router_only && a.routing.empty() && !json) {
    missing_option("--routing DIR or -o json");
  }
  if (!a.router_only && a.out.empty()) {
    missing_option("--out Y.npy");
  }
}

void check_input(const std::string& path, const NpyHeader& header, const ModelShape& shape) {
  if (header.dimensions != 2 || header.cols != shape.d_model) {
    throw Error(
        ErrorKind::bad_data,
        fmt::format(
            "{}: error: an array of {}{} numbers; expected a row of {} for each token, as config.json "
            "says [wrong-length]",
            display_safe(path), header.rows, header.dimensions == 2 ? fmt::format(" x {}", header.cols) : "",
            shape.d_model),
        header.dimensions == 2 ? "" : "of one token: np.save(\"x.npy\", x[None, :])");
  }
}

// Outputs beside the input, never over it or among a model's files.
void check_places(const LayerArguments& a) {
  std::error_code unknown;
  const auto refuse = [](const char* option, const std::string& path, const char* what) {
    throw Error(ErrorKind::usage, fmt::format("{}: error: {} {}; expected another place [bad-option]", option,
                                              display_safe(path), what));
  };
  if (!a.out.empty()) {
    if (std::filesystem::equivalent(a.out, a.input, unknown)) {
      refuse("--out", a.out, "is the input");
    }
    const std::filesystem::path folder = std::filesystem::path(a.out).parent_path();
    if (std::filesystem::equivalent(folder.empty() ? "." : folder, a.checkpoint, unknown)) {
      refuse("--out", a.out, "lies among the checkpoint's files");
    }
  }
  if (!a.routing.empty() && std::filesystem::equivalent(a.routing, a.checkpoint, unknown)) {
    refuse("--routing", a.routing, "is the checkpoint");
  }
}

void check_finite(const Matrix& y, const LayerArguments& a, std::int64_t layer) {
  for (Index t = 0; t < y.rows(); ++t) {
    for (const float value : y.row(t)) {
      if (!std::isfinite(value)) {
        throw Error(
            ErrorKind::bad_data,
            fmt::format("{}: error: layer {} makes a number that is not finite of token {}; expected numbers "
                        "within float32 [not-finite]",
                        display_safe(a.checkpoint), layer, t),
            fmt::format("look at row {} of {}: does it come from behind the layer's norm?", t,
                        display_safe(a.input)));
      }
    }
  }
}

}  // namespace

int layer_command(const LayerArguments& a) {
  const bool json = parse_choice_option("-o", a.output, {"table", "json"}) == "json";
  check_options(a, json);
  check_places(a);
  const std::int64_t layer = parse_whole_option("--layer", a.layer, 0, kMostLayers);
  const MachineInfo machine = read_machine();
  const int threads = a.threads.empty() ? machine.usable_cores
                                        : static_cast<int>(parse_whole_option("-j", a.threads, 1, 1024));
  const NpyFile input(a.input);
  const MoeCheckpoint checkpoint(a.checkpoint, a.layout);
  const BlockTensors block = checkpoint.block(layer);
  check_input(a.input, input.header(), checkpoint.shape());
  check_layer_memory(checkpoint.shape(), {input.header().rows, a.router_only, threads}, machine,
                     display_safe(a.checkpoint));
  Matrix x(input.header().rows, input.header().cols);
  input.read_rows(0, x.view());
  const Context context({.threads = threads});
  const Policy policy = checkpoint_policy(checkpoint);
  const RoutedLayer routed = route_checkpoint_layer(checkpoint, block, policy, std::move(x), context);
  if (!a.router_only) {
    const Matrix y = run_checkpoint_layer(checkpoint, block, routed, context);
    check_finite(y, a, layer);
    write_npy(a.out, y.view());
  }
  if (!a.routing.empty()) {
    RouteFiles inputs;
    inputs.hidden = a.input;
    inputs.gate = checkpoint.tensors().where(*block.gate.stored.tensor);
    if (!block.expert_bias.none()) {
      inputs.bias = checkpoint.tensors().where(*block.expert_bias.stored.tensor);
    }
    write_route_files(a.routing, {policy, inputs, routed.result});
  }
  const LayerReport report{checkpoint, a.checkpoint, layer, block, policy, routed, a.out, a.routing};
  write_stdout(json ? layer_json(report) : layer_screen(report));
  return 0;
}

}  // namespace moesim
