// The catalogue of controllers and what is said of a wrong section.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "controlling.h"
#include "core/error.h"

namespace moesim::testing {
namespace {

std::string errors_of(const std::string& section, Index num_experts = 4, Index top_k = 2) {
  const BuiltController built = build_controller("controller: " + section, num_experts, top_k);
  EXPECT_EQ(built.choice.controller, nullptr) << section;
  return built.errors();
}

TEST(Controllers, EachSaysWhereItIsFromAndInWhichUnit) {
  EXPECT_EQ(controllers().entries().size(), 10u);
  for (const ControllerEntry& entry : controllers().entries()) {
    EXPECT_FALSE(entry.summary.empty()) << entry.name;
    EXPECT_FALSE(entry.origin.empty()) << entry.name;
    EXPECT_FALSE(entry.unit.empty()) << entry.name;
    const std::vector<std::string> kinds = {"paper", "code", "paper and code", "secondary source"};
    EXPECT_NE(std::find(kinds.begin(), kinds.end(), entry.source_kind), kinds.end()) << entry.name;
  }
}

TEST(Controllers, AreTitledByTheirKindAndTheKeysGiven) {
  EXPECT_EQ(build_controller("controller: {kind: smebu}").choice.title, "smebu");
  EXPECT_EQ(build_controller("controller: {rate: 1e-2, kind: loss_free_sign}").choice.title,
            "loss_free_sign rate=1e-2");
}

TEST(Controllers, ResolveEveryKey) {
  const BuiltController built = build_controller("controller: {kind: loss_free_sign, rate: 0.01}");
  EXPECT_EQ(built.resolved("controller.kind"), "loss_free_sign from x.yaml:1:20");
  EXPECT_EQ(built.resolved("controller.rate"), "0.01 from x.yaml:1:42");
  EXPECT_EQ(built.resolved("controller.freeze_after"), "never from default");
}

TEST(Controllers, AnUnknownKindIsNamedWithTheNearest) {
  EXPECT_EQ(errors_of("{kind: loss_free_sing}"),
            "x.yaml:1:14: error: controller.kind: unknown controller 'loss_free_sing'; expected one of "
            "expert_threshold, id_balancing, longcat, loss_free_mul, loss_free_prop, loss_free_sign, "
            "loss_free_sign_centered, maxvio_servo, quantile_balancing, smebu [unknown-variant]\n"
            "  help: did you mean 'loss_free_sign'?");
}

TEST(Controllers, AKindIsMissing) {
  EXPECT_EQ(errors_of("{rate: 1}"),
            "x.yaml:1:1: error: controller: missing key 'kind'; expected one of expert_threshold, "
            "id_balancing, longcat, loss_free_mul, loss_free_prop, loss_free_sign, loss_free_sign_centered, "
            "maxvio_servo, quantile_balancing, smebu [missing-key]\n"
            "  help: write {kind: loss_free_sign}");
  EXPECT_EQ(errors_of("smebu"),
            "x.yaml:1:1: error: controller: got the text \"smebu\"; expected a section such as {kind: "
            "loss_free_sign} [wrong-type]");
}

TEST(Controllers, AKeyOfAnotherKindIsNamed) {
  EXPECT_EQ(errors_of("{kind: smebu, ema: 0.5}"),
            "x.yaml:1:27: error: controller.ema: unknown key; expected one of kappa, kind, momentum, rate "
            "[unknown-key]\n"
            "  help: 'ema' is a key of controller kind quantile_balancing");
}

TEST(Controllers, KeysOfAnotherMethodHaveNoEffect) {
  EXPECT_EQ(errors_of("{kind: quantile_balancing, bins: 100}"),
            "x.yaml:1:40: error: controller.bins: has no effect because method is not histogram [no-effect]");
  EXPECT_EQ(
      errors_of("{kind: quantile_balancing, ranks: 2}"),
      "x.yaml:1:40: error: controller.ranks: has no effect because method is not rank_average [no-effect]");
}

TEST(Controllers, NumbersThatDoNotFitEachOther) {
  EXPECT_EQ(
      errors_of("{kind: longcat, real_per_token: 3}"),
      "x.yaml:1:29: error: controller.real_per_token: got 3; expected at most 2, the experts of a token "
      "[bad-relation]\n"
      "  note: x.yaml:1:1: router.top_k is 2");
  EXPECT_EQ(errors_of("{kind: maxvio_servo, lowest: 0.5}"),
            "x.yaml:1:34: error: controller.lowest: got 0.5; expected at most highest, which is 0.1 "
            "[bad-relation]");
  EXPECT_EQ(errors_of("{kind: maxvio_servo, start: 0.5}"),
            "x.yaml:1:34: error: controller.start: got 0.5; expected a number from lowest to highest, 1e-6 "
            "to 0.1 [bad-relation]");
  EXPECT_EQ(errors_of("{kind: smebu, momentum: 1}"),
            "x.yaml:1:37: error: controller.momentum: got 1; expected a number from 0 to 0.999999 "
            "[out-of-range]");
}

TEST(Controllers, ARecordOfAnotherSizeIsOurMistake) {
  const auto sign = controller_of("{kind: loss_free_sign}");
  EXPECT_THROW(sign->next(sign->start(3, {}), loads_of({1, 1}).record()), Error);
  const auto quantile = controller_of("{kind: quantile_balancing}");
  EXPECT_THROW(quantile->next(quantile->start(2, {}), loads_of({2, 2}).record()), Error);
}

TEST(Controllers, OneExpertAndAllExpertsAreOrdinary) {
  for (const std::string& kind : controllers().names()) {
    const auto controller = controller_of("{kind: " + kind + "}");
    const Observed one = batch_of({{0.5F}}, 1);
    const ControllerState state = controller->next(controller->start(1, {}), one.record());
    for (const double bias : state.bias) {
      EXPECT_TRUE(bias == 0.0 || controller->traits().acts == Acts::multiplies) << kind << " " << bias;
    }
    const Observed all = batch_of({{0.5F, 0.25F}, {1, 0}}, 2);
    const ControllerState full = controller->next(controller->start(2, {}), all.record());
    EXPECT_TRUE(std::all_of(full.bias.begin(), full.bias.end(), [](double b) { return std::isfinite(b); }));
  }
}

}  // namespace
}  // namespace moesim::testing
