#include "store/limits_cache.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "core/error.h"
#include "core/text.h"
#include "io/files.h"
#include "io/row_format.h"

namespace moesim {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 20;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::string limits_cache_path() {
  // A path that is not absolute is to be ignored (XDG Base Directory Specification, version 0.8).
  const std::filesystem::path cache = environment("XDG_CACHE_HOME");
  if (cache.is_absolute()) {
    return (cache / "moesim" / "limits.json").string();
  }
  const std::filesystem::path home = environment("HOME");
  return home.is_absolute() ? (home / ".cache" / "moesim" / "limits.json").string() : "";
}

CachedLimits read_cached_limits(const std::string& path, const LimitsKey& key) {
  std::error_code ignored;
  if (path.empty() || !std::filesystem::exists(path, ignored)) {
    return {};
  }
  const auto problem = [&path](const std::string& what) {
    return CachedLimits{std::nullopt, fmt::format("{}: {}", display_safe(path), what)};
  };
  try {
    const std::optional<MachineLimits> limits = limits_from(parse_row(read_file(path, kMostBytes), path));
    if (!limits) {
      return problem("damaged, or not limits of this program");
    }
    if (limits->processor != key.processor || limits->instructions != key.instructions) {
      return problem("measured on another processor or instruction set");
    }
    if (limits->version != key.version) {
      return problem("measured by another version of this program");
    }
    if (limits->threads != key.threads) {
      return problem(fmt::format("measured with {} threads, not {}", limits->threads, key.threads));
    }
    return {limits, ""};
  } catch (const std::exception&) {
    return problem("damaged, or not limits of this program");
  }
}

void write_cached_limits(const std::string& path, const MachineLimits& limits) {
  if (path.empty()) {
    throw Error(
        ErrorKind::cannot_create,
        "the limits' file: error: neither XDG_CACHE_HOME nor HOME says where; expected an absolute path "
        "in one of them [cannot-create]");
  }
  std::error_code failed;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), failed);
  write_file_atomically(path, render_row(flatten(limits), Format::json));
}

}  // namespace moesim
