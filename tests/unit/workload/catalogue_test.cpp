#include <gmock/gmock.h>

#include "unit/workload/making.h"
#include "workload/variants.h"

namespace moesim {
namespace {

TEST(Workloads, AreTheseFive) {
  EXPECT_THAT(workloads().names(),
              testing::ElementsAre("array", "gaussian_clusters", "synthetic_logits", "text", "zipf_topics"));
}

TEST(Workloads, AreDescribedCompletely) {
  for (const WorkloadEntry& entry : workloads().entries()) {
    SCOPED_TRACE(entry.name);
    EXPECT_FALSE(entry.summary.empty());
    EXPECT_FALSE(entry.origin.empty());
    const std::vector<FieldInfo> fields = entry.fields();
    ASSERT_GE(fields.size(), 3U);
    EXPECT_EQ(fields[0].name, "tokens");
    EXPECT_EQ(fields[0].default_text, "2048");
    EXPECT_EQ(fields[1].name, "steps");
    EXPECT_EQ(fields[1].default_text, "8");
    for (const FieldInfo& field : fields) {
      EXPECT_FALSE(field.doc.empty()) << field.name;
      EXPECT_FALSE(field.expected.empty()) << field.name;
      EXPECT_EQ(field.required, field.default_text.empty()) << field.name;
    }
  }
}

TEST(Workloads, KnowWhichKindAKeyBelongsTo) {
  EXPECT_EQ(kinds_with_key("clusters"), "'clusters' belongs to workload.kind: gaussian_clusters");
  EXPECT_EQ(kinds_with_key("zipf"),
            "'zipf' belongs to workload.kind: gaussian_clusters, synthetic_logits, zipf_topics");
  EXPECT_EQ(kinds_with_key("nonsense"), "");
}

}  // namespace
}  // namespace moesim
