#pragma once
// Private to this room: the entries that engine/logit_stream.cpp lists.

#include "engine/logit_stream.h"

namespace moesim {

LogitStreamEntry logit_stream_drifting();
LogitStreamEntry logit_stream_replayed();
LogitStreamEntry logit_stream_stationary();
LogitStreamEntry logit_stream_workload();

constexpr const char* kLogitStreamPath = "balance.stream";

// For an unknown key: which kinds have it; "" when none has.
std::string logit_streams_with_key(const std::string& key);

struct LogitStreamBinding {
  Binder& binder;
  const Node& section;
  const LogitStreamScene& scene;

  // False when there were problems, or there is no workload.
  template <class Params>
  bool read(Params& params) const {
    const std::size_t problems = binder.diagnostics.list().size();
    bind_section(binder, &section, kLogitStreamPath, params, {"kind"}, logit_streams_with_key);
    return binder.diagnostics.list().size() == problems && scene.workload != nullptr;
  }
};

}  // namespace moesim
