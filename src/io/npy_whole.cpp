// Tables of whole numbers in .npy files: token ids, expert ids.
#include <fmt/format.h>

#include <cstring>
#include <limits>

#include "core/error.h"
#include "io/descriptor.h"
#include "io/files.h"
#include "io/npy.h"

namespace moesim {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 30;

template <class Element>
void widen(std::string_view payload, std::vector<std::int64_t>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    Element element;
    std::memcpy(&element, payload.data() + i * sizeof element, sizeof element);
    // A uint64 beyond the largest int64 comes out negative: the caller refuses it.
    values[i] = static_cast<std::int64_t>(+element);  // as an int first: a char is no number to lint
  }
}

void widen_all(NpyElement element, std::string_view payload, std::vector<std::int64_t>& values) {
  switch (element) {
    case NpyElement::int8:
      return widen<std::int8_t>(payload, values);
    case NpyElement::int16:
      return widen<std::int16_t>(payload, values);
    case NpyElement::int32:
      return widen<std::int32_t>(payload, values);
    case NpyElement::int64:
      return widen<std::int64_t>(payload, values);
    case NpyElement::uint8:
      return widen<std::uint8_t>(payload, values);
    case NpyElement::uint16:
      return widen<std::uint16_t>(payload, values);
    case NpyElement::uint32:
      return widen<std::uint32_t>(payload, values);
    case NpyElement::uint64:
      return widen<std::uint64_t>(payload, values);
    case NpyElement::float32:
    case NpyElement::float64:
      throw_internal(__FILE__, __LINE__, "floats where whole numbers were asked for");
  }
}

void check_uint64(const std::string& path, const WholeTable& table) {
  for (std::size_t i = 0; i < table.values.size(); ++i) {
    if (table.values[i] < 0) {
      const auto cols = static_cast<std::size_t>(table.cols);
      throw Error(
          ErrorKind::bad_data,
          fmt::format("{}: error: row {}, column {} (from 0): the value is {}; expected at most {} "
                      "[out-of-range]",
                      shown_path(path), i / cols, i % cols, static_cast<std::uint64_t>(table.values[i]),
                      std::numeric_limits<std::int64_t>::max()));
    }
  }
}

}  // namespace

WholeTable read_npy_whole(const std::string& path) {
  const std::string bytes = read_file(path, kMostBytes);
  const NpyHeader header = parse_npy_header(bytes, bytes.size(), path, NpyAccepts::whole_numbers);
  WholeTable table{.rows = header.rows, .cols = header.cols, .values = {}};
  table.values.resize(static_cast<std::size_t>(header.rows * header.cols));
  widen_all(header.element, std::string_view(bytes).substr(header.data_offset), table.values);
  if (header.element == NpyElement::uint64) {
    check_uint64(path, table);
  }
  return table;
}

}  // namespace moesim
