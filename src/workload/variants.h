#pragma once
// Private to this room: the entries that workload/catalogue.cpp lists.

#include <string>

#include "workload/workload.h"

namespace moesim {

WorkloadEntry workload_array();
WorkloadEntry workload_gaussian_clusters();
WorkloadEntry workload_synthetic_logits();
WorkloadEntry workload_text();
WorkloadEntry workload_zipf_topics();

// Help for a key that the section's kind does not have: which kinds do, or "" when none has it.
std::string kinds_with_key(const std::string& key);

}  // namespace moesim
