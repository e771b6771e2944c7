// Logits that somebody recorded: an .npy file [steps·T, E], T rows a step.

#include "engine/logit_stream_variants.h"
#include "io/npy.h"
#include "workload/source_files.h"

namespace moesim {
namespace {

struct ReplayedParams {
  std::string file;
};
void describe(Fields<ReplayedParams>& f) {
  f.add("file", &ReplayedParams::file)
      .required()
      .doc(
          "an .npy file of float32 or float64 with a column for each routed expert, a row for each token and "
          "workload.tokens rows for each step, relative to the config file; ${MOESIM_DATA}/ may stand in "
          "front");
}

class ReplayedStream final : public LogitStream {
 public:
  ReplayedStream(std::unique_ptr<NpyFile> file, Index steps) : file_(std::move(file)), steps_(steps) {}

  Index steps() const override { return steps_; }
  FillLogits open() const override {
    return [this](Index step, const GateOutput& out, const Context&) {
      file_->read_rows(step * out.logits.rows, out.logits);
    };
  }

 private:
  std::unique_ptr<NpyFile> file_;
  Index steps_;
};

std::unique_ptr<LogitStream> make_replayed(Binder& binder, const Node& section,
                                           const LogitStreamScene& scene) {
  const std::string key = std::string(kLogitStreamPath) + ".file";
  ReplayedParams params;
  if (!LogitStreamBinding{binder, section, scene}.read(params)) {
    return nullptr;
  }
  const auto path = find_disk_path(binder, {key, params.file, scene.source});
  if (!path) {
    return nullptr;
  }
  std::unique_ptr<NpyFile> file;
  try {
    file = std::make_unique<NpyFile>(*path);
  } catch (const Error& error) {
    report_io_error(binder, key, error);
    return nullptr;
  }
  const NpyHeader& header = file->header();
  if (header.cols != scene.num_experts) {
    binder.error(key,
                 *path + ": the array has " + std::to_string(header.cols) + " columns, but the layer has " +
                     std::to_string(scene.num_experts) + " routed experts",
                 "the same number", "bad-relation", "set layer.num_experts to fit");
    return nullptr;
  }
  const Index tokens = scene.workload->tokens();
  if (tokens == 0 || header.rows < tokens || header.rows % tokens != 0) {
    binder.error(key,
                 *path + ": the array has " + std::to_string(header.rows) + " rows, but workload.tokens is " +
                     std::to_string(tokens),
                 "a multiple of it", "bad-relation");
    return nullptr;
  }
  return std::make_unique<ReplayedStream>(std::move(file), header.rows / tokens);
}

}  // namespace

LogitStreamEntry logit_stream_replayed() {
  return {"replayed", "recorded logits from an .npy file, row by row",
          [] { return fields_of<ReplayedParams>().infos(); }, make_replayed};
}

}  // namespace moesim
