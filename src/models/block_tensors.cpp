#include "models/block_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/checked.h"
#include "core/error.h"
#include "core/text.h"

namespace moesim {
namespace {

constexpr std::size_t kBlocksLength = 7;  // "_blocks"

std::string shape_text(const std::vector<std::uint64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ","));
}

bool is_float(TensorType type) {
  constexpr TensorType kFloats[] = {TensorType::f64,  TensorType::f32,     TensorType::f16,
                                    TensorType::bf16, TensorType::f8_e4m3, TensorType::f8_e5m2};
  return std::find(std::begin(kFloats), std::end(kFloats), type) != std::end(kFloats);
}

bool is_8_bit(TensorType type) {
  return type == TensorType::f8_e4m3 || type == TensorType::f8_e5m2;
}

// What the letters of the axes are for one ffn.
struct Sizes {
  Index experts = 0;      // E
  Index all_experts = 0;  // what may stand in its place: with those that do not multiply
  Index width = 0;        // F
};

class Finder {
 public:
  Finder(const BlockPlace& place, Index layer) : place_(place), layer_(layer) {}

  BlockTensors find() {
    const ModelShape& shape = place_.shape;
    const TensorLayout& layout = place_.layout;
    const Index pool = shape.moe.pool_size();
    const Sizes of_gate{pool, pool, 0};
    BlockTensors block;
    block.gate = matrix(layout.gate, of_gate, 0, pool);
    block.gate_bias = vector(layout.gate_bias, of_gate, 0, pool, shape.gate_bias, "the gate's bias");
    block.expert_bias =
        vector(layout.expert_bias, of_gate, 0, pool, shape.selection_bias, "the selection bias");
    const Sizes routed{shape.moe.num_experts, pool, shape.moe.d_ff};
    for (Index e = 0; e < shape.moe.num_experts; ++e) {
      block.experts.push_back(ffn(layout.experts, routed, e, shape.moe.activation));
    }
    mark_experts_without_use(shape);
    if (shape.moe.has_shared()) {
      find_shared(block);
    }
    check_nothing_left();
    block.tensors.assign(used_.begin(), used_.end());
    std::sort(block.tensors.begin(), block.tensors.end(),
              [](const TensorInfo* a, const TensorInfo* b) { return a->name < b->name; });
    return block;
  }

 private:
  // Some programs store matrices of experts that return their input, too.
  void mark_experts_without_use(const ModelShape& shape) {
    for (Index e = shape.moe.num_experts; e < shape.moe.pool_size(); ++e) {
      for (const TensorPattern* pattern : place_.layout.experts.all()) {
        if (pattern->holds == Holds::one) {
          used_.insert(place_.folder.find(tensor_name(place_.layout, place_.prefix, layer_, *pattern, e)));
        }
      }
    }
    used_.erase(nullptr);
  }

  void find_shared(BlockTensors& block) {
    const ModelShape& shape = place_.shape;
    const Index width =
        shape.moe.shared_width > 0 ? shape.moe.shared_width : shape.moe.num_shared_experts * shape.moe.d_ff;
    if (place_.layout.shared.none()) {
      missing("shared experts", "the model has them");
    }
    block.shared.push_back(ffn(place_.layout.shared, {1, 1, width}, 0, shape.moe.activation));
    if (shape.moe.shared_kind == SharedKind::gated) {
      if (place_.layout.shared_gate.none()) {
        missing("a gate of the shared experts", "the model has one");
      }
      block.shared_gate = matrix(place_.layout.shared_gate, {1, 1, 0}, 0, 1);
    }
  }

  [[noreturn]] void missing(const std::string& what, const std::string& why) const {
    throw Error(
        ErrorKind::bad_data,
        fmt::format("{}: error: layout {} names no {}; expected one that does, as {} [unknown-layout]",
                    place_.where, display_safe(place_.layout.name), what, why),
        "--layout FILE.yaml says where they are (docs/formats.md)");
  }

  const TensorInfo& tensor(const std::string& name) {
    const TensorInfo* found = place_.folder.find(name);
    if (found == nullptr) {
      throw Error(
          ErrorKind::bad_data,
          fmt::format("{}: error: there is no tensor '{}'; expected it in layer {}, as layout {} names "
                      "it [missing-tensor]",
                      place_.where, display_safe(name), layer_, display_safe(place_.layout.name)));
    }
    used_.insert(found);
    return *found;
  }

  [[noreturn]] void wrong_shape(const TensorInfo& info, const std::string& axes,
                                const std::vector<std::uint64_t>& expected) const {
    throw Error(
        ErrorKind::bad_data,
        fmt::format("{}: error: the shape is {}; expected {}, which is [{}] of config.json [tensor-shape]",
                    place_.folder.where(info), shape_text(info.shape), shape_text(expected), axes));
  }

  void check_float(const TensorInfo& info) const {
    if (!is_float(info.type)) {
      throw Error(ErrorKind::bad_data,
                  fmt::format("{}: error: the type is {}; expected F64, F32, F16, BF16, F8_E4M3 or F8_E5M2 "
                              "[tensor-shape]",
                              place_.folder.where(info), display_safe(info.type_name)));
    }
  }

  std::uint64_t axis(std::string_view letter, const Sizes& sizes) const {
    const auto width = static_cast<std::uint64_t>(sizes.width);
    if (letter == "D") {
      return static_cast<std::uint64_t>(place_.shape.d_model);
    }
    if (letter == "E") {
      return static_cast<std::uint64_t>(sizes.experts);
    }
    if (letter == "EF") {
      return checked_mul(static_cast<std::uint64_t>(sizes.experts), width, "the hidden units of a layer");
    }
    if (letter == "1") {
      return 1;
    }
    return letter == "F" ? width : checked_mul(2, width, "the hidden units of an expert");
  }

  std::vector<std::uint64_t> shape_of(const TensorPattern& pattern, const Sizes& sizes) const {
    std::vector<std::uint64_t> shape;
    std::string_view rest = pattern.axes;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      shape.push_back(axis(rest.substr(0, comma), sizes));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return shape;
  }

  // Leading axes of one number are nothing.
  static bool same_shape(std::vector<std::uint64_t> found, const std::vector<std::uint64_t>& expected) {
    while (found.size() > expected.size() && found.front() == 1) {
      found.erase(found.begin());
    }
    std::vector<std::uint64_t> less = expected;
    while (less.size() > found.size() && less.front() == 1) {
      less.erase(less.begin());
    }
    return found == less;
  }

  void check_shape(const TensorInfo& info, const TensorPattern& pattern, const Sizes& sizes,
                   const std::vector<std::uint64_t>& expected) const {
    std::vector<std::uint64_t> with_all = expected;
    if (pattern.axes.rfind("E,", 0) == 0) {
      with_all.front() = static_cast<std::uint64_t>(sizes.all_experts);
    }
    if (!same_shape(info.shape, expected) && !same_shape(info.shape, with_all)) {
      wrong_shape(info, pattern.axes, expected);
    }
  }

  // The matrix of one expert, or the whole where `expert` is 0 and the pattern holds but one.
  UnitMatrix matrix(const TensorPattern& pattern, const Sizes& sizes, Index expert, Index units,
                    Index part = 0) {
    const std::string name = tensor_name(place_.layout, place_.prefix, layer_, pattern, expert);
    const TensorInfo& info = tensor(name);
    const std::vector<std::uint64_t> shape = shape_of(pattern, sizes);
    UnitMatrix found;
    found.units_first = pattern.units_first;
    found.parts = pattern.parts;
    found.part = part;
    found.units = units;
    StoredMatrix& stored = found.stored;
    stored.tensor = &info;
    const bool of_expert = pattern.holds != Holds::one && !is_gate(pattern);
    const std::size_t begin = of_expert && pattern.holds == Holds::all ? 1 : 0;
    const bool one_axis = shape.size() - begin == 1;
    stored.rows = static_cast<Index>(shape[begin]);
    if (pattern.holds == Holds::stacked) {
      stored.rows = sizes.width;
    }
    stored.cols = one_axis ? 1 : static_cast<Index>(shape[begin + 1]);
    found.width = one_axis ? 1 : pattern.units_first ? stored.cols : stored.rows;
    stored.first =
        of_expert
            ? checked_product({static_cast<std::uint64_t>(expert), static_cast<std::uint64_t>(stored.rows),
                               static_cast<std::uint64_t>(stored.cols)},
                              "the weights of a layer")
            : 0;
    if (pattern.mxfp4) {
      add_mxfp4(info, pattern, sizes, shape, stored);
      return found;
    }
    check_float(info);
    check_shape(info, pattern, sizes, shape);
    if (is_8_bit(info.type)) {
      add_scales(info, of_expert ? expert : 0, stored);
    }
    return found;
  }

  // Gates and what belongs to all experts at once are one matrix, not one for each expert.
  bool is_gate(const TensorPattern& pattern) const {
    return &pattern == &place_.layout.gate || &pattern == &place_.layout.gate_bias ||
           &pattern == &place_.layout.expert_bias || &pattern == &place_.layout.shared_gate;
  }

  UnitMatrix vector(const TensorPattern& pattern, const Sizes& sizes, Index expert, Index units, bool wanted,
                    const std::string& what, Index part = 0) {
    if (!wanted) {
      return {};
    }
    if (pattern.none()) {
      missing(what, "the model has one");
    }
    return matrix(pattern, sizes, expert, units, part);
  }

  FfnTensors ffn(const FfnPatterns& patterns, const Sizes& sizes, Index e, Activation activation) {
    const bool biases = place_.shape.expert_bias;
    const Index width = sizes.width;
    FfnTensors found;
    if (!patterns.gate_up.none()) {
      found.gate = matrix(patterns.gate_up, sizes, e, width, 0);
      found.up = matrix(patterns.gate_up, sizes, e, width, 1);
    } else {
      if (is_gated(activation)) {
        if (patterns.gate.none()) {
          missing("gate of the experts", "their activation is gated");
        }
        found.gate = matrix(patterns.gate, sizes, e, width);
      }
      found.up = matrix(patterns.up, sizes, e, width);
    }
    found.down = matrix(patterns.down, sizes, e, width);
    const bool fused = !patterns.gate_up_bias.none();
    const bool gate_wanted = biases && is_gated(activation);
    const TensorPattern& up_bias = fused ? patterns.gate_up_bias : patterns.up_bias;
    found.gate_bias = vector(fused ? patterns.gate_up_bias : patterns.gate_bias, sizes, e, width, gate_wanted,
                             "gate_bias of the experts");
    found.up_bias = vector(up_bias, sizes, e, width, biases, "up_bias of the experts", fused ? 1 : 0);
    found.down_bias =
        vector(patterns.down_bias, sizes, e, place_.shape.d_model, biases, "down_bias of the experts");
    return found;
  }

  void add_mxfp4(const TensorInfo& blocks, const TensorPattern& pattern, const Sizes& sizes,
                 const std::vector<std::uint64_t>& shape, StoredMatrix& stored) {
    std::string name = blocks.name;
    name.replace(name.size() - kBlocksLength, kBlocksLength, "_scales");
    const TensorInfo& scales = tensor(name);
    if (shape.back() % kMxfp4Block != 0) {
      throw Error(ErrorKind::bad_data,
                  fmt::format("{}: error: rows of {} numbers are not whole blocks; expected a multiple of {} "
                              "[tensor-shape]",
                              place_.folder.where(blocks), shape.back(), kMxfp4Block));
    }
    for (const TensorInfo* packed : {&blocks, &scales}) {
      if (packed->type != TensorType::u8) {
        throw Error(ErrorKind::bad_data,
                    fmt::format("{}: error: the type is {}; expected U8 [tensor-shape]",
                                place_.folder.where(*packed), display_safe(packed->type_name)));
      }
    }
    std::vector<std::uint64_t> of_scales = shape;
    of_scales.back() /= kMxfp4Block;
    check_shape(scales, pattern, sizes, of_scales);
    std::vector<std::uint64_t> of_blocks = of_scales;
    of_blocks.push_back(kMxfp4Bytes);
    check_shape(blocks, pattern, sizes, of_blocks);
    stored.mxfp4 = true;
    stored.scales = &scales;
  }

  // Scales of 8-bit floats, where there are any: of the whole matrix, of each row, or of blocks.
  void add_scales(const TensorInfo& info, Index expert, StoredMatrix& stored) {
    for (const char* ending : {"_scale_inv", "_scale"}) {
      const TensorInfo* scales = place_.folder.find(info.name + ending);
      if (scales == nullptr) {
        continue;
      }
      used_.insert(scales);
      check_float(*scales);
      const auto blocks = [](Index size, Index block) { return (size + block - 1) / block; };
      const ScaleBlock& block = place_.scale_block;
      const std::uint64_t elements = scales->elements();
      const auto experts = static_cast<std::uint64_t>(
          stored.rows * stored.cols == 0
              ? 1
              : info.elements() / static_cast<std::uint64_t>(stored.rows * stored.cols));
      stored.scales = scales;
      const auto rows = static_cast<std::uint64_t>(blocks(stored.rows, block.rows));
      const auto cols = static_cast<std::uint64_t>(blocks(stored.cols, block.cols));
      if (ends_in(scales->shape, rows, cols) && elements == experts * rows * cols) {
        stored.block_rows = block.rows;
        stored.block_cols = block.cols;
      } else if (elements == experts || elements == experts * static_cast<std::uint64_t>(stored.rows)) {
        stored.block_rows = elements == experts ? std::max<Index>(1, stored.rows) : 1;
        stored.block_cols = std::max<Index>(1, stored.cols);
      } else {
        throw Error(ErrorKind::bad_data,
                    fmt::format("{}: error: the shape is {}; expected one scale for each block of {} x {} "
                                "numbers, [{},{}], for each row, or one [tensor-shape]",
                                place_.folder.where(*scales), shape_text(scales->shape), block.rows,
                                block.cols, rows, cols),
                    "quantization_config.weight_block_size of config.json gives the size of the blocks");
      }
      stored.scale_cols = blocks(stored.cols, stored.block_cols);
      stored.first_scale =
          static_cast<std::uint64_t>(expert) *
          static_cast<std::uint64_t>(blocks(stored.rows, stored.block_rows) * stored.scale_cols);
      return;
    }
  }

  static bool ends_in(const std::vector<std::uint64_t>& shape, std::uint64_t rows, std::uint64_t cols) {
    return shape.size() >= 2 && shape[shape.size() - 2] == rows && shape.back() == cols;
  }

  // A tensor of the block that nothing reads would be a part of the model that is silently left out.
  void check_nothing_left() const {
    const TensorLayout& layout = place_.layout;
    std::set<std::string> scopes;
    add_scope(layout.gate, scopes);
    for (const FfnPatterns* ffn : {&layout.experts, &layout.shared}) {
      for (const TensorPattern* pattern : ffn->all()) {
        add_scope(*pattern, scopes);
      }
    }
    const std::vector<TensorInfo>& all = place_.folder.tensors();
    for (const std::string& scope : scopes) {
      auto at =
          std::lower_bound(all.begin(), all.end(), scope,
                           [](const TensorInfo& info, const std::string& name) { return info.name < name; });
      for (; at != all.end() && at->name.rfind(scope, 0) == 0; ++at) {
        if (used_.count(&*at) == 0 && !is_ignored(at->name)) {
          throw Error(
              ErrorKind::bad_data,
              fmt::format("{}: error: layout {} has no use for it; expected tensors of the layout alone "
                          "[unknown-layout]",
                          place_.folder.where(*at), display_safe(layout.name)),
              "--layout FILE.yaml says what each tensor is, or ignores it (docs/formats.md)");
        }
      }
    }
  }

  // "model.layers.3.mlp." of "mlp.gate.weight".
  void add_scope(const TensorPattern& pattern, std::set<std::string>& scopes) const {
    const std::size_t dot = pattern.name.find('.');
    if (dot != std::string::npos) {
      TensorPattern head;
      head.name = pattern.name.substr(0, dot + 1);
      scopes.insert(tensor_name(place_.layout, place_.prefix, layer_, head));
    }
  }

  bool is_ignored(const std::string& name) const {
    return std::any_of(place_.layout.ignored.begin(), place_.layout.ignored.end(),
                       [&](const std::string& ignored) {
                         TensorPattern pattern;
                         pattern.name = ignored;
                         return tensor_name(place_.layout, place_.prefix, layer_, pattern) == name;
                       });
  }

  const BlockPlace& place_;
  Index layer_;
  std::set<const TensorInfo*> used_;
};

}  // namespace

BlockTensors find_block(const BlockPlace& place, Index layer) {
  return Finder(place, layer).find();
}

bool has_gate(const BlockPlace& place, Index layer) {
  return place.folder.find(tensor_name(place.layout, place.prefix, layer, place.layout.gate)) != nullptr;
}

bool has_block(const BlockPlace& place, Index layer) {
  return has_gate(place, layer) && place.folder.find(tensor_name(place.layout, place.prefix, layer,
                                                                 place.layout.experts.down)) != nullptr;
}

}  // namespace moesim
