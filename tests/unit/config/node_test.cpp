#include "config/node.h"

#include <gtest/gtest.h>

namespace moesim {
namespace {

TEST(Location, FilePositionPrintsLineAndColumn) {
  EXPECT_EQ((Location{"a.yaml", 3, 7}.text()), "a.yaml:3:7");
}

TEST(Location, OtherOriginsPrintTheirSourceAlone) {
  EXPECT_EQ((Location{"--set router.top_k=4", 0, 0}.text()), "--set router.top_k=4");
  EXPECT_EQ(Location{}.text(), "");
}

TEST(Node, FindsKeysOfMaps) {
  Node map;
  map.kind = Node::Kind::map;
  Node value;
  value.kind = Node::Kind::scalar;
  value.text = "1";
  map.entries.push_back({"a", {"f", 1, 1}, value});
  ASSERT_NE(map.child("a"), nullptr);
  EXPECT_EQ(map.child("a")->text, "1");
  EXPECT_EQ(map.child("b"), nullptr);
  map.find("a")->value.text = "2";
  EXPECT_EQ(static_cast<const Node&>(map).find("a")->value.text, "2");
  EXPECT_EQ(map.child("a")->child("x"), nullptr);
}

}  // namespace
}  // namespace moesim
