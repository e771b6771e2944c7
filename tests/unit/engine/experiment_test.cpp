#include "engine/experiment.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "support/temp_folder.h"

namespace moesim {
namespace {

// The rendered errors of a config, with the temporary folder cut out of the paths.
std::string errors_of(const std::string& text, const std::vector<std::string>& overrides = {}) {
  const TempFolder folder;
  const std::string path = folder.write("c.yaml", text);
  try {
    load_experiment(path, overrides);
  } catch (const ConfigError& error) {
    std::string message = error.what();
    const std::string prefix = path.substr(0, path.size() - 6);
    for (std::size_t at = message.find(prefix); at != std::string::npos; at = message.find(prefix)) {
      message.erase(at, prefix.size());
    }
    return message;
  }
  return "no error";
}

std::string value_of(const Experiment& experiment, const std::string& path) {
  for (const ResolvedValue& value : experiment.resolved) {
    if (value.path == path) {
      return value.value;
    }
  }
  return "(not resolved)";
}

constexpr const char* kSmall =
    "layer: {d_model: 16, d_ff: 12, num_experts: 4}\n"
    "workload: {kind: gaussian_clusters, tokens: 8}\n"
    "router: {preset: mixtral}\n";

TEST(LoadExperiment, ShowsFivePlantedMistakesAtOnceEachAtItsPlace) {
  const std::string message = errors_of(
      "name: mistakes\n"
      "layer: {d_model: 64, d_ff: 64, num_experts: 8, activaton: relu}\n"
      "workload: {kind: gaussian_clusters, tokens: many}\n"
      "router: {preset: mixtrl}\n"
      "capacity: {factor: -1}\n"
      "measure: {budget_s: 6, budget_s: 7}\n");
  EXPECT_NE(message.find("c.yaml:2:48: error: layer.activaton: unknown key; expected one of activation, "
                         "active_width, checkpoint, constant_experts, copy_experts, d_ff, d_model, "),
            std::string::npos)
      << message;
  EXPECT_NE(message.find("help: did you mean 'activation'?"), std::string::npos) << message;
  EXPECT_NE(
      message.find("c.yaml:3:45: error: workload.tokens: got the text \"many\"; expected a whole number"),
      std::string::npos)
      << message;
  EXPECT_NE(message.find("c.yaml:4:10: error: router.preset: unknown router preset 'mixtrl'"),
            std::string::npos)
      << message;
  EXPECT_NE(message.find("help: did you mean 'mixtral'?"), std::string::npos) << message;
  EXPECT_NE(message.find("c.yaml:5:20: error: capacity.factor: got -1; expected a number from 0"),
            std::string::npos)
      << message;
  EXPECT_NE(message.find("c.yaml:6:24: error: measure.budget_s: given twice"), std::string::npos) << message;
  EXPECT_NE(message.find("5 errors. Nothing was run."), std::string::npos) << message;
}

TEST(LoadExperiment, AKeyWithoutItsSectionIsLedThere) {
  const auto help = [](const std::string& override) {
    const std::string message = errors_of(kSmall, {override});
    const std::size_t at = message.find("  help: ");
    return at == std::string::npos ? message : message.substr(at + 8, message.find('\n', at) - at - 8);
  };
  EXPECT_EQ(help("top_k=3"), "did you mean 'router.top_k'?");
  EXPECT_EQ(help("num_expert=3"), "did you mean 'layer.num_experts'?");
  EXPECT_EQ(help("steps=3"), "did you mean 'workload.steps' or 'balance.steps'?");
  EXPECT_EQ(help("baseline=none"), "did you mean 'baselines'?");
  EXPECT_EQ(help("capactiy=none"), "did you mean 'capacity'?");
}

TEST(LoadExperiment, TopKAboveTheNumberOfExpertsNamesBothPlaces) {
  const std::string message = errors_of(std::string(kSmall) + "name: x\n", {"router.top_k=9"});
  EXPECT_NE(message.find("--set router.top_k=9: error: router.top_k: "), std::string::npos) << message;
  EXPECT_NE(message.find("layer.num_experts"), std::string::npos) << message;
}

TEST(LoadExperiment, AnImpossibleNumberOfExpertsIsAnErrorForEveryRouter) {
  for (const std::string& router : router_families().names()) {
    for (const char* experts : {"-1", "0"}) {
      const std::string message =
          errors_of(kSmall, {"router={kind: " + router + "}", std::string("layer.num_experts=") + experts});
      EXPECT_NE(message.find("layer.num_experts: got "), std::string::npos) << router << "\n" << message;
    }
  }
}

TEST(LoadExperiment, WidthsShareTheWork) {
  const TempFolder folder;
  const std::string path = folder.write("c.yaml",
                                        "layer: {d_model: 16, active_width: 64, num_experts: 4}\n"
                                        "workload: {kind: gaussian_clusters, tokens: 8}\n"
                                        "router: {preset: mixtral}\n");
  EXPECT_EQ(load_experiment(path, {}).shape.d_ff, 32);
  EXPECT_EQ(load_experiment(path, {"router.top_k=4"}).shape.d_ff, 16);
  const Experiment total = load_experiment(path, {"layer={d_model: 16, total_width: 64, num_experts: 4}"});
  EXPECT_EQ(total.shape.d_ff, 16);
  EXPECT_EQ(value_of(total, "layer.d_ff"), "16");
}

TEST(LoadExperiment, WidthsThatDoNotDivideNameTheNearest) {
  const std::string message =
      errors_of(std::string(kSmall), {"layer={d_model: 16, total_width: 66, num_experts: 4}"});
  EXPECT_NE(
      message.find("66 is not divisible by layer.num_experts = 4; expected a multiple of 4 [not-divisible]"),
      std::string::npos)
      << message;
  EXPECT_NE(message.find("the nearest are 64 and 68"), std::string::npos) << message;
}

TEST(LoadExperiment, TokensThatDoNotDivideAmongTheExpertsNameTheNearest) {
  EXPECT_EQ(errors_of(kSmall, {"router={kind: base_assignment}"}), "no error");
  EXPECT_EQ(errors_of(kSmall, {"router={kind: base_assignment, mode: eval}", "workload.tokens=9"}),
            "no error");
  const std::string message = errors_of(kSmall, {"router={kind: base_assignment}", "workload.tokens=9"});
  EXPECT_NE(message.find("--set workload.tokens=9: error: workload.tokens: 9 tokens do not divide among 4 "
                         "experts; expected a multiple of 4 [not-divisible]\n"
                         "  help: the nearest are 8 and 12\n"
                         "  note: this router gives every expert equally many tokens of a batch\n"
                         "  note: c.yaml:1:32: layer.num_experts is 4\n"),
            std::string::npos)
      << message;
  EXPECT_NE(errors_of(kSmall, {"router={kind: base_assignment}", "workload.tokens=3"})
                .find("help: the nearest is 4\n"),
            std::string::npos);
}

TEST(LoadExperiment, TwoWidthsAreOneTooMany) {
  const std::string both =
      "layer: {d_model: 16, d_ff: 12, active_width: 64, num_experts: 4}\n"
      "workload: {kind: gaussian_clusters, tokens: 8}\n"
      "router: {preset: mixtral}\n";
  const std::string in_file = errors_of(both);
  EXPECT_NE(in_file.find("layer.active_width: given beside layer.d_ff"), std::string::npos) << in_file;
  const std::string typed = errors_of(kSmall, {"layer.total_width=64", "layer.active_width=64"});
  EXPECT_NE(typed.find("layer.total_width: given beside layer.active_width"), std::string::npos) << typed;
}

TEST(LoadExperiment, ATypedWidthTakesThePlaceOfTheFilesWidth) {
  const TempFolder folder;
  const std::string path = folder.write("c.yaml", kSmall);
  const Experiment active = load_experiment(path, {"layer.active_width=64"});
  EXPECT_EQ(active.shape.d_ff, 32);
  EXPECT_EQ(value_of(active, "layer.d_ff"), "32");
  EXPECT_EQ(load_experiment(path, {"layer.total_width=64"}).shape.d_ff, 16);
  EXPECT_EQ(load_experiment(path, {"layer.active_width=none"}).shape.d_ff, 12);
  const std::string by_active = folder.write("a.yaml",
                                             "layer: {d_model: 16, active_width: 64, num_experts: 4}\n"
                                             "workload: {kind: gaussian_clusters, tokens: 8}\n"
                                             "router: {preset: mixtral}\n");
  const Experiment direct = load_experiment(by_active, {"layer.d_ff=20"});
  EXPECT_EQ(direct.shape.d_ff, 20);
  EXPECT_EQ(value_of(direct, "layer.active_width"), "none");
  EXPECT_EQ(load_experiment(by_active, {"layer.active_width=none", "layer.d_ff=20"}).shape.d_ff, 20);
}

TEST(LoadExperiment, ASectionIsLeftOutByTheWordNone) {
  const TempFolder folder;
  const std::string path = folder.write(
      "c.yaml", std::string(kSmall) + "capacity: none\nbaselines: none\nbalance: none\nmeasure: none\n");
  const Experiment experiment = load_experiment(path, {});
  EXPECT_FALSE(experiment.capacity.has_value());
  EXPECT_TRUE(experiment.baselines.empty());
  EXPECT_FALSE(experiment.balance.has_value());
  folder.write("base.yaml", std::string(kSmall) + "capacity: {factor: 2}\nbaselines: [dense_same_total]\n");
  const std::string over = folder.write("over.yaml", "extends: base.yaml\ncapacity: none\n");
  EXPECT_FALSE(load_experiment(over, {}).capacity.has_value());
  EXPECT_EQ(load_experiment(over, {}).baselines.size(), 1u);
  EXPECT_TRUE(load_experiment(over, {"capacity.factor=3"}).capacity.has_value());
}

TEST(LoadExperiment, AMissingWorkloadIsLedToTheUsualOne) {
  EXPECT_NE(errors_of("layer: {d_model: 16}\nrouter: {preset: mixtral}\n")
                .find("help: write workload: {kind: text, files: [my_text.txt]}"),
            std::string::npos);
}

TEST(LoadExperiment, KeysWithoutEffectAreErrors) {
  EXPECT_NE(errors_of(std::string(kSmall) + "capacity: {factor: 2}\n", {"router={kind: expert_choice}"})
                .find("capacity: has no effect because this router never overfills an expert"),
            std::string::npos);
  EXPECT_NE(errors_of(std::string(kSmall) + "execute: false\nbaselines: [dense_same_active]\n")
                .find("baselines: has no effect because execute is false"),
            std::string::npos);
  EXPECT_NE(errors_of(std::string(kSmall) + "execute: false\nexecutor: {kind: serial}\n")
                .find("executor.kind: has no effect because execute is false"),
            std::string::npos);
  for (const std::string key : {"weights", "activations"}) {
    EXPECT_NE(errors_of(std::string(kSmall) + "execute: false\nexecutor: {" + key + ": float32}\n")
                  .find("executor." + key + ": has no effect because execute is false"),
              std::string::npos)
        << key;
  }
}

TEST(LoadExperiment, PartsOfALayerWithoutEffectAreErrors) {
  EXPECT_NE(
      errors_of(kSmall, {"layer.shared_kind=gated"})
          .find("--set layer.shared_kind=gated: error: layer.shared_kind: has no effect because the layer "
                "has no shared experts [no-effect]"),
      std::string::npos);
  EXPECT_NE(errors_of(kSmall, {"layer.latent_norm=true"})
                .find("--set layer.latent_norm=true: error: layer.latent_norm: has no effect because "
                      "layer.latent_width is none [no-effect]"),
            std::string::npos);
  EXPECT_EQ(errors_of(kSmall, {"layer.shared_width=5", "layer.shared_kind=gated"}), "no error");
  EXPECT_EQ(errors_of(kSmall, {"layer.num_shared_experts=0", "layer.shared_width=5"}), "no error");
}

TEST(LoadExperiment, TwoWidthsOfSharedExpertsAreOneTooMany) {
  const std::string message = errors_of(
      "layer: {num_shared_experts: 1, shared_width: 5}\n"
      "workload: {kind: gaussian_clusters, tokens: 8}\n"
      "router: {preset: mixtral}\n");
  EXPECT_EQ(
      message.find("c.yaml:1:32: error: layer.shared_width: given beside layer.num_shared_experts; expected "
                   "one of layer.num_shared_experts, layer.shared_width [bad-relation]\n"
                   "  help: remove one of the two lines\n"
                   "  note: c.yaml:1:9: layer.num_shared_experts is given here\n"),
      0u)
      << message;
}

TEST(LoadExperiment, TopKIsBoundedByThePoolAndTheNoteSaysWhatIsInIt) {
  const std::vector<std::string> pool = {"layer.zero_experts=1", "layer.copy_experts=2"};
  EXPECT_EQ(errors_of(kSmall, {pool[0], pool[1], "router.top_k=7"}), "no error");
  const std::string message = errors_of(kSmall, {pool[0], pool[1], "router.top_k=8"});
  EXPECT_NE(
      message.find("--set router.top_k=8: error: router.top_k: got 8; expected a whole number from 1 to 7 "
                   "[out-of-range]\n  note: c.yaml:1:32: layer.num_experts is 4; with its zero, copy and "
                   "constant experts the layer has 7"),
      std::string::npos)
      << message;
}

TEST(LoadExperiment, GroupsDivideThePoolAlsoWhereItIsAbsurdlyLarge) {
  const std::string message =
      errors_of(kSmall, {"layer.num_experts=1099511627776", "layer.zero_experts=1099511627770",
                         "router={kind: token_choice, num_expert_groups: 4}"});
  EXPECT_NE(message.find("got 4; expected a divisor of 2199023255546 [not-divisible]\n  help: write 2 or "),
            std::string::npos)
      << message;
}

TEST(LoadExperiment, ABadCountOfExpertsWithoutAProductIsOneError) {
  const std::string message = errors_of(kSmall, {"layer.zero_experts=-9"});
  EXPECT_NE(message.find("--set layer.zero_experts=-9: error: layer.zero_experts: got -9; expected a whole "
                         "number from 0 to 1099511627776 [out-of-range]"),
            std::string::npos)
      << message;
  EXPECT_EQ(message.find("router.top_k"), std::string::npos) << message;
}

TEST(LoadExperiment, BaselinesAreAListOfKnownNamesOnceEach) {
  EXPECT_NE(
      errors_of(std::string(kSmall) + "baselines: [dense_same_activ]\n")
          .find("unknown baseline 'dense_same_activ'; expected one of dense_same_active, dense_same_flops, "
                "dense_same_time, dense_same_total"),
      std::string::npos);
  EXPECT_NE(errors_of(std::string(kSmall) + "baselines: [dense_same_total, dense_same_total]\n")
                .find("'dense_same_total' is given twice; expected each baseline once [duplicate-key]"),
            std::string::npos);
  const TempFolder folder;
  const std::string path = folder.write("c.yaml", kSmall);
  EXPECT_EQ(load_experiment(path, {}).baselines.size(), 2u);
  EXPECT_TRUE(load_experiment(path, {"baselines=none"}).baselines.empty());
  EXPECT_TRUE(load_experiment(path, {"baselines=[]"}).baselines.empty());
}

TEST(LoadExperiment, APresetBringsItsOwnCapacityUntilTheConfigGivesOne) {
  const TempFolder folder;
  const std::string path = folder.write("c.yaml", kSmall);
  const Experiment own = load_experiment(path, {"router={preset: switch}"});
  ASSERT_TRUE(own.capacity.has_value());
  EXPECT_EQ(own.capacity->formula, CapacityFormula::switch_transformer);
  EXPECT_FALSE(load_experiment(path, {"router={preset: switch}", "capacity=none"}).capacity.has_value());
  const Experiment replaced = load_experiment(path, {"router={preset: switch}", "capacity={factor: 3}"});
  EXPECT_EQ(replaced.capacity->factor, 3.0);
  EXPECT_EQ(replaced.capacity->formula, CapacityFormula::megatron);
}

// One key on the command line changes that key alone, also of a section that only the preset has.
TEST(LoadExperiment, OverridesOfSingleKeysKeepTheRestOfThePresetsCapacity) {
  const TempFolder folder;
  const std::string path = folder.write("c.yaml", kSmall);
  const Experiment wider = load_experiment(path, {"router={preset: gshard}", "capacity.factor=3"});
  ASSERT_TRUE(wider.capacity.has_value());
  EXPECT_EQ(wider.capacity->factor, 3.0);
  EXPECT_EQ(wider.capacity->formula, CapacityFormula::gshard);
  EXPECT_EQ(wider.capacity->drop, load_experiment(path, {"router={preset: gshard}"}).capacity->drop);
  for (const ResolvedValue& value : wider.resolved) {
    if (value.path == "capacity.formula") {
      EXPECT_NE(value.origin.find("gshard"), std::string::npos) << value.origin;
    }
  }
  const Experiment none = load_experiment(path, {"router={preset: mixtral}", "capacity.factor=3"});
  EXPECT_EQ(none.capacity->formula, CapacityFormula::megatron);  // mixtral has none of its own
}

TEST(LoadExperiment, EveryResolvedValueKnowsItsOrigin) {
  const TempFolder folder;
  const std::string path = folder.write("c.yaml", kSmall);
  const Experiment experiment = load_experiment(path, {"seed=7"});
  int defaults = 0;
  for (const ResolvedValue& value : experiment.resolved) {
    EXPECT_FALSE(value.origin.empty()) << value.path;
    defaults += value.origin == "default" ? 1 : 0;
    if (value.path == "seed") {
      EXPECT_EQ(value.origin, "--set seed=7");
    }
    if (value.path == "layer.d_model") {
      EXPECT_EQ(value.origin, path + ":1:18");
    }
    if (value.path == "router.top_k") {
      EXPECT_EQ(value.origin, "preset mixtral");
    }
  }
  EXPECT_GT(defaults, 5);
}

TEST(LoadExperiment, AFileThatCannotBeReadWholeReportsNothingElse) {
  const std::string message = errors_of("name: 'x\nlayer: {d_model: 4}\n");
  EXPECT_NE(message.find("[yaml-syntax]"), std::string::npos) << message;
  EXPECT_EQ(message.find("missing key"), std::string::npos) << message;
}

TEST(LoadExperiment, MissingConfigsAreNamed) {
  try {
    load_experiment("no_such_config.yaml", {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::missing_input);
    EXPECT_NE(std::string(error.what()).find("no_such_config.yaml"), std::string::npos);
  }
}

TEST(LoadExperiment, TheSectionsOfTheConfigAreAllDocumented) {
  for (const SectionInfo& section : config_sections()) {
    EXPECT_FALSE(section.summary.empty()) << section.path;
    for (const FieldInfo& field : section.fields) {
      EXPECT_FALSE(field.doc.empty()) << section.path << "." << field.name;
    }
  }
}

}  // namespace
}  // namespace moesim
