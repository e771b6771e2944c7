#pragma once
// Private to this room: the charts of one run. A chart without views has nothing to show.

#include "page/page.h"
#include "page/stored_loads.h"

namespace moesim {

Chart load_chart(const StoredPoint& point, const StoredLoads& loads);  // per expert, by id and sorted
Chart lorenz_chart(const StoredPoint& point, const StoredLoads& loads);
Chart layers_chart(const StoredLoads& loads);                              // layer × expert
Chart steps_chart(const StoredLoads& loads);                               // step × expert, first layer
Chart weights_chart(const StoredDetail& detail, const std::string& what);  // "weight" or "entropy"
Chart pairs_chart(const StoredPoint& point, const StoredDetail& detail);   // experts chosen together

Chart throughput_chart(const StoredPoint& point, const StoredDetail& detail);
Chart parameters_chart(const StoredPoint& point);
Chart stages_chart(const StoredPoint& point);
Chart timeline_chart(const StoredDetail& detail);

TokenText token_text(const StoredPoint& point, const StoredDetail& detail);

}  // namespace moesim
