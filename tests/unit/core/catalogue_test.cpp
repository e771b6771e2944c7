#include "core/catalogue.h"

#include <gtest/gtest.h>

namespace moesim {
namespace {

struct Fruit {
  std::string name;
  int weight = 0;
};

TEST(Catalogue, IsSortedByName) {
  const Catalogue<Fruit> fruits({{"pear", 2}, {"apple", 1}, {"plum", 3}});
  EXPECT_EQ(fruits.names(), (std::vector<std::string>{"apple", "pear", "plum"}));
  EXPECT_EQ(fruits.entries().front().weight, 1);
}

TEST(Catalogue, FindsByExactName) {
  const Catalogue<Fruit> fruits({{"pear", 2}, {"apple", 1}});
  ASSERT_NE(fruits.find("pear"), nullptr);
  EXPECT_EQ(fruits.find("pear")->weight, 2);
  EXPECT_EQ(fruits.find("Pear"), nullptr);
  EXPECT_EQ(fruits.find("pea"), nullptr);
  EXPECT_EQ(fruits.find(""), nullptr);
}

TEST(Catalogue, RefusesTwoVariantsOfOneName) {
  try {
    Catalogue<Fruit>({{"pear", 2}, {"apple", 1}, {"pear", 3}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::internal);
    EXPECT_EQ(std::string(error.what()).find("error: two variants are called pear (src/core/catalogue.h:"),
              0u);
  }
}

TEST(Catalogue, MayBeEmpty) {
  EXPECT_TRUE(Catalogue<Fruit>({}).names().empty());
}

}  // namespace
}  // namespace moesim
