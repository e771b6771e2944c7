// What can be typed: experiments, from config to stored result.

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/session.h"
#include "config/config_files.h"
#include "core/text.h"
#include "report/numbers.h"

namespace moesim {
namespace {

void add_config_options(CLI::App& command, std::string& config, std::vector<std::string>& overrides) {
  command
      .add_option(
          "config", config,
          "a YAML file, or the name of a built-in one (quickstart, decode, ...; moesim run --help lists "
          "them)")
      ->required()
      ->type_name("CONFIG");
  command.add_option("--set", overrides, "key=value: overrides the config; may be repeated")
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
}

// What run, sweep, compare and balance share.
void add_result_options(CLI::App& command, RunArguments& a, const std::string& what) {
  add_output_options(command, a.output, a.out_files, a.threads, what);
  command.add_option("--seed", a.seed, "everything random follows from it")->type_name("N");
}
constexpr const char* kResult = "the result to a file, in the format of its ending";

void add_run(Commands& commands) {
  const auto arguments = std::make_shared<RunArguments>();
  RunArguments& a = *arguments;
  CLI::App* command =
      commands.app.add_subcommand("run",
                                  "Run one experiment: route, execute, measure.\n"
                                  "  moesim run quickstart\n"
                                  "  moesim run configs/quickstart.yaml --set router.top_k=4\n"
                                  "  moesim run my.yaml -o json --out result.csv");
  add_config_options(*command, a.config, a.overrides);
  command->footer("Built-in configs:\n" +
                  fold_words(fmt::format("{}", fmt::join(built_in_configs(), ", ")), 100, "  "));
  add_result_options(*command, a, kResult);
  command
      ->add_option("--budget", a.budget,
                   "time for the whole run, as 60, 30s, 5min or 1h, unless the steps and measure.min_samples "
                   "need longer; 60 for figures to quote")
      ->type_name("DURATION");
  command
      ->add_option("--show-tokens", a.show_tokens, "show where the first N tokens went (default 8 for text)")
      ->type_name("N");
  command
      ->add_option("--save-routing", a.save_routing,
                   "write every token's experts to a .csv, .jsonl or .moer file")
      ->type_name("FILE");
  command->add_flag("--dry-run", a.dry_run, "print plan, memory and time; run nothing");
  command->add_flag("--as-sweep-point", a.as_sweep_point,
                    "ignore the sweep section, and keys without effect, as at a point of a sweep");
  command->add_flag("--no-store", a.no_store, "do not keep the result below runs/");
  command->add_flag("--report", a.report, "draw the stored run: report.html in its folder");
  commands.add(command, [&commands, arguments] { return run_command(*arguments, commands.colour); });
}

void add_sweep(Commands& commands) {
  const auto arguments = std::make_shared<SweepArguments>();
  SweepArguments& a = *arguments;
  CLI::App* command = commands.app.add_subcommand(
      "sweep",
      "Run many experiments; stop and repeat at any time.\n"
      "  moesim sweep my.yaml                 (with a sweep section)\n"
      "  moesim sweep quickstart -p layer.num_experts=4,8,16 -p router.top_k=1..4\n"
      "  moesim sweep my.yaml --explain");
  add_config_options(*command, a.run.config, a.run.overrides);
  command
      ->add_option("-p,--axis", a.axes, "key=values: an axis, as 4,8,16 or 1..4 or 8..64:8; may be repeated")
      ->allow_extra_args(false)
      ->type_name("KEY=VALUES");
  command->add_option("--where", a.where, "which combinations count: 'router.top_k <= layer.num_experts'")
      ->type_name("CONDITION");
  add_result_options(*command, a.run, kResult);
  command
      ->add_option("--budget", a.run.budget,
                   "time for each point, as 10, 30s or 5min (default 3 s, or what the config says)")
      ->type_name("DURATION");
  command->add_flag("--fresh", a.fresh, "run finished points again");
  command->add_flag("--report", a.run.report, "draw the sweep when it is done: report.html in its folder");
  command
      ->add_option("--report-every", a.report_every,
                   "and while it runs, after each point that ends so much later: 30, 30s, 5min, 1h")
      ->type_name("DURATION");
  command->add_flag("--explain", a.explain, "say which points would run and why; run nothing");
  command->add_flag("--dry-run", a.run.dry_run, "print the points, memory and time; run nothing");
  commands.add(command, [&commands, arguments] { return sweep_command(*arguments, commands.colour); });
}

void add_compare(Commands& commands) {
  const auto arguments = std::make_shared<CompareArguments>();
  CompareArguments& a = *arguments;
  CLI::App* command = commands.app.add_subcommand(
      "compare",
      "Did it change? By how much? How sure?\n"
      "  moesim compare a.yaml b.yaml                       (measured now, in turns)\n"
      "  moesim compare quickstart --set-b router.top_k=1 --report compare.html\n"
      "  moesim compare runs/a-1f9c2e7a runs/b-77e01d32     (stored)\n"
      "  moesim compare a.yaml b.yaml --fail-on tokens_per_s:-5%");
  command->add_option("runs", a.runs, "configs, or two folders of stored runs or sweeps; A first")
      ->required()
      ->type_name("CONFIG");
  command->add_option("--set", a.run.overrides, "key=value for all sides; may be repeated")
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  command->add_option("--set-b", a.set_b, "key=value for B, where only one config is given; may be repeated")
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  command
      ->add_option("--fail-on", a.fail_on, "exit 1 when a metric changes so: tokens_per_s:-5%, load_cv:+0.05")
      ->allow_extra_args(false)
      ->type_name("METRIC:CHANGE");
  add_result_options(*command, a.run, kResult);
  command->add_option("--budget", a.run.budget, "time of measuring, as 10, 30s or 5min (default 10 s)")
      ->type_name("DURATION");
  add_page_options(*command, a.page);
  commands.add(command, [&commands, arguments] { return compare_command(*arguments, commands.colour); });
}

void add_balance(Commands& commands) {
  const auto arguments = std::make_shared<BalanceArguments>();
  BalanceArguments& a = *arguments;
  CLI::App* command =
      commands.app.add_subcommand("balance",
                                  "Watch controllers of the load in a closed loop, no expert executed.\n"
                                  "  moesim balance balance_controllers\n"
                                  "  moesim balance my.yaml --set balance.steps=1000 --report balance.html\n"
                                  "  moesim balance my.yaml -o csv --by-step > course.csv");
  add_config_options(*command, a.run.config, a.run.overrides);
  add_result_options(*command, a.run, "the controllers to a file");
  command->add_flag("--by-step", a.by_step, "rows of every step instead of a summary of each controller");
  add_page_options(*command, a.page);
  commands.add(command, [&commands, arguments] { return balance_command(*arguments, commands.colour); });
}

void add_export(Commands& commands) {
  const auto arguments = std::make_shared<ExportArguments>();
  ExportArguments& a = *arguments;
  CLI::App* command = commands.app.add_subcommand(
      "export",
      "Write a stored run or sweep as flat files into its folder.\n"
      "  moesim export runs/mine-1f9c2e7a            (results.jsonl, experts.csv)\n"
      "  moesim export runs/mine-1f9c2e7a --csv");
  command->add_option("run", a.run, "the folder of a run or a sweep")->required()->type_name("DIR");
  command->add_flag("--jsonl", a.jsonl, "results.jsonl and experts.csv (the default)");
  command->add_flag("--csv", a.csv, "results.csv and experts.csv");
  command->add_flag("--md", a.markdown, "results.md");
  command->add_flag("--trace", a.trace,
                    "trace.json: the workers of one step, for Perfetto or chrome://tracing");
  commands.add(command, [arguments] { return export_command(*arguments); });
}

void add_report(Commands& commands) {
  const auto arguments = std::make_shared<ReportArguments>();
  ReportArguments& a = *arguments;
  CLI::App* command =
      commands.app.add_subcommand("report",
                                  "Draw a stored run or sweep, or two side by side, as one HTML file.\n"
                                  "  moesim report runs/mine-1f9c2e7a                (report.html in it)\n"
                                  "  moesim report runs/a runs/b --file a-b.html\n"
                                  "  moesim report runs/mine-1f9c2e7a --figures svg");
  command->add_option("runs", a.runs, "the folder of a run or a sweep; of two, to compare")
      ->required()
      ->type_name("DIR");
  command->add_option("--file", a.file, "where to write it; of figures the folder")->type_name("FILE");
  command->add_option("--figures", a.figures, "each chart as a file of its own")->type_name("svg|png|pdf");
  commands.add(command, [arguments] { return report_command(*arguments); });
}

void add_validate(Commands& commands) {
  const auto arguments = std::make_shared<ValidateArguments>();
  ValidateArguments& a = *arguments;
  CLI::App* command =
      commands.app.add_subcommand("validate",
                                  "Check a config without running it.\n"
                                  "  moesim validate my.yaml\n"
                                  "  moesim validate my.yaml --resolved\n"
                                  "  moesim validate quickstart --resolved --set router.preset=olmoe");
  add_config_options(*command, a.config, a.overrides);
  command->add_flag("--resolved", a.resolved, "print every value and where it came from");
  command->add_option("-o,--output", a.output, "what to print; json: the resolved values")
      ->type_name("table|json");
  commands.add(command, [arguments] { return validate_command(*arguments); });
}

}  // namespace

void add_experiment_commands(Commands& commands) {
  add_run(commands);
  add_sweep(commands);
  add_compare(commands);
  add_balance(commands);
  add_export(commands);
  add_report(commands);
  add_validate(commands);
}

}  // namespace moesim
