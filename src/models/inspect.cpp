#include "models/inspect.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.h"

namespace moesim {
namespace {

constexpr Index kUnitsAtOnce = 256;

bool ends_with(const std::string& text, std::string_view ending) {
  return text.size() >= ending.size() &&
         text.compare(text.size() - ending.size(), ending.size(), ending) == 0;
}

std::uint64_t numbers_of(const TensorInfo& tensor) {
  if (ends_with(tensor.name, "_scale_inv") || ends_with(tensor.name, "_scale") ||
      ends_with(tensor.name, ".scale") || ends_with(tensor.name, "_scales")) {
    return 0;
  }
  const bool packed = tensor.type == TensorType::u8 && ends_with(tensor.name, "_blocks");
  return packed ? 2 * tensor.elements() : tensor.elements();
}

std::vector<TypeCount> count_types(const std::vector<const TensorInfo*>& tensors) {
  std::map<std::string, TypeCount> counts;
  for (const TensorInfo* tensor : tensors) {
    TypeCount& count = counts[std::string(tensor->type_name)];
    count.name = tensor->type_name;
    ++count.tensors;
    count.bytes += tensor->end - tensor->begin;
  }
  std::vector<TypeCount> list;
  for (const auto& [name, count] : counts) {
    list.push_back(count);
  }
  std::stable_sort(list.begin(), list.end(),
                   [](const TypeCount& a, const TypeCount& b) { return a.bytes > b.bytes; });
  return list;
}

std::uint64_t bytes_of(const std::vector<TypeCount>& types) {
  std::uint64_t bytes = 0;
  for (const TypeCount& type : types) {
    bytes += type.bytes;
  }
  return bytes;
}

double squares(MatrixView matrix) {
  double sum = 0.0;
  for (Index r = 0; r < matrix.rows; ++r) {
    for (const float v : matrix.row(r)) {
      sum += static_cast<double>(v) * v;
    }
  }
  return sum;
}

double squares_of(const TensorFolder& folder, const UnitMatrix& matrix) {
  double sum = 0.0;
  for (Index first = 0; !matrix.none() && first < matrix.units; first += kUnitsAtOnce) {
    Matrix some(std::min(kUnitsAtOnce, matrix.units - first), matrix.width);
    read_units(folder, matrix, first, some.view());
    sum += squares(some.view());
  }
  return sum;
}

void read_gate_norms(const MoeCheckpoint& checkpoint, const BlockTensors& block, InspectedLayer& layer) {
  const Gate gate = read_gate(checkpoint, block, {});
  std::vector<double> rows;
  for (Index e = 0; e < gate.weight.rows(); ++e) {
    rows.push_back(std::sqrt(squares(gate.weight.view().block(e, 1))));
  }
  layer.gate_rows = range_of(std::move(rows));
  const std::vector<float> bias = read_expert_bias(checkpoint, block);
  if (!bias.empty()) {
    layer.selection_bias = range_of({bias.begin(), bias.end()});
  }
}

void read_expert_norms(const MoeCheckpoint& checkpoint, const BlockTensors& block, const Context& context,
                       InspectedLayer& layer) {
  std::vector<double> lengths(block.experts.size());
  context.for_each_block(static_cast<Index>(lengths.size()), [&](Index e) {
    const FfnTensors& ffn = block.experts[static_cast<std::size_t>(e)];
    double sum = 0.0;
    for (const UnitMatrix* matrix : {&ffn.gate, &ffn.up, &ffn.down}) {
      sum += squares_of(checkpoint.tensors(), *matrix);
    }
    lengths[static_cast<std::size_t>(e)] = std::sqrt(sum);
  });
  layer.experts = range_of(std::move(lengths));
}

}  // namespace

NormRange range_of(std::vector<double> lengths) {
  if (lengths.empty()) {
    return {};
  }
  std::sort(lengths.begin(), lengths.end());
  const std::size_t middle = lengths.size() / 2;
  const double median =
      lengths.size() % 2 == 1 ? lengths[middle] : (lengths[middle - 1] + lengths[middle]) / 2.0;
  return {lengths.front(), median, lengths.back()};
}

bool Inspection::problems() const {
  return std::any_of(layers.begin(), layers.end(),
                     [](const InspectedLayer& l) { return !l.problem.empty(); });
}

Inspection inspect(const MoeCheckpoint& checkpoint, const InspectOptions& options, const Context& context) {
  Inspection found;
  std::vector<const TensorInfo*> all;
  for (const TensorInfo& tensor : checkpoint.tensors().tensors()) {
    all.push_back(&tensor);
    found.numbers += numbers_of(tensor);
  }
  found.types = count_types(all);
  found.tensors = all.size();
  found.bytes = bytes_of(found.types);
  found.parameters = count_parameters(checkpoint.shape());
  const std::vector<Index> layers = checkpoint.moe_layers();
  const Index chosen = options.layer.value_or(layers.empty() ? 0 : layers[layers.size() / 2]);
  if (options.layer) {
    checkpoint.block(chosen);
  }
  for (const Index l : layers) {
    InspectedLayer layer;
    layer.layer = l;
    try {
      const BlockTensors block = checkpoint.block(l);
      layer.types = count_types(block.tensors);
      layer.bytes = bytes_of(layer.types);
      if (options.all_norms || l == chosen) {
        read_gate_norms(checkpoint, block, layer);
      }
      if (options.all_norms || (l == chosen && (options.layer || layer.bytes <= kMostExpertBytes))) {
        read_expert_norms(checkpoint, block, context, layer);
      }
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::bad_data) {
        throw;
      }
      layer.problem = error.what();
    }
    found.layers.push_back(std::move(layer));
  }
  return found;
}

}  // namespace moesim
