#include <gtest/gtest.h>

#include <set>

#include "building.h"

namespace moesim::testing {
namespace {

using Ids = std::vector<std::int32_t>;

TEST(Hash, ModuloTakesTheIdAndItsNeighbours) {
  Scene scene = random_scene(3, 5, 1);
  scene.batch.token_id = {3, 4294967295U, 7};
  const Assignments got = scene.route(*router_of("{kind: hash, method: modulo, top_k: 3}", 5));
  EXPECT_EQ(choices_of(got, 0).expert, (Ids{3, 4, 0}));
  EXPECT_EQ(choices_of(got, 1).expert, (Ids{0, 1, 2}));
  EXPECT_EQ(choices_of(got, 2).expert, (Ids{2, 3, 4}));
  EXPECT_EQ(choices_of(got, 0).weight, std::vector<float>(3, 1.0F / 3.0F));
}

TEST(Hash, OneExpertIsUnweighted) {
  const Assignments got = random_scene(9, 5, 1).route(*router_of("{kind: hash}", 5));
  EXPECT_EQ(got.weight, std::vector<float>(9, 1.0F));
}

TEST(Hash, TheSameIdAlwaysGoesToTheSameExperts) {
  for (const char* section : {"{kind: hash, top_k: 2}", "{kind: hash, top_k: 2, method: modulo}"}) {
    const Scene scene = random_scene(300, 16, 1);
    const Assignments got = scene.route(*router_of(section, 16));
    std::vector<Ids> of_id(50);
    for (Index t = 0; t < 300; ++t) {
      Ids& known = of_id[scene.batch.token_id[static_cast<std::size_t>(t)]];
      const Ids now = choices_of(got, t).expert;
      EXPECT_TRUE(known.empty() || known == now) << section;
      known = now;
    }
  }
}

TEST(Hash, LogitsDoNotMatter) {
  const auto router = router_of("{kind: hash}", 16);
  Scene scene = random_scene(40, 16, 1);
  const Assignments with = scene.route(*router);
  scene.logits.resize(0, 0);
  EXPECT_EQ(scene.route(*router).expert, with.expert);
}

TEST(Hash, TheRandomMapIsOfItsSeedAndLayer) {
  const auto router = router_of("{kind: hash}", 16);
  Scene scene = random_scene(200, 16, 1);
  std::set<std::vector<std::int32_t>> maps = {scene.route(*router).expert};
  scene.layer = 1;
  maps.insert(scene.route(*router).expert);
  scene.seed = 8;
  maps.insert(scene.route(*router).expert);
  EXPECT_EQ(maps.size(), 3u);
}

TEST(Hash, TheRandomMapSpreadsIdsEvenly) {
  Scene scene = random_scene(16000, 16, 1);
  for (std::size_t t = 0; t < 16000; ++t) {
    scene.batch.token_id[t] = static_cast<std::uint32_t>(t);
  }
  std::vector<int> load(16);
  for (const std::int32_t e : scene.route(*router_of("{kind: hash}", 16)).expert) {
    ++load[static_cast<std::size_t>(e)];
  }
  double chi_square = 0;
  for (const int n : load) {
    chi_square += (n - 1000.0) * (n - 1000.0) / 1000.0;
  }
  EXPECT_LT(chi_square, 44.3);  // 15 degrees of freedom, 1 in 10,000
}

TEST(Hash, RefusesMoreExpertsThanThereAre) {
  EXPECT_EQ(build("router: {kind: hash, top_k: 9}", 8).errors(),
            "x.yaml:1:22: error: router.top_k: got 9; expected a whole number from 1 to 8 [out-of-range]\n"
            "  note: x.yaml:1:1: layer.num_experts is 8 (the default)");
  EXPECT_EQ(build("router: {kind: hash, method: md5}", 8).errors(),
            "x.yaml:1:30: error: router.method: unknown choice 'md5'; expected one of modulo, random "
            "[unknown-choice]");
}

}  // namespace
}  // namespace moesim::testing
