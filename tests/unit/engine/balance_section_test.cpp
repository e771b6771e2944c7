// What the section `balance` says and refuses.

#include <gtest/gtest.h>

#include "core/error.h"
#include "engine/experiment.h"
#include "io/npy.h"
#include "support/temp_folder.h"

namespace moesim {
namespace {

const std::string kConfig =
    "layer: {d_model: 8, num_experts: 8}\n"
    "workload: {kind: gaussian_clusters, tokens: 64}\n"
    "router: {kind: token_choice, score_func: sigmoid}\n"
    "balance: ";

std::string errors_of(const std::string& section, Purpose purpose,
                      const std::vector<std::string>& overrides = {}) {
  const TempFolder folder;
  const std::string path = folder.write("c.yaml", kConfig + section + "\n");
  try {
    load_experiment(path, overrides, {.purpose = purpose});
  } catch (const ConfigError& error) {
    std::string message = error.what();
    const std::string prefix = path.substr(0, path.size() - 6);
    for (std::size_t at = message.find(prefix); at != std::string::npos; at = message.find(prefix)) {
      message.erase(at, prefix.size());
    }
    return message.substr(0, message.find("\n1 error"));
  }
  return "no error";
}

TEST(BalanceSection, OneControllerServesRunsAndLoops) {
  for (const Purpose purpose : {Purpose::run, Purpose::closed_loop, Purpose::check}) {
    EXPECT_EQ(errors_of("{controller: {kind: smebu}}", purpose), "no error");
  }
  const std::string loop =
      "{steps: 10, stream: {kind: drifting}, controllers: [{kind: smebu}, {kind: longcat}]}";
  EXPECT_EQ(errors_of(loop, Purpose::closed_loop), "no error");
  EXPECT_EQ(errors_of(loop, Purpose::check), "no error");
  EXPECT_EQ(errors_of("~", Purpose::run), "no error");
}

TEST(BalanceSection, KeysOfTheClosedLoopHaveNoEffectInARun) {
  EXPECT_EQ(errors_of("{controllers: [{kind: smebu}]}", Purpose::run),
            "c.yaml:4:11: error: balance.controllers: has no effect because a run applies one "
            "balance.controller to its own steps [no-effect]\n"
            "  help: moesim balance compares controllers on a stream of logits");
  EXPECT_EQ(
      errors_of("{controller: {kind: smebu}, stream: {kind: stationary}}", Purpose::run),
      "c.yaml:4:38: error: balance.stream: has no effect because a run applies one balance.controller to "
      "its own steps [no-effect]\n"
      "  help: moesim balance compares controllers on a stream of logits");
  EXPECT_NE(
      errors_of("{controller: {kind: smebu}, steps: 4}", Purpose::run).find("balance.steps: has no effect"),
      std::string::npos);
}

TEST(BalanceSection, StepsOfARunHaveNoEffectInALoop) {
  EXPECT_EQ(
      errors_of("{controller: {kind: smebu}}", Purpose::closed_loop, {"workload.steps=4"}),
      "--set workload.steps=4: error: workload.steps: has no effect because moesim balance counts its own "
      "steps [no-effect]\n  help: --set balance.steps=N");
  EXPECT_EQ(errors_of("{controller: {kind: smebu}}", Purpose::run, {"workload.steps=4"}), "no error");
  EXPECT_EQ(errors_of("{controller: {kind: smebu}}\nmeasure: {budget_s: 1}", Purpose::closed_loop),
            "no error");
}

TEST(BalanceSection, ControllerAndControllersAreOneTooMany) {
  EXPECT_EQ(errors_of("{controller: {kind: smebu}, controllers: [{kind: smebu}]}", Purpose::check),
            "c.yaml:4:38: error: balance.controllers: given beside balance.controller; expected one of them "
            "[bad-relation]\n"
            "  help: a run applies balance.controller; balance.controllers are compared\n"
            "  note: c.yaml:4:11: balance.controller is given here");
  EXPECT_EQ(errors_of("{controllers: {kind: smebu}}", Purpose::check),
            "c.yaml:4:11: error: balance.controllers: got a map; expected a list such as [{kind: "
            "loss_free_sign}, {kind: smebu}] [wrong-type]");
  EXPECT_EQ(errors_of("{controllers: []}", Purpose::check),
            "c.yaml:4:11: error: balance.controllers: got a list; expected a list such as [{kind: "
            "loss_free_sign}, {kind: smebu}] [wrong-type]");
}

TEST(BalanceSection, ErrorsInAListAreAtTheirPlace) {
  EXPECT_EQ(
      errors_of("{controllers: [{kind: smebu}, {kind: smebu, rat: 1}]}", Purpose::check),
      "c.yaml:4:54: error: balance.controllers[1].rat: unknown key; expected one of kappa, kind, momentum, "
      "rate [unknown-key]\n"
      "  help: did you mean 'rate'?");
  EXPECT_EQ(errors_of("{controllers: [{kind: smebu, rate: -1}]}", Purpose::check),
            "c.yaml:4:45: error: balance.controllers[0].rate: got -1; expected a number from 0 to 1000 "
            "[out-of-range]");
  EXPECT_EQ(errors_of("{controllers: [smebu]}", Purpose::check),
            "c.yaml:4:11: error: balance.controllers[0]: got the text \"smebu\"; expected a section such as "
            "{kind: loss_free_sign} [wrong-type]");
}

TEST(BalanceSection, ARouterWithoutABiasCannotBeSteered) {
  for (const char* router :
       {"router={kind: hash}", "router={kind: random}", "router={kind: expert_choice}"}) {
    EXPECT_EQ(
        errors_of("{controller: {kind: smebu}}", Purpose::run, {router}),
        "c.yaml:4:11: error: balance.controller: has no effect because this router takes no selection bias "
        "[no-effect]");
  }
}

TEST(BalanceSection, ControllersThatDoNotFitTheRouter) {
  const std::vector<std::string> groups = {"router.num_expert_groups=4", "router.num_limited_groups=2"};
  EXPECT_EQ(
      errors_of("{controller: {kind: quantile_balancing}}", Purpose::run, groups),
      "c.yaml:4:11: error: balance.controller: this controller takes every expert to compete with every "
      "other; expected a router without groups of experts [bad-relation]\n"
      "  help: --set router.num_expert_groups=1");
  EXPECT_EQ(errors_of("{controller: {kind: loss_free_sign}}", Purpose::run, groups), "no error");
  EXPECT_EQ(errors_of("{controller: {kind: quantile_balancing}}", Purpose::run, {"router.noise=gaussian"}),
            "c.yaml:4:11: error: balance.controller: this controller learns from logits and scores, and this "
            "router's draws are not in them; expected a router that draws nothing [bad-relation]\n"
            "  help: router.noise, router.jitter_eps and router.second_policy make a router draw");
  EXPECT_EQ(errors_of("{controller: {kind: quantile_balancing}}", Purpose::run,
                      {"router.expert_scale=[1, 1, 1, 1, 1, 1, 1, 2]"}),
            "no error");
  EXPECT_EQ(
      errors_of("{controller: {kind: quantile_balancing}}", Purpose::run, {"router.weightless_experts=1"}),
      "no error");
  EXPECT_EQ(
      errors_of("{controller: {kind: loss_free_mul}}", Purpose::run, {"router.expert_bias_on=logit"}),
      "c.yaml:4:11: error: balance.controller: a factor would make a negative logit smaller, not larger; "
      "expected router.expert_bias_on: score [bad-relation]");
  EXPECT_EQ(errors_of("{controller: {kind: expert_threshold}}", Purpose::run),
            "c.yaml:4:11: error: balance.controller: a run's router chooses its top_k, not by thresholds; "
            "expected a controller that moves the selection bias [bad-relation]\n"
            "  help: moesim balance shows what thresholds do");
  EXPECT_EQ(
      errors_of("{controller: {kind: maxvio_servo, moves: loss_coefficient}}", Purpose::closed_loop),
      "c.yaml:4:11: error: balance.controller: has no effect because it moves the weight of a loss, and "
      "nothing is trained here [no-effect]");
}

TEST(BalanceSection, ABiasOnLogitsNeedsNoBiasInTheConfig) {
  EXPECT_EQ(errors_of("{controller: {kind: smebu}}", Purpose::run, {"router.expert_bias_on=logit"}),
            "no error");
  EXPECT_EQ(errors_of("~", Purpose::run, {"router.expert_bias_on=logit"}), "no error");
}

TEST(BalanceSection, StreamsOfLogits) {
  EXPECT_EQ(errors_of("{stream: {kind: statonary}, controller: {kind: smebu}}", Purpose::closed_loop),
            "c.yaml:4:20: error: balance.stream.kind: unknown stream of logits 'statonary'; expected one of "
            "drifting, replayed, stationary, workload [unknown-variant]\n"
            "  help: did you mean 'stationary'?");
  EXPECT_EQ(
      errors_of("{stream: {kind: stationary, rate: 1}, controller: {kind: smebu}}", Purpose::closed_loop),
      "c.yaml:4:38: error: balance.stream.rate: unknown key; expected one of kind, skew, spread "
      "[unknown-key]\n"
      "  help: 'rate' is a key of stream kind drifting");
  EXPECT_NE(
      errors_of("{stream: {kind: replayed, file: no.npy}, controller: {kind: smebu}}", Purpose::closed_loop)
          .find("balance.stream.file: "),
      std::string::npos);
  EXPECT_EQ(errors_of("{stream: {skew: 1}, controller: {kind: smebu}}", Purpose::closed_loop),
            "c.yaml:4:11: error: balance.stream: missing key 'kind'; expected one of drifting, replayed, "
            "stationary, "
            "workload [missing-key]\n"
            "  help: write {kind: stationary}");
}

TEST(BalanceSection, LearnedNoiseNeedsTheStreamWithAGate) {
  EXPECT_EQ(
      errors_of("{stream: {kind: stationary}, controller: {kind: smebu}}", Purpose::closed_loop,
                {"router.noise=gaussian_learned"}),
      "c.yaml:4:20: error: balance.stream.kind: got stationary, whose logits come without a gate to make "
      "the deviation of the router's noise; expected workload, where router.noise is gaussian_learned "
      "[bad-relation]\n"
      "  help: leave balance.stream out, or --set router.noise=none");
  EXPECT_EQ(errors_of("{controller: {kind: smebu}}", Purpose::closed_loop, {"router.noise=gaussian_learned"}),
            "no error");
}

TEST(BalanceSection, RecordedLogitsMustFitTheLayerAndTheSteps) {
  const TempFolder folder;
  Matrix logits(128, 8);
  logits.fill(0.0F);
  write_npy(folder.file("logits.npy"), logits.view());
  const std::string stream =
      "{stream: {kind: replayed, file: " + folder.file("logits.npy") + "}, controller: {kind: smebu}";
  EXPECT_EQ(errors_of(stream + "}", Purpose::closed_loop), "no error");
  EXPECT_NE(
      errors_of(stream + ", steps: 3}", Purpose::closed_loop)
          .find("balance.steps: got 3; expected at most 2, the steps of the recorded logits [out-of-range]"),
      std::string::npos);
  EXPECT_NE(errors_of(stream + "}", Purpose::closed_loop, {"layer.num_experts=4"})
                .find("the array has 8 columns, but the layer has 4 routed experts; expected the same number "
                      "[bad-relation]\n  help: set layer.num_experts to fit"),
            std::string::npos);
  EXPECT_NE(
      errors_of(stream + "}", Purpose::closed_loop, {"workload.tokens=100"})
          .find(
              "the array has 128 rows, but workload.tokens is 100; expected a multiple of it [bad-relation]"),
      std::string::npos);
}

TEST(BalanceSection, UnknownKeysAreNamed) {
  EXPECT_EQ(errors_of("{controler: {kind: smebu}}", Purpose::run),
            "c.yaml:4:11: error: balance.controler: unknown key; expected one of controller, controllers, "
            "steps, stream [unknown-key]\n"
            "  help: did you mean 'controller'?");
  EXPECT_EQ(errors_of("7", Purpose::run),
            "c.yaml:4:1: error: balance: got 7; expected a section (a map of keys) [wrong-type]");
}

}  // namespace
}  // namespace moesim
