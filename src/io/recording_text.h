#pragma once
// Writing recorded routing as text: choices as CSV or JSON Lines, counts as CSV (docs/formats.md).

#include <memory>
#include <string>

#include "io/recording_write.h"

namespace moesim {

enum class RoutingText { csv, json_lines };

std::unique_ptr<RecordingWriter> write_routing_text(const std::string& path, const RecordingInfo& info,
                                                    RoutingText form);
std::unique_ptr<RecordingWriter> write_counts_csv(const std::string& path, const RecordingInfo& info);

}  // namespace moesim
