// What the first bytes of an .npy file promise, compared with the length of the file (NumPy's
// numpy/lib/format.py, NEP 1): six bytes of signature, two of version, the length of the header (two bytes in
// version 1, four in 2 and 3, little-endian), the header, the data.
#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/text.h"
#include "io/npy.h"
#include "io/npy_dictionary.h"

namespace moesim {
namespace {

constexpr std::string_view kSignature = "\x93NUMPY";
constexpr std::uint64_t kLongestHeader = 64 * 1024;
// Of an array without rows, whose length proves nothing about its width.
constexpr std::uint64_t kMostEmptyColumns = 1 << 20;

struct Foreign {
  std::string_view start;
  const char* what;
  const char* help;
};

constexpr const char* kNoPickle =
    "a pickle can run code when it is opened, so it is never read; save as float32 with "
    "np.save(\"array.npy\", a.astype(\"<f4\"))";
constexpr const char* kUnpack = "unpack it first and name the .npy file inside";
constexpr Foreign kForeign[] = {
    {"PK", "this is a zip archive, as .npz and .pt files are",
     "unzip first: `unzip arrays.npz` writes one .npy file per array; name one of them"},
    {"\x80\x02", "this is a Python pickle", kNoPickle},
    {"\x80\x03", "this is a Python pickle", kNoPickle},
    {"\x80\x04", "this is a Python pickle", kNoPickle},
    {"\x80\x05", "this is a Python pickle", kNoPickle},
    {"\x1f\x8b", "this is compressed with gzip", kUnpack},
    {"\x28\xb5\x2f\xfd", "this is compressed with zstd", kUnpack},
    {"\x89HDF", "this is an HDF5 file", kSaveAsFloat32},
    {"GGUF", "this is a GGUF file", kSaveAsFloat32},
};

struct ElementName {
  std::string_view descr;
  NpyElement element;
};
constexpr ElementName kElements[] = {{"<f4", NpyElement::float32}, {"<f8", NpyElement::float64},
                                     {"|i1", NpyElement::int8},    {"<i2", NpyElement::int16},
                                     {"<i4", NpyElement::int32},   {"<i8", NpyElement::int64},
                                     {"|u1", NpyElement::uint8},   {"<u2", NpyElement::uint16},
                                     {"<u4", NpyElement::uint32},  {"<u8", NpyElement::uint64}};
constexpr const char* kSaveAsInt32 = "save as int32 with np.save(\"array.npy\", a.astype(\"<i4\"))";
// Logits alone are given as floats where choices or counts are expected.
constexpr const char* kMaybeLogits =
    "router logits [tokens, experts] or [layers, tokens, experts] are read with --router PRESET; whole "
    "numbers "
    "kept as floats: np.save(\"array.npy\", a.astype(\"<i4\"))";

const char* kind_of(std::string_view descr) {
  const auto has = [descr](std::string_view letters) {
    return descr.find_first_of(letters) != std::string_view::npos;
  };
  return has("O")                           ? "Python objects, which are pickles and never read"
         : has(">")                         ? "numbers with the largest byte first"
         : has("iu")                        ? "whole numbers"
         : descr == "<f4" || descr == "<f8" ? "floating-point numbers"
         : has("c")                         ? "complex numbers"
         : has("b")                         ? "true or false"
         : has("USa")                       ? "text"
         : has("mM")                        ? "times"
         : has("V")                         ? "bytes without a type"
                                            : "another type";
}

class HeaderReader {
 public:
  HeaderReader(std::string_view bytes, std::uint64_t file_size, const std::string& name, NpyAccepts accepts)
      : bytes_(bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), file_size)))),
        file_size_(file_size),
        name_(name),
        accepts_(accepts) {}

  NpyHeader read() const {
    check_signature();
    const std::uint64_t length_bytes = check_version() == 1 ? 2 : 4;
    const std::uint64_t start = 8 + length_bytes;
    require(start, "the length of the header");
    std::uint64_t length = 0;
    for (std::uint64_t i = 0; i < length_bytes; ++i) {
      length |= static_cast<std::uint64_t>(byte(8 + i)) << (8 * i);
    }
    if (length > kLongestHeader) {
      refuse({.at = 8,
              .what = fmt::format("the header calls itself {} bytes long", length),
              .expected = fmt::format("at most {}", kLongestHeader)});
    }
    require(start + length, fmt::format("a header of {} bytes", length).c_str());
    return interpret(parse_npy_dictionary(bytes_.substr(start, length), start, name_), start + length);
  }

 private:
  [[noreturn]] void refuse(const NpyProblem& problem) const { refuse_npy(name_, problem); }
  bool takes_floats() const { return accepts_ == NpyAccepts::floats || accepts_ == NpyAccepts::float_stacks; }
  const char* element_to_save() const { return takes_floats() ? "<f4" : "<i4"; }
  unsigned byte(std::uint64_t at) const { return static_cast<unsigned char>(bytes_[at]); }

  void require(std::uint64_t count, const char* what) const {
    if (bytes_.size() < count) {
      refuse({.at = bytes_.size(), .what = "the file ends", .expected = what});
    }
  }

  void check_signature() const {
    for (const Foreign& foreign : kForeign) {
      if (bytes_.substr(0, foreign.start.size()) == foreign.start) {
        refuse({.at = 0,
                .what = foreign.what,
                .expected = "one array in a .npy file",
                .short_name = "npy-unsupported",
                .help = foreign.help});
      }
    }
    const auto [ours, theirs] =
        std::mismatch(kSignature.begin(), kSignature.end(), bytes_.begin(), bytes_.end());
    const auto same = static_cast<std::uint64_t>(ours - kSignature.begin());
    if (theirs == bytes_.end() && same < kSignature.size()) {
      refuse({.at = same,
              .what = bytes_.empty() ? "the file is empty" : "the file ends",
              .expected = "the signature of a .npy file, \\x93NUMPY"});
    }
    if (same < kSignature.size()) {
      refuse({.at = same,
              .what = fmt::format("found '{}'", display_safe(bytes_.substr(same, 1))),
              .expected = "the signature of a .npy file, \\x93NUMPY",
              .help = takes_floats() ? kSaveAsFloat32 : kSaveAsInt32});
    }
  }

  unsigned check_version() const {
    require(8, "the version of the format");
    if (byte(6) < 1 || byte(6) > 3 || byte(7) != 0) {
      refuse({.at = 6,
              .what = fmt::format("version {}.{} of the format", byte(6), byte(7)),
              .expected = "1.0, 2.0 or 3.0",
              .short_name = "npy-unsupported"});
    }
    return byte(6);
  }

  NpyHeader interpret(const NpyDictionary& dictionary, std::uint64_t data_offset) const {
    NpyHeader header{.data_offset = data_offset};
    header.element = check_type(dictionary);
    check_shape(dictionary);
    const std::vector<std::uint64_t>& shape = dictionary.shape;
    header.dimensions = static_cast<int>(shape.size());
    header.blocks = shape.size() == 3 ? static_cast<Index>(shape[0]) : 1;
    header.rows = shape.size() == 3 ? rows_of_blocks(dictionary, data_offset) : static_cast<Index>(shape[0]);
    header.cols = shape.size() >= 2 ? static_cast<Index>(shape.back()) : 1;
    check_length(dictionary, header);
    return header;
  }

  NpyElement check_type(const NpyDictionary& dictionary) const {
    const std::string_view descr = dictionary.descr;
    const bool floats = takes_floats();
    for (const ElementName& name : kElements) {
      const bool is_float = name.element == NpyElement::float32 || name.element == NpyElement::float64;
      if (name.descr == descr && is_float == floats) {
        return name.element;
      }
    }
    const bool recording = accepts_ == NpyAccepts::recordings;
    refuse({.at = dictionary.descr_at,
            .what = fmt::format("descr is '{}' ({})", display_safe(descr), kind_of(descr)),
            .expected = floats ? "'<f4' or '<f8'" : "whole numbers such as '<i4' or '<i8'",
            .short_name = "npy-unsupported",
            .help = floats                              ? kSaveAsFloat32
                    : recording && descr.find('f') == 1 ? kMaybeLogits
                                                        : kSaveAsInt32});
  }

  void check_shape(const NpyDictionary& dictionary) const {
    const std::vector<std::uint64_t>& shape = dictionary.shape;
    const bool whole = accepts_ == NpyAccepts::recordings;
    const bool three = whole || accepts_ == NpyAccepts::float_stacks;
    if (shape.size() < (three ? 2U : 1U) || shape.size() > (three ? 3U : 2U)) {
      refuse({.at = dictionary.shape_at,
              .what = fmt::format("the array has {} dimensions", shape.size()),
              .expected = whole   ? "2 or 3: [layers, experts], [steps, layers, experts], [tokens, layers, k]"
                          : three ? "2 or 3: [tokens, experts], [layers, tokens, experts]"
                                  : "1 or 2: rows, or rows and columns",
              .short_name = "npy-unsupported",
              .help = fmt::format("np.save(\"array.npy\", a.reshape({}).astype(\"{}\"))",
                                  shape.size() > 3 && three ? "-1, *a.shape[-2:]"
                                  : shape.size() > 2        ? "-1, a.shape[-1]"
                                  : three                   ? "1, -1"
                                                            : "1",
                                  element_to_save())});
    }
    const auto long_axes = std::count_if(shape.begin(), shape.end(), [](std::uint64_t n) { return n > 1; });
    if (dictionary.fortran_order && long_axes > 1) {
      refuse({.at = dictionary.fortran_order_at,
              .what = "fortran_order is True: the file holds column after column",
              .expected = "row after row (False)",
              .short_name = "npy-unsupported",
              .help = fmt::format("np.save(\"array.npy\", np.ascontiguousarray(a, dtype=\"{}\"))",
                                  element_to_save())});
    }
  }

  // The product of the first two of three dimensions, which is compared with the length of the file first.
  Index rows_of_blocks(const NpyDictionary& dictionary, std::uint64_t data_offset) const {
    const std::vector<std::uint64_t>& shape = dictionary.shape;
    const std::uint64_t present = file_size_ - data_offset;
    if (shape[1] == 0 || shape[2] == 0 || shape[0] > present / shape[1]) {
      refuse({.at = data_offset,
              .what = fmt::format("{} bytes of data follow", present),
              .expected = fmt::format("{} x {} x {} numbers, none of them 0", shape[0], shape[1], shape[2]),
              .short_name = "npy-length"});
    }
    return static_cast<Index>(shape[0] * shape[1]);
  }

  // No product is formed before the counts are known to fit the file.
  void check_length(const NpyDictionary& dictionary, const NpyHeader& header) const {
    const std::uint64_t item = element_bytes(header.element);
    const auto rows = static_cast<std::uint64_t>(header.rows);
    const auto cols = static_cast<std::uint64_t>(header.cols);
    if (cols == 0 || (rows == 0 && cols > kMostEmptyColumns)) {
      refuse({.at = dictionary.shape_at,
              .what = fmt::format("an empty array of {} rows and {} columns", rows, cols),
              .expected = "at least one column, and at most 1048576 where there are no rows",
              .short_name = "npy-unsupported"});
    }
    const std::uint64_t present = file_size_ - header.data_offset;
    const bool too_short = rows > 0 && cols > present / item / rows;
    if (too_short || rows * cols * item != present) {
      refuse({.at = header.data_offset,
              .what = fmt::format("{} bytes of data follow", present),
              .expected = fmt::format("{} x {} numbers of {} bytes{}", rows, cols, item,
                                      too_short ? "" : " and then the end of the file"),
              .short_name = "npy-length"});
    }
  }

  std::string_view bytes_;
  std::uint64_t file_size_;
  const std::string& name_;
  NpyAccepts accepts_;
};

}  // namespace

std::uint64_t element_bytes(NpyElement element) {
  switch (element) {
    case NpyElement::int8:
    case NpyElement::uint8:
      return 1;
    case NpyElement::int16:
    case NpyElement::uint16:
      return 2;
    case NpyElement::float32:
    case NpyElement::int32:
    case NpyElement::uint32:
      return 4;
    case NpyElement::float64:
    case NpyElement::int64:
    case NpyElement::uint64:
      return 8;
  }
  throw_internal(__FILE__, __LINE__, "an unknown element");
}

NpyHeader parse_npy_header(std::string_view bytes, std::uint64_t file_size, const std::string& name,
                           NpyAccepts accepts) {
  return HeaderReader(bytes, file_size, name, accepts).read();
}

}  // namespace moesim
