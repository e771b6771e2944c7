#include "io/recording_error.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/text.h"

namespace moesim {

void refuse_recording(const std::string& where, const RecordingProblem& problem) {
  throw Error(ErrorKind::bad_data,
              fmt::format("{}: error: {}; expected {} [{}]", where, problem.what, problem.expected,
                          problem.short_name),
              problem.help);
}

std::string quoted_word(std::string_view text) {
  constexpr std::size_t kMost = 40;
  return text.size() <= kMost ? fmt::format("'{}'", display_safe(text))
                              : fmt::format("'{}...'", display_safe(text.substr(0, kMost)));
}

}  // namespace moesim
