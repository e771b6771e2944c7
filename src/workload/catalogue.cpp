// The list of workloads. To add one: write its file, declare its entry in workload/variants.h, name it here.

#include <algorithm>

#include "workload/variants.h"

namespace moesim {

const Catalogue<WorkloadEntry>& workloads() {
  static const Catalogue<WorkloadEntry> list({workload_array(), workload_gaussian_clusters(),
                                              workload_synthetic_logits(), workload_text(),
                                              workload_zipf_topics()});
  return list;
}

std::string kinds_with_key(const std::string& key) {
  std::string kinds;
  for (const WorkloadEntry& entry : workloads().entries()) {
    const std::vector<FieldInfo> fields = entry.fields();
    const bool has_key =
        std::any_of(fields.begin(), fields.end(), [&](const FieldInfo& field) { return field.name == key; });
    if (has_key) {
      kinds += (kinds.empty() ? "" : ", ") + entry.name;
    }
  }
  return kinds.empty() ? "" : "'" + key + "' belongs to workload.kind: " + kinds;
}

}  // namespace moesim
