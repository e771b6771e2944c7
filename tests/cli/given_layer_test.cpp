// Runs with the weights of a checkpoint, from the command line.

#include <gmock/gmock.h>

#include "cli/moesim_run.h"
#include "support/moe_models.h"

namespace moesim {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class GivenLayerRuns : public ::testing::Test {
 protected:
  GivenLayerRuns() {
    testing::ModelMaker({}).make("deepseek_v3").write(folder_.file("model"));
    config_ = folder_.write("real.yaml",
                            "name: real\n"
                            "layer: {checkpoint: model, index: 1}\n"
                            "workload: {kind: gaussian_clusters, tokens: 64, steps: 2}\n"
                            "measure: {budget_s: 0, min_samples: 1}\n");
  }
  Outcome run(const std::string& line) const { return moesim_run(line); }

  TempFolder folder_;
  std::string config_;
};

TEST_F(GivenLayerRuns, NameTheCheckpoint) {
  const Outcome screen = run("run " + config_ + " --no-store");
  ASSERT_EQ(screen.status, 0) << screen.err;
  EXPECT_THAT(screen.out, AllOf(HasSubstr("weights  layer 1 of model"), HasSubstr("deepseek_v3 top-2"),
                                HasSubstr("d_model 24, d_ff 12"), Not(HasSubstr("untrained"))));
  const Outcome dry = run("run " + config_ + " --dry-run");
  ASSERT_EQ(dry.status, 0) << dry.err;
  EXPECT_THAT(dry.out, AllOf(HasSubstr("layer 1 of model"), HasSubstr("reading the checkpoint")));
  const Outcome row = run("run " + config_ + " --no-store -o json");
  EXPECT_THAT(row.out,
              AllOf(HasSubstr("\"p.layer.checkpoint\": \"model\""), HasSubstr("\"p.layer.d_ff\": 12"),
                    HasSubstr("\"p.router.preset\": \"deepseek_v3\"")));
  const Outcome resolved = run("validate " + config_ + " --resolved");
  EXPECT_THAT(resolved.out, HasSubstr("model/config.json"));
}

TEST_F(GivenLayerRuns, AreStoredAndDrawn) {
  const std::string runs = folder_.file("runs");
  const auto in_folder = [&](const std::string& line) {
    return moesim_run("version >/dev/null 2>&1; MOESIM_RUNS_DIR=" + runs + " " + MOESIM_BINARY + " " + line);
  };
  const Outcome stored = in_folder("run " + config_ + " --report -o json");
  ASSERT_EQ(stored.status, 0) << stored.err;
  const std::string folder = fs::directory_iterator(runs)->path();
  if (fs::exists(folder + "/report.html")) {  // built with npm
    EXPECT_THAT(read_all(folder + "/report.html"), HasSubstr("layer 1 of model"));
  }
  // A point that is there is not run again; another layer's bytes, or another model, are another point.
  const std::string sweep = "sweep " + config_ + " -p router.top_k=1,2 -o json";
  ASSERT_EQ(in_folder(sweep).status, 0);
  EXPECT_THAT(in_folder(sweep).err, HasSubstr("2 points already finished"));
  testing::ModelMaker({.seed = 2}).make("deepseek_v3").write(folder_.file("model"));
  EXPECT_THAT(in_folder(sweep).err, Not(HasSubstr("already finished")));
}

TEST_F(GivenLayerRuns, SayWhatIsWrong) {
  const Outcome widths = run("run quickstart --no-store --set layer.checkpoint=" + folder_.file("model"));
  EXPECT_EQ(widths.status, 78);
  EXPECT_THAT(widths.err, AllOf(HasSubstr("layer.d_model: given beside layer.checkpoint"),
                                HasSubstr("layer.checkpoint is given here"), HasSubstr("[bad-relation]")));
  const Outcome dense = run("run " + config_ + " --no-store --set layer.index=0");
  EXPECT_EQ(dense.status, 78);
  EXPECT_THAT(dense.err,
              AllOf(HasSubstr("layer 0 is dense"), HasSubstr("real.yaml"), HasSubstr("[no-experts]")));
  const Outcome whole = run("run quickstart --no-store " + std::string("--set 'layer={checkpoint: ") +
                            folder_.file("model") + ", index: 1}' --set router=null");
  EXPECT_NE(whole.status, 0);
  std::ofstream(folder_.file("model/config.json")) << "{";
  EXPECT_THAT(run("run " + config_ + " --no-store").err, AllOf(HasSubstr("config.json"), HasSubstr("[json")));
}

}  // namespace
}  // namespace moesim
