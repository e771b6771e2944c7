// Hidden states that somebody recorded, one row of an .npy file per token, from the start again behind the
// last row. Only the open file is kept: rows are read when a slice asks for them.

#include <limits>

#include "core/hash.h"
#include "io/npy.h"
#include "workload/source_files.h"
#include "workload/stream.h"

namespace moesim {
namespace {

struct ArrayParams : StreamParams {
  std::string file;
};
void describe(Fields<ArrayParams>& f) {
  describe_stream(f);
  f.add("file", &ArrayParams::file)
      .required()
      .doc(
          "an .npy file of float32 or float64 with layer.d_model columns, relative to the config file; "
          "${MOESIM_DATA}/ may stand in front");
}

class ArrayWorkload final : public Workload {
 public:
  ArrayWorkload(const ArrayParams& params, std::unique_ptr<NpyFile> file)
      : Workload(params.tokens, params.steps), file_(std::move(file)) {}

  TokenBatch slice(const Context& context, std::uint64_t first, Index count) const override {
    TokenBatch batch = make_batch({.first_token = first, .tokens = count, .d_model = file_->header().cols});
    for_each_row_block(context, 0, count, [&](Index begin, Index end) { read_rows(begin, end, batch); });
    return batch;
  }

  std::string token_text(std::uint64_t g) const override { return "row " + std::to_string(row_of(g)); }
  std::uint64_t input_hash() const override;
  std::uint64_t tokens_before_repeat() const override {
    return static_cast<std::uint64_t>(file_->header().rows);
  }
  // There is no other width to be had than the file's.
  std::uint64_t memory_bytes(Index batch_tokens, Index d_model) const override {
    return d_model == file_->header().cols ? batch_bytes(batch_tokens, d_model)
                                           : std::numeric_limits<std::uint64_t>::max();
  }

 private:
  std::uint64_t row_of(std::uint64_t g) const { return g % static_cast<std::uint64_t>(file_->header().rows); }

  // A read ends at the last row of the file. token_id is the row modulo 2^32.
  void read_rows(Index begin, Index end, TokenBatch& batch) const {
    while (begin < end) {
      const auto first = static_cast<Index>(row_of(batch.first_token + static_cast<std::uint64_t>(begin)));
      const Index count = std::min(end - begin, file_->header().rows - first);
      file_->read_rows(first, batch.hidden.view().block(begin, count));
      for (Index i = 0; i < count; ++i) {
        const auto r = static_cast<std::size_t>(begin + i);
        batch.position[r] = static_cast<std::uint64_t>(first + i);
        batch.token_id[r] = static_cast<std::uint32_t>(batch.position[r]);
      }
      begin += count;
    }
  }

  std::unique_ptr<NpyFile> file_;
};

std::uint64_t ArrayWorkload::input_hash() const {
  constexpr Index kRowsAtOnce = 256;
  const NpyHeader& header = file_->header();
  Matrix rows(std::min(kRowsAtOnce, header.rows), header.cols);
  Hasher hash;
  for (Index first = 0; first < header.rows; first += kRowsAtOnce) {
    const Index count = std::min(kRowsAtOnce, header.rows - first);
    file_->read_rows(first, rows.view().block(0, count));
    hash.add_bytes(rows.data(), static_cast<std::size_t>(count * header.cols) * sizeof(float));
  }
  return hash.digest();
}

std::unique_ptr<NpyFile> open_array(Binder& binder, const std::string& path) {
  try {
    return std::make_unique<NpyFile>(path);
  } catch (const Error& error) {
    report_io_error(binder, "workload.file", error);
    return nullptr;
  }
}

std::unique_ptr<Workload> make_array(Binder& binder, const Node& section,
                                     const WorkloadEnvironment& environment) {
  const std::optional<ArrayParams> params = bind_workload_section<ArrayParams>(binder, section);
  if (!params) {
    return nullptr;
  }
  const auto path = find_disk_path(binder, {"workload.file", params->file, environment.source});
  std::unique_ptr<NpyFile> file = path ? open_array(binder, *path) : nullptr;
  if (file == nullptr) {
    return nullptr;
  }
  const NpyHeader& header = file->header();
  if (header.rows == 0) {
    binder.error("workload.file", *path + ": the array has no rows", "at least one row", "empty-file");
    return nullptr;
  }
  if (header.cols != environment.d_model) {
    const std::string cols = std::to_string(header.cols);
    binder.error("workload.file",
                 *path + ": the array has " + cols + " columns, but layer.d_model is " +
                     std::to_string(environment.d_model),
                 "the same number", "bad-relation",
                 "set layer.d_model to " + cols + ", or with layer.checkpoint take vectors of its width");
    return nullptr;
  }
  return std::make_unique<ArrayWorkload>(*params, std::move(file));
}

}  // namespace

WorkloadEntry workload_array() {
  return {"array", "recorded hidden states, row by row from an .npy file",
          "NumPy's array format (NEP 1), so that any framework can write the input",
          [] { return fields_of<ArrayParams>().infos(); }, make_array};
}

}  // namespace moesim
