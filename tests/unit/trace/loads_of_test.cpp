#include "trace/loads_of.h"

#include <gtest/gtest.h>

#include "support/temp_folder.h"

namespace moesim {
namespace {

std::vector<MeasuredLoads> loads_in(const std::string& csv, const std::string& source = "") {
  const TempFolder folder;
  const Context context({.threads = 1});
  return loads_of(summarise(*open_recording(folder.write("r.csv", csv), {}), {}, context), source);
}

TEST(LoadsOf, CountsGiveSharesAndNoPersistence) {
  const auto loads = loads_in(
      "model,domain,num_experts,top_k,layer,expert,count\nA 1,Web,4,2,7,0,6\nA 1,Web,4,2,7,2,3\nA "
      "1,Web,4,2,7,3,3\n",
      "somewhere @ 1234");
  ASSERT_EQ(loads.size(), 1U);
  EXPECT_EQ(loads[0].name, "a-1/web/7");
  EXPECT_EQ(loads[0].source, "somewhere @ 1234");
  EXPECT_EQ(loads[0].top_k, 2);
  EXPECT_EQ(loads[0].tokens, 6);
  EXPECT_EQ(loads[0].shares, (std::vector<double>{0.5, 0.0, 0.25, 0.25}));
  EXPECT_EQ(loads[0].persistence, MeasuredLoads::kUnknown);
}

TEST(LoadsOf, TokensThatRepeatPersist) {
  std::string csv = "step,layer,token,text,expert,weight,kept\n";
  for (int t = 0; t < 64; ++t) {
    csv += "0,0," + std::to_string(t) + ",," + std::to_string(t / 16) + ",1,1\n";
  }
  const auto loads = loads_in(csv);
  ASSERT_EQ(loads.size(), 1U);
  EXPECT_EQ(loads[0].name, "all/all/0");
  EXPECT_GT(loads[0].persistence, 0.9);
  EXPECT_EQ(loads[0].shares, std::vector<double>(4, 0.25));
}

}  // namespace
}  // namespace moesim
