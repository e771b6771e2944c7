// The experts through oneDNN (https://github.com/oneapi-src/oneDNN), the well-kept alternative to the
// project's own kernels: packed weights in the layout oneDNN asks for, products of some rows of one expert in
// parallel over the experts. Built where oneDNN 2 is found (Debian: libdnnl-dev).
//
// oneDNN is used as a sequential library: each product runs on the thread that asks for it, with memory of
// its own (a product with oneDNN's own memory may not be run by two threads at once).

#include "experts/variants.h"

#ifdef MOESIM_ONEDNN

#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <dnnl.hpp>
#include <map>
#include <mutex>

#include "core/checked.h"
#include "core/error.h"
#include "experts/activation.h"

#if DNNL_CPU_THREADING_RUNTIME == DNNL_RUNTIME_OMP
// Of the OpenMP that oneDNN was linked with. A compiler's own omp.h may belong to another.
extern "C" int omp_get_max_threads();
extern "C" void omp_set_num_threads(int);
#endif

#endif

namespace moesim {
namespace {

struct OnednnParams {};
void describe(Fields<OnednnParams>&) {}

#ifdef MOESIM_ONEDNN

using dnnl::memory;
using RowMajor = Eigen::Array<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// A task multiplies at most so many rows of one expert: products come in few sizes, and a hot expert is
// shared.
constexpr Index kRowsPerTask = 256;
// Where that makes fewer tasks, smaller ones, but of rows enough to be worth reading the weights.
constexpr Index kFewestTasks = 4;
constexpr Index kFewestRowsPerTask = 64;
constexpr Index kRowsPerGatherBlock = 64;
// Both sides of every matrix are filled up with zeros to a multiple: oneDNN would write its own filling to
// the weights again each time it is handed them.
constexpr Index kMultiple = 64;
constexpr std::uint64_t kAlignment = 64;  // bytes

Index rounded(Index n) {
  return (n + kMultiple - 1) / kMultiple * kMultiple;
}

const dnnl::engine& cpu() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

// While it lives, the thread's products are run by the thread alone.
class OneThread {
 public:
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;
#if DNNL_CPU_THREADING_RUNTIME == DNNL_RUNTIME_OMP
  OneThread() : before_(omp_get_max_threads()) {
    omp_set_num_threads(1);
  }
  ~OneThread() {
    omp_set_num_threads(before_);
  }

 private:
  int before_;
#else
  OneThread() {}
  ~OneThread() {}
#endif
};

// out[rows,outputs] = in[rows,inputs]·weights[inputs,outputs]
struct ProductSize {
  Index rows, inputs, outputs;
  auto operator<=>(const ProductSize&) const = default;
};

// `weights`: their layout, or nothing: the one oneDNN likes best.
dnnl::matmul::primitive_desc describe_product(const ProductSize& size, const memory::desc* weights) {
  const auto plain = [](Index rows, Index cols) {
    return memory::desc({rows, cols}, memory::data_type::f32, memory::format_tag::ab);
  };
  const memory::desc any({size.inputs, size.outputs}, memory::data_type::f32, memory::format_tag::any);
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const OneThread one;
  return {
      {plain(size.rows, size.inputs), weights != nullptr ? *weights : any, plain(size.rows, size.outputs)},
      attributes,
      cpu()};
}

// One product, ready to run on any thread.
class Product {
 public:
  Product(const ProductSize& size, const memory::desc& weights)
      : desc_(describe_product(size, &weights)), run_(make()) {}

  std::size_t scratch_bytes() const { return desc_.scratchpad_desc().get_size(); }
  void operator()(const float* in, const float* weights, float* out, std::vector<std::byte>& scratch) const {
    // oneDNN's interface has no read-only memory.
    const auto of = [](const memory::desc& desc, const void* data) {
      return memory(desc, cpu(), const_cast<void*>(data));
    };
    scratch.resize(std::max(scratch.size(), scratch_bytes() + kAlignment));
    const auto address = reinterpret_cast<std::uintptr_t>(scratch.data());
    void* aligned = scratch.data() + (kAlignment - address % kAlignment) % kAlignment;
    dnnl::stream stream(cpu());
    run_.execute(stream, {{DNNL_ARG_SRC, of(desc_.src_desc(), in)},
                          {DNNL_ARG_WEIGHTS, of(desc_.weights_desc(), weights)},
                          {DNNL_ARG_DST, of(desc_.dst_desc(), out)},
                          {DNNL_ARG_SCRATCHPAD, of(desc_.scratchpad_desc(), aligned)}});
  }

 private:
  dnnl::matmul make() const {
    const OneThread one;
    return dnnl::matmul(desc_);
  }

  dnnl::matmul::primitive_desc desc_;
  dnnl::matmul run_;
};

// The matrices of a packed expert, each in the layout oneDNN likes best: up, down, and, gated, gate_proj.
// Behind them the biases of up, gate_proj and down, as wide as the products.
struct PackedLayout {
  Index depth = 0;  // D, rounded
  Index width = 0;  // F, rounded
  memory::desc up;  // [depth,width], gate_proj alike
  memory::desc down;

  explicit PackedLayout(const FfnShape& shape)
      : depth(rounded(shape.d_model)),
        width(rounded(shape.width)),
        up(describe_product({kRowsPerTask, depth, width}, nullptr).weights_desc()),
        down(describe_product({kRowsPerTask, width, depth}, nullptr).weights_desc()) {
    for (const memory::desc* desc : {&up, &down}) {
      MOESIM_CHECK(desc->data.format_kind == dnnl_blocked && desc->data.offset0 == 0 &&
                       desc->get_size() == static_cast<std::size_t>(matrix()) * sizeof(float),
                   "a layout of oneDNN's that cannot be filled piece by piece");
    }
  }
  Index matrix() const { return depth * width; }  // numbers in each
  Index biases_begin(bool gated) const { return (gated ? 3 : 2) * matrix(); }
};

// Where index i of a dimension lies in a blocked layout; a number's place is the sum over its dimensions.
Index place_of(const memory::desc& desc, int dimension, Index i) {
  const dnnl_blocking_desc_t& blocks = desc.data.format_desc.blocking;
  Index place = 0;
  Index stride = 1;
  for (int b = blocks.inner_nblks - 1; b >= 0; --b) {
    const Index block = blocks.inner_blks[b];
    if (blocks.inner_idxs[b] == dimension) {
      place += i % block * stride;
      i /= block;
    }
    stride *= block;
  }
  return place + i * blocks.strides[dimension];
}

// Row u of `units` is index first+u of `dimension`, its columns are the other dimension.
struct UnitsPlace {
  Index first;
  int dimension;
};
void put_units(MatrixView units, const UnitsPlace& at, const memory::desc& desc, float* to) {
  std::vector<Index> column(static_cast<std::size_t>(units.cols));
  for (Index c = 0; c < units.cols; ++c) {
    column[static_cast<std::size_t>(c)] = place_of(desc, 1 - at.dimension, c);
  }
  for (Index u = 0; u < units.rows; ++u) {
    float* const unit = to + place_of(desc, at.dimension, at.first + u);
    const std::span<const float> from = units.row(u);
    for (std::size_t c = 0; c < column.size(); ++c) {
      unit[column[c]] = from[c];
    }
  }
}

// Some rows of one expert, and the products for so many.
struct RowTask {
  Index expert, first_row, rows;
  const Product* up;
  const Product* down;
};

struct OnednnScratch final : ExecutorScratch {
  Matrix in;  // [R,depth]
  std::vector<RowTask> tasks;
  std::map<ProductSize, Product> products;
};

// Memory of one thread, kept between calls.
struct ThreadScratch {
  std::vector<std::byte> product;
  RowMajor up, gate, out;
};

class OnednnExecutor final : public Executor {
 public:
  std::string layout() const override {
    const dnnl_version_t& version = *dnnl_version();
    return fmt::format("onednn/{}.{}.{}", version.major, version.minor, version.patch);
  }
  std::uint64_t expert_bytes(const FfnShape& shape) const override {
    FfnShape filled = shape;
    filled.d_model = rounded(shape.d_model);
    filled.width = rounded(shape.width);
    return ffn_weight_bytes(filled, WeightType::float32);
  }
  void pack(const FfnShape& shape, const FfnUnits& units, std::byte* expert) const override {
    const PackedLayout& layout = layout_of(shape);
    auto* const up = reinterpret_cast<float*>(expert);
    put_units(units.up, {units.first, 1}, layout.up, up);
    put_units(units.down, {units.first, 0}, layout.down, up + layout.matrix());
    put_units(units.gate_proj, {units.first, 1}, layout.up, up + 2 * layout.matrix());
    float* const bias = up + layout.biases_begin(is_gated(shape.activation));
    std::copy(units.up_bias.begin(), units.up_bias.end(), bias + units.first);
    std::copy(units.gate_bias.begin(), units.gate_bias.end(), bias + layout.width + units.first);
    const Index hidden = is_gated(shape.activation) ? 2 : 1;
    std::copy(units.output_bias.begin(), units.output_bias.end(), bias + hidden * layout.width);
  }

  std::unique_ptr<ExecutorScratch> make_scratch() const override { return std::make_unique<OnednnScratch>(); }
  std::uint64_t scratch_bytes(const FfnShape& shape, Index rows, int threads) const override {
    const char* what = "the rows of the experts";
    const auto depth = static_cast<std::uint64_t>(rounded(shape.d_model));
    const auto width = static_cast<std::uint64_t>(rounded(shape.width));
    const std::uint64_t of_row = checked_add(checked_mul(2, width, what), depth, what);
    return checked_add(checked_product({static_cast<std::uint64_t>(rows), depth, sizeof(float)}, what),
                       checked_product({of_row, static_cast<std::uint64_t>(kRowsPerTask), sizeof(float),
                                        static_cast<std::uint64_t>(threads)},
                                       what),
                       what);
  }

 private:
  const PackedLayout& layout_of(const FfnShape& shape) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    const std::pair<Index, Index> key(shape.d_model, shape.width);
    const auto found = layouts_.find(key);
    return found != layouts_.end() ? found->second : layouts_.emplace(key, PackedLayout(shape)).first->second;
  }

  void gather_ffn(const ExpertRows& rows, ExecutorScratch& given, const Context& context) const override {
    auto& scratch = static_cast<OnednnScratch&>(given);
    const PackedLayout& layout = layout_of(rows.bank.ffn);
    make_row_tasks(rows, layout, scratch);
    scratch.in.resize(rows.num_rows(), layout.depth);
    const Index count = rows.num_rows();
    context.for_each_block((count + kRowsPerGatherBlock - 1) / kRowsPerGatherBlock, [&](Index block) {
      for (Index r = block * kRowsPerGatherBlock; r < std::min(count, (block + 1) * kRowsPerGatherBlock);
           ++r) {
        const std::span<const float> from = rows.in.from.row(rows.in.token_of(r));
        const std::span<float> to = scratch.in.row(r);
        const float weight = rows.in.weight_of(r);
        const auto end =
            std::transform(from.begin(), from.end(), to.begin(), [weight](float x) { return weight * x; });
        std::fill(end, to.end(), 0.0F);
      }
    });
  }

  // Of a task.
  static Index most_rows(const ExpertRows& rows) {
    Index tasks = 0;
    for (std::size_t e = 0; e + 1 < rows.expert_begin.size(); ++e) {
      tasks += (rows.expert_begin[e + 1] - rows.expert_begin[e] + kRowsPerTask - 1) / kRowsPerTask;
    }
    const Index even = (rows.num_rows() + kFewestTasks - 1) / kFewestTasks;
    return tasks < kFewestTasks ? std::clamp(even, kFewestRowsPerTask, kRowsPerTask) : kRowsPerTask;
  }

  // Within an expert as equal as can be; experts with many rows first.
  static void make_row_tasks(const ExpertRows& rows, const PackedLayout& layout, OnednnScratch& scratch) {
    scratch.tasks.clear();
    const auto product = [&scratch](const ProductSize& size, const memory::desc& weights) {
      return &scratch.products.try_emplace(size, size, weights).first->second;
    };
    const Index most = most_rows(rows);
    for (Index e = 0; e < rows.bank.num_experts(); ++e) {
      const Index begin = rows.expert_begin[static_cast<std::size_t>(e)];
      const Index count = rows.expert_begin[static_cast<std::size_t>(e) + 1] - begin;
      if (rows.bank.kind[static_cast<std::size_t>(e)] != ExpertKind::ffn) {
        continue;
      }
      const Index pieces = (count + most - 1) / most;
      for (Index i = 0; i < pieces; ++i) {
        const Index first = count * i / pieces;
        const Index size = count * (i + 1) / pieces - first;
        scratch.tasks.push_back({e, begin + first, size,
                                 product({size, layout.depth, layout.width}, layout.up),
                                 product({size, layout.width, layout.depth}, layout.down)});
      }
    }
    std::stable_sort(scratch.tasks.begin(), scratch.tasks.end(),
                     [](const RowTask& a, const RowTask& b) { return a.rows > b.rows; });
  }

  void run_ffn(const ExpertRows& rows, ExecutorScratch& given, const Context& context) const override {
    const auto& scratch = static_cast<const OnednnScratch&>(given);
    const PackedLayout& layout = layout_of(rows.bank.ffn);
    MOESIM_CHECK(scratch.in.rows() == rows.num_rows() && scratch.in.cols() == layout.depth,
                 "rows that were not gathered");
    context.for_each_block(static_cast<Index>(scratch.tasks.size()), [&](Index i) {
      run_task(rows, layout, scratch.tasks[static_cast<std::size_t>(i)], scratch.in);
    });
  }

  static void run_task(const ExpertRows& rows, const PackedLayout& layout, const RowTask& task,
                       const Matrix& in) {
    thread_local ThreadScratch scratch;
    const OneThread one;
    const auto* up = reinterpret_cast<const float*>(rows.packed(task.expert));
    const float* x = in.row(task.first_row).data();
    const bool gated = is_gated(rows.bank.ffn.activation);
    scratch.up.resize(task.rows, layout.width);
    scratch.gate.resize(gated ? task.rows : 0, layout.width);
    (*task.up)(x, up, scratch.up.data(), scratch.product);
    if (gated) {
      (*task.up)(x, up + 2 * layout.matrix(), scratch.gate.data(), scratch.product);
    }
    const bool biases = rows.bank.ffn.biases;
    const float* bias = up + layout.biases_begin(gated);
    const auto add_bias = [&bias](RowMajor& to) {
      to.rowwise() += Eigen::Map<const Eigen::Array<float, 1, Eigen::Dynamic>>(bias, to.cols());
      bias += to.cols();
    };
    if (biases) {
      add_bias(scratch.up);
      if (gated) {
        add_bias(scratch.gate);
      }
    }
    activate(rows.bank.ffn.activation, scratch.up, scratch.gate);
    // Straight into the rows where they are as wide as the product.
    const bool whole = rows.out.cols == layout.depth;
    scratch.out.resize(whole ? 0 : task.rows, layout.depth);
    float* const out = rows.out.row(task.first_row).data();
    (*task.down)(scratch.up.data(), up + layout.matrix(), whole ? out : scratch.out.data(), scratch.product);
    Eigen::Map<RowMajor> result(out, task.rows, rows.out.cols);
    if (!whole) {
      result = scratch.out.leftCols(rows.out.cols);
    }
    if (biases) {
      result.rowwise() += Eigen::Map<const Eigen::Array<float, 1, Eigen::Dynamic>>(bias, rows.out.cols);
    }
    if (!rows.out_weight.empty()) {
      result.colwise() *=
          Eigen::Map<const Eigen::ArrayXf>(rows.out_weight.data() + task.first_row, task.rows);
    }
  }

  mutable std::mutex mutex_;
  mutable std::map<std::pair<Index, Index>, PackedLayout> layouts_;
};

#endif

}  // namespace

ExecutorEntry executor_onednn() {
  return {
      "onednn",
      "products of oneDNN's by packed weights, in parallel over experts, where it was built with oneDNN: a "
      "row's bits depend on how many rows its expert gets",
      [] { return fields_of<OnednnParams>().infos(); },
      [](Binder& binder, const Node* section, const std::string& path) -> std::unique_ptr<Executor> {
        OnednnParams params;
        bind_section(binder, section, path, params, kExecutorReserved);
#ifdef MOESIM_ONEDNN
        return std::make_unique<OnednnExecutor>();
#else
        binder.error(path + ".kind", "this build has no oneDNN", "an executor that was built", "not-built",
                     "install Debian's libdnnl-dev and build again, or write 'kind: tiled'");
        return nullptr;
#endif
      },
#ifdef MOESIM_ONEDNN
      {.built = true, .any_split = false}};
#else
      {.built = false, .any_split = false}};
#endif
}

}  // namespace moesim
