#include "engine/balance_section.h"

#include <fmt/format.h>

namespace moesim {
namespace {

constexpr Index kUsualSteps = 300;
const std::vector<std::string> kSections = {"controller", "controllers", "stream"};

const Node* given_child(const Node* section, const char* key) {
  const Node* child = section == nullptr ? nullptr : section->child(key);
  return child == nullptr || child->kind == Node::Kind::null ? nullptr : child;
}

// The sections that name controllers, each with its path.
std::vector<std::pair<std::string, const Node*>> controller_nodes(Binder& binder, const Node& section) {
  std::vector<std::pair<std::string, const Node*>> nodes;
  const Node* one = given_child(&section, "controller");
  const Node* list = given_child(&section, "controllers");
  if (one != nullptr && list != nullptr) {
    binder.error("balance.controllers", "given beside balance.controller", "one of them", "bad-relation",
                 "a run applies balance.controller; balance.controllers are compared",
                 {{binder.locate("balance.controller"), "balance.controller is given here"}});
    return nodes;
  }
  if (one != nullptr) {
    nodes.emplace_back("balance.controller", one);
  }
  if (list != nullptr && (list->kind != Node::Kind::list || list->items.empty())) {
    binder.error("balance.controllers", "got " + describe_node(*list),
                 "a list such as [{kind: loss_free_sign}, {kind: smebu}]", "wrong-type");
  } else if (list != nullptr) {
    for (std::size_t i = 0; i < list->items.size(); ++i) {
      nodes.emplace_back(fmt::format("balance.controllers[{}]", i), &list->items[i]);
    }
  }
  return nodes;
}

// Whether the router and the purpose leave the controller something to do.
void check_fit(Binder& binder, const std::string& path, const Controller& controller,
               const BalanceScene& scene) {
  const ControllerTraits controls = controller.traits();
  const RouterTraits routes = scene.router->traits();
  if (!routes.uses_bias) {
    binder.inert(path, "this router takes no selection bias");
    return;
  }
  if (controls.acts == Acts::coefficient) {
    binder.inert(path, "it moves the weight of a loss, and nothing is trained here");
  }
  if (controls.whole_rows && routes.limits_groups) {
    binder.error(path, "this controller takes every expert to compete with every other",
                 "a router without groups of experts", "bad-relation", "--set router.num_expert_groups=1");
  }
  if (controls.whole_rows && routes.stochastic) {
    binder.error(path,
                 "this controller learns from logits and scores, and this router's draws are not in them",
                 "a router that draws nothing", "bad-relation",
                 "router.noise, router.jitter_eps and router.second_policy make a router draw");
  }
  if (controls.acts == Acts::multiplies && routes.bias_unit == BiasUnit::logit) {
    binder.error(path, "a factor would make a negative logit smaller, not larger",
                 "router.expert_bias_on: score", "bad-relation");
  }
  const bool alone = path == "balance.controller";
  if (controls.acts == Acts::thresholds && scene.purpose == Purpose::run && alone) {
    binder.error(path, "a run's router chooses its top_k, not by thresholds",
                 "a controller that moves the selection bias", "bad-relation",
                 "moesim balance shows what thresholds do");
  }
}

void refuse_in_a_run(Binder& binder, const Node& section) {
  for (const std::string key : {"controllers", "stream", "steps"}) {
    if (given_child(&section, key.c_str()) != nullptr) {
      binder.error("balance." + key,
                   "has no effect because a run applies one balance.controller to its own steps", "",
                   "no-effect", "moesim balance compares controllers on a stream of logits");
    }
  }
}

// A config may say how long a run is, and a loop of it how long the loop is; typed for the loop it is a
// mistake.
void refuse_steps_of_a_run(Binder& binder) {
  const std::string key = "workload.steps";
  if (binder.locate(key).source.rfind("--set " + key, 0) == 0) {
    binder.error(key, "has no effect because moesim balance counts its own steps", "", "no-effect",
                 "--set balance.steps=N");
  }
}

// The deviation of learned noise is made by a gate, from the tokens' vectors.
void check_noise(Binder& binder, const LogitStreamChoice& stream, const BalanceScene& scene) {
  const bool learned = scene.router != nullptr && scene.router->gate_rule().learned_noise;
  if (learned && stream.stream != nullptr && stream.kind != "workload") {
    binder.error("balance.stream.kind",
                 fmt::format("got {}, whose logits come without a gate to make the deviation of the router's "
                             "noise",
                             stream.kind),
                 "workload, where router.noise is gaussian_learned", "bad-relation",
                 "leave balance.stream out, or --set router.noise=none");
  }
}

Index number_of_steps(Binder& binder, const BalanceParams& params, const LogitStream* stream) {
  const Index recorded = stream == nullptr ? 0 : stream->steps();
  if (recorded > 0 && params.steps > recorded) {
    binder.error("balance.steps", fmt::format("got {}", params.steps),
                 fmt::format("at most {}, the steps of the recorded logits", recorded), "out-of-range", "",
                 {{binder.locate("balance.stream.file"), "the logits are given here"}});
  }
  if (params.steps > 0) {
    return params.steps;
  }
  return recorded > 0 ? recorded : kUsualSteps;
}

}  // namespace

void describe(Fields<BalanceParams>& f) {
  f.add("steps", &BalanceParams::steps)
      .range(1, 1000000)
      .word("auto", 0)
      .doc("steps of `moesim balance`; auto: 300, or all that were recorded");
}

std::optional<BalanceSection> bind_balance(Binder& binder, const Node& root, const BalanceScene& scene) {
  const Node* section = given_child(&root, "balance");
  if (section == nullptr) {
    return std::nullopt;
  }
  BalanceParams params;
  bind_section(binder, section, "balance", params, kSections);
  if (section->kind != Node::Kind::map) {
    return std::nullopt;
  }
  if (scene.purpose == Purpose::run) {
    refuse_in_a_run(binder, *section);
  }
  if (scene.purpose == Purpose::closed_loop) {
    refuse_steps_of_a_run(binder);
  }
  BalanceSection balance;
  for (const auto& [path, node] : controller_nodes(binder, *section)) {
    balance.controllers.push_back(make_controller(
        binder,
        {.node = *node, .path = path, .num_experts = scene.shape.pool_size(), .top_k = scene.top_k()}));
    if (scene.router != nullptr && balance.controllers.back().controller != nullptr) {
      check_fit(binder, path, *balance.controllers.back().controller, scene);
    }
  }
  if (scene.purpose != Purpose::run) {
    balance.stream =
        make_logit_stream(binder, given_child(section, "stream"),
                          {.source = scene.source,
                           .workload = scene.workload,
                           .seed = scene.seed,
                           .num_experts = scene.shape.pool_size(),
                           .d_model = scene.shape.d_model,
                           .gate_rule = scene.router == nullptr ? GateRule{} : scene.router->gate_rule(),
                           .given = scene.given});
    check_noise(binder, balance.stream, scene);
    balance.steps = number_of_steps(binder, params, balance.stream.stream.get());
  }
  return balance;
}

}  // namespace moesim
