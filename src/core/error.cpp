#include "core/error.h"

#include <fmt/format.h>

#include <string_view>

namespace moesim {

void throw_internal(const char* file, int line, const std::string& message) {
  const std::string_view path(file);
  const std::size_t src = path.rfind("src/");
  throw Error(ErrorKind::internal,
              fmt::format("error: {} ({}:{}) [internal]", message,
                          src == std::string_view::npos ? path : path.substr(src), line),
              "this is a mistake in moesim, not in your input; please report it with the command you typed");
}

}  // namespace moesim
