// Any bytes as a checkpoint's config.json: refused with Error(bad_data), or a shape that can be counted and
// routed.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/text.h"
#include "fuzz_check.h"
#include "models/hf_config.h"
#include "models/model_parameters.h"

namespace {

// Exact, or refused because 64 bits do not hold it.
void count(const moesim::ModelShape& shape) {
  using moesim::fuzz_check;
  try {
    const moesim::ModelParameters p = moesim::count_parameters(shape);
    fuzz_check(p.active_low.all <= p.active.all && p.active.all <= p.active_high.all,
               "a range around the mean");
    fuzz_check(p.active_high.all <= p.total, "a token reads no more than there is");
    moesim::token_cost(shape, p);
  } catch (const moesim::Error& error) {
    fuzz_check(error.kind() == moesim::ErrorKind::out_of_memory, "only sizes are refused");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using moesim::fuzz_check;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    std::vector<moesim::HfKey> keys;
    const moesim::ModelShape shape = moesim::read_hf_config(text, "config.json", &keys);
    fuzz_check(shape.num_layers() >= 1 && shape.num_layers() <= 4096, "a bounded number of layers");
    fuzz_check(shape.num_moe_layers() >= 1, "some layer has experts");
    fuzz_check(shape.top_k >= 1 && shape.top_k <= shape.moe.pool_size(), "top_k within the pool");
    fuzz_check(shape.d_model >= 1 && shape.moe.d_ff >= 1 && shape.vocabulary >= 1, "positive sizes");
    fuzz_check(shape.moe.d_model == shape.d_model && shape.moe.num_layers == 1, "one layer of the model");
    fuzz_check(shape.router.child("preset") != nullptr, "a router");
    fuzz_check(!keys.empty(), "the keys that were read");
    count(shape);
  } catch (const moesim::Error& error) {
    const std::string_view message = error.what();
    fuzz_check(error.kind() == moesim::ErrorKind::bad_data, "a bad file is bad data");
    fuzz_check(message.substr(0, 20) == "config.json: error: ", "an error has a place");
    fuzz_check(moesim::find_invalid_utf8(message) == message.size(), "a message is UTF-8");
    fuzz_check(message.find('\x1b') == std::string_view::npos, "a message cannot talk to the terminal");
    fuzz_check(message.size() < 2000, "a message is short");
  }
  return 0;
}
