// moesim layer: one Mixture-of-Experts block of a checkpoint on given vectors.

#include <fmt/format.h>

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
              fmt::format("moesim layer: error: {0} is not given; expected {0} [missing-option]", option));
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

}  // namespace

int layer_command(const LayerArguments& a) {
  const bool json = parse_choice_option("-o", a.output, {"table", "json"}) == "json";
  check_options(a, json);
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
    write_npy(a.out, run_checkpoint_layer(checkpoint, block, routed, context).view());
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
