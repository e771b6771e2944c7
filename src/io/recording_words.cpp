#include "core/text.h"
#include "io/recording.h"
#include "io/recording_write.h"

namespace moesim {

std::string conditions_of(const RecordingInfo& info, const RecordingGroup& group) {
  std::string text;
  for (const std::string& column : info.columns) {
    const std::string value = group_value(group, column);
    if (!value.empty() && column != "num_experts" && column != "top_k") {
      text += (text.empty() ? "" : ",") + column + "=" + value;
    }
  }
  return display_safe(text);
}

}  // namespace moesim
