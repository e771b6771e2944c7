// The command line: what can be typed. Only this file and command_tree.cpp see CLI11.

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/command_tree.h"
#include "cli/session.h"
#include "config/config_files.h"
#include "core/build_info.h"
#include "core/text.h"
#include "io/files.h"
#include "report/numbers.h"

namespace moesim {
namespace {

constexpr const char* kExamples =
    "Everyday:\n"
    "  moesim run quickstart                              eight experts on English, Korean and code\n"
    "  moesim run my.yaml --set router.top_k=4 -o json    one change, for scripts\n"
    "  moesim sweep my.yaml -p router.top_k=1..4          many at once; stop and repeat at any time\n"
    "  moesim route --preset mixtral --logits l.npy --out r   your own numbers through any router\n"
    "  moesim validate my.yaml --resolved                 every value and where it came from\n"
    "\n"
    "Exit status: 0 success, 1 a check failed, 3 some points of a sweep failed, 64 wrong usage, 65 malformed "
    "data, 66 missing input, 71 not "
    "enough memory,\n"
    "73 and 74 cannot write, 75 stopped or busy: repeat the command, 78 wrong config, 130 stopped by Ctrl-C.";

// "Usage: moesim run …": CLI11's own line leaves the program's name out for subcommands. In their list each
// has one line; its examples are for its own help.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_subcommand(const CLI::App* sub) const override {
    const std::string text = sub->get_description();
    return fmt::format("  {:<{}}{}\n", sub->get_name(), get_column_width() - 2,
                       text.substr(0, text.find('\n')));
  }
  std::string make_usage(const CLI::App* app, std::string name) const override {
    return CLI::Formatter::make_usage(app, app->get_parent() == nullptr ? name : "moesim " + name);
  }
};

std::string version_text() {
  const BuildInfo build = build_info();
  return fmt::format(
      "moesim {}\nrevision    {}\ncompiler    {}\nbuild       {}{}{}\narch        {}\neigen       {}\noneTBB "
      "     {}\n",
      build.version, build.revision, build.compiler, build.build_type, build.sanitizers.empty() ? "" : ", ",
      build.sanitizers, build.arch, build.eigen, build.tbb);
}

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

// What is printed, where else it is written (`what`), and on how many threads it is made.
void add_output_options(CLI::App& command, std::string& output, std::vector<std::string>& files,
                        std::string& threads, const std::string& what) {
  command.add_option("-o,--output", output, "what to print")->type_name("table|md|csv|json|jsonl");
  command.add_option("--out", files, "also write " + what + "; may be repeated")
      ->allow_extra_args(false)
      ->type_name("FILE");
  command.add_option("-j,--threads", threads, "threads (default: the machine's usable cores)")
      ->type_name("N");
}

// What run, sweep, compare and balance share.
void add_result_options(CLI::App& command, RunArguments& a, const std::string& what) {
  add_output_options(command, a.output, a.out_files, a.threads, what);
  command.add_option("--seed", a.seed, "everything random follows from it")->type_name("N");
}
constexpr const char* kResult = "the result to a file, in the format of its ending";

// The page of commands that store nothing.
void add_page_options(CLI::App& command, PageArguments& a) {
  command.add_option("--report", a.report, "draw the result: an HTML file; with --figures a folder")
      ->type_name("FILE");
  command.add_option("--figures", a.figures, "with --report: each chart as a file of its own")
      ->type_name("svg|png|pdf");
}

CLI::App* add_run(CLI::App& app, RunArguments& a) {
  CLI::App* command = app.add_subcommand("run",
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
      ->add_option("--save-routing", a.save_routing, "write every token's experts to a .csv or .jsonl file")
      ->type_name("FILE");
  command->add_flag("--dry-run", a.dry_run, "print plan, memory and time; run nothing");
  command->add_flag("--as-sweep-point", a.as_sweep_point,
                    "ignore the sweep section, and keys without effect, as at a point of a sweep");
  command->add_flag("--no-store", a.no_store, "do not keep the result below runs/");
  command->add_flag("--report", a.report, "draw the stored run: report.html in its folder");
  return command;
}

CLI::App* add_sweep(CLI::App& app, SweepArguments& a) {
  CLI::App* command =
      app.add_subcommand("sweep",
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
  return command;
}

CLI::App* add_compare(CLI::App& app, CompareArguments& a) {
  CLI::App* command =
      app.add_subcommand("compare",
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
  return command;
}

CLI::App* add_balance(CLI::App& app, BalanceArguments& a) {
  CLI::App* command =
      app.add_subcommand("balance",
                         "Watch controllers of the load in a closed loop, no expert executed.\n"
                         "  moesim balance balance_controllers\n"
                         "  moesim balance my.yaml --set balance.steps=1000 --report balance.html\n"
                         "  moesim balance my.yaml -o csv --by-step > course.csv");
  add_config_options(*command, a.run.config, a.run.overrides);
  add_result_options(*command, a.run, "the controllers to a file");
  command->add_flag("--by-step", a.by_step, "rows of every step instead of a summary of each controller");
  add_page_options(*command, a.page);
  return command;
}

CLI::App* add_export(CLI::App& app, ExportArguments& a) {
  CLI::App* command =
      app.add_subcommand("export",
                         "Write a stored run or sweep as flat files into its folder.\n"
                         "  moesim export runs/mine-1f9c2e7a            (results.jsonl, experts.csv)\n"
                         "  moesim export runs/mine-1f9c2e7a --csv");
  command->add_option("run", a.run, "the folder of a run or a sweep")->required()->type_name("DIR");
  command->add_flag("--jsonl", a.jsonl, "results.jsonl and experts.csv (the default)");
  command->add_flag("--csv", a.csv, "results.csv and experts.csv");
  command->add_flag("--md", a.markdown, "results.md");
  command->add_flag("--trace", a.trace,
                    "trace.json: the workers of one step, for Perfetto or chrome://tracing");
  return command;
}

CLI::App* add_report(CLI::App& app, ReportArguments& a) {
  CLI::App* command =
      app.add_subcommand("report",
                         "Draw a stored run or sweep, or two side by side, as one HTML file.\n"
                         "  moesim report runs/mine-1f9c2e7a                (report.html in it)\n"
                         "  moesim report runs/a runs/b --file a-b.html\n"
                         "  moesim report runs/mine-1f9c2e7a --figures svg");
  command->add_option("runs", a.runs, "the folder of a run or a sweep; of two, to compare")
      ->required()
      ->type_name("DIR");
  command->add_option("--file", a.file, "where to write it; of figures the folder")->type_name("FILE");
  command->add_option("--figures", a.figures, "each chart as a file of its own")->type_name("svg|png|pdf");
  return command;
}

CLI::App* add_validate(CLI::App& app, ValidateArguments& a) {
  CLI::App* command = app.add_subcommand("validate",
                                         "Check a config without running it.\n"
                                         "  moesim validate my.yaml\n"
                                         "  moesim validate my.yaml --resolved\n"
                                         "  moesim validate quickstart --resolved --set router.preset=olmoe");
  add_config_options(*command, a.config, a.overrides);
  command->add_flag("--resolved", a.resolved, "print every value and where it came from");
  command->add_option("-o,--output", a.output, "what to print; json: the resolved values")
      ->type_name("table|json");
  return command;
}

CLI::App* add_route(CLI::App& app, RouteArguments& a) {
  CLI::App* command = app.add_subcommand(
      "route",
      "Route given numbers, or compare two routers on them.\n"
      "  moesim route --preset mixtral --logits logits.npy --out routed\n"
      "  moesim route my.yaml --hidden x.npy --gate w.npy --out routed\n"
      "  moesim route --preset deepseek_v3 --logits logits.npy --bias b.npy --diff deepseek_v3_zero_fill\n"
      "  moesim route --preset phi35_moe --logits l.npy --diff phi35_moe_llamacpp --report diff.html");
  command->add_option("config", a.config, "a YAML file, or the name of a built-in one")->type_name("CONFIG");
  command->add_option("--preset", a.preset, "a router preset in place of a config")->type_name("PRESET");
  command->add_option("--set", a.overrides, "key=value: overrides the config; may be repeated")
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  command->add_option("--logits", a.files.logits, "float [T,E]: routed as they are")->type_name("L.npy");
  command
      ->add_option("--hidden", a.files.hidden,
                   "float [T,D]: tokens' vectors, from which the gate makes logits")
      ->type_name("X.npy");
  command->add_option("--gate", a.files.gate, "float [E,D]: the gate's weights (default: seeded ones)")
      ->type_name("W.npy");
  command->add_option("--gate-bias", a.files.gate_bias, "float [E]: added to the logits that --gate makes")
      ->type_name("B.npy");
  command
      ->add_option("--projection", a.files.projection,
                   "float [gate_dim,D]: the first matrix of a gate of two")
      ->type_name("P.npy");
  command->add_option("--bias", a.files.bias, "float [E]: selection bias, in place of router.expert_bias")
      ->type_name("B.npy");
  command->add_option("--token-ids", a.files.token_ids, "whole numbers [T], for hash routers")
      ->type_name("I.npy");
  command
      ->add_option("--table", a.files.table, "whole numbers [V,K]: a hash router's experts of each token id")
      ->type_name("M.npy");
  command
      ->add_option("--sequence-length", a.sequence_length,
                   "tokens of a sequence, for the losses (default: all)")
      ->type_name("N");
  command->add_option("--devices", a.devices, "devices that hold the experts, for the losses (default: 1)")
      ->type_name("N");
  command
      ->add_option(
          "--out", a.out,
          "folder for expert.npy, weight.npy, kept.npy (or dispatch.npy, combine.npy) and route.json")
      ->type_name("DIR");
  command->add_option("--diff", a.diff, "another config or preset: where do the two differ on these numbers?")
      ->type_name("CONFIG|PRESET");
  add_page_options(*command, a.page);
  command->add_option("-o,--output", a.output, "what to print")->type_name("table|json");
  return command;
}

CLI::App* add_routers(CLI::App& app, RoutersArguments& a) {
  CLI::App* command =
      app.add_subcommand("routers",
                         "List the routers, describe one, or find those of a model.\n"
                         "  moesim routers\n"
                         "  moesim routers deepseek_v3\n"
                         "  moesim routers Qwen3                 (models, programs, sources)\n"
                         "  moesim routers -o json");
  command->add_option("name", a.name, "a family, a preset, or a word to look for")->type_name("ROUTER");
  command->add_option("-o,--output", a.output, "what to print")->type_name("table|json");
  return command;
}

CLI::App* add_schema(CLI::App& app, std::string& what) {
  CLI::App* command =
      app.add_subcommand("schema",
                         "Print the JSON Schema of a kind of file, for editors.\n"
                         "  moesim schema config > moesim.schema.json\n"
                         "  (first line of a config: # yaml-language-server: $schema=moesim.schema.json)");
  command->add_option("kind", what, "the kind of file: config")->required()->type_name("config");
  return command;
}

CLI::App* add_explain(CLI::App& app, ExplainArguments& a) {
  CLI::App* command = app.add_subcommand(
      "explain",
      "Explain an error's [short-name], a metric, a word of the screens, a key or a router.\n"
      "  moesim explain no-effect\n"
      "  moesim explain load CV\n"
      "  moesim explain 전문가                 (or: moesim explain expert --lang ko)\n"
      "  moesim explain                        (the words it knows)");
  command->add_option("word", a.words, "as printed in square brackets, on a screen, or as a config has it")
      ->type_name("WORD");
  command->add_option("--lang", a.language, "language of the answer (default: en; of a Korean word: ko)")
      ->type_name("en|ko");
  return command;
}

CLI::App* add_init(CLI::App& app, InitArguments& a) {
  CLI::App* command =
      app.add_subcommand("init",
                         "Write a starter config, each key with a comment, and its schema for editors.\n"
                         "  moesim init                              (moesim.yaml, moesim.schema.json)\n"
                         "  moesim init sweep --out study/sweep.yaml\n"
                         "  moesim init --list");
  command->add_option("template", a.name, "what to begin with (default: run)")->type_name("TEMPLATE");
  command->add_option("--out", a.out, "the config's name (default: moesim.yaml); -: print it, no schema")
      ->type_name("FILE");
  command->add_flag("--force", a.force, "replace what is there");
  command->add_flag("--list", a.list, "say what each template is; write nothing");
  return command;
}

CLI::App* add_completion(CLI::App& app, std::string& shell) {
  CLI::App* command =
      app.add_subcommand("completion",
                         "Print what lets a shell complete moesim's commands, options and keys.\n"
                         "  moesim completion bash > ~/.local/share/bash-completion/completions/moesim\n"
                         "  moesim completion zsh > ~/.zfunc/_moesim      (a folder of zsh's fpath)\n"
                         "  moesim completion fish > ~/.config/fish/completions/moesim.fish");
  command->add_option("shell", shell, "the shell: bash, fish or zsh")->required()->type_name("bash|fish|zsh");
  return command;
}

CLI::App* add_doctor(CLI::App& app, DoctorArguments& a) {
  CLI::App* command =
      app.add_subcommand("doctor",
                         "Is this machine fit to measure, and what can it do at best?\n"
                         "  moesim doctor\n"
                         "  moesim doctor --roofline              (some seconds; kept for later runs)\n"
                         "  moesim doctor --roofline --fresh -o json");
  command->add_flag("--roofline", a.roofline, "also the multiply-add peak, its scaling, and read speeds");
  command->add_flag("--fresh", a.fresh, "with --roofline: measure even where limits were kept");
  add_output_options(*command, a.output, a.out_files, a.threads, "the result to a file");
  return command;
}

}  // namespace

int run_command_line(int argc, char** argv) {
  if (argc > 0) {
    set_program_name(display_safe(argv[0]));
  }
  CLI::App app("moesim: which Mixture-of-Experts layer, for my tokens, and is it worth it against dense?",
               "moesim");
  std::string colour = "auto";
  bool version = false;
  RunArguments run_arguments;
  SweepArguments sweep_arguments;
  CompareArguments compare_arguments;
  BalanceArguments balance_arguments;
  ExportArguments export_arguments;
  ReportArguments report_arguments;
  ValidateArguments validate_arguments;
  RouteArguments route_arguments;
  RoutersArguments routers_arguments;
  DoctorArguments doctor_arguments;
  InitArguments init_arguments;
  ExplainArguments explain_arguments;
  std::string schema_of;
  std::string shell;
  app.formatter(std::make_shared<HelpFormatter>());
  app.footer(kExamples);
  app.require_subcommand(0, 1);
  app.add_flag("--version", version, "build, compiler, instruction-set level, libraries");
  app.add_option("--color", colour, "whether to colour")->type_name("auto|always|never");
  const CLI::App* init = add_init(app, init_arguments);
  const CLI::App* run = add_run(app, run_arguments);
  const CLI::App* sweep = add_sweep(app, sweep_arguments);
  const CLI::App* compared = add_compare(app, compare_arguments);
  const CLI::App* balanced = add_balance(app, balance_arguments);
  const CLI::App* exported = add_export(app, export_arguments);
  const CLI::App* reported = add_report(app, report_arguments);
  const CLI::App* validate = add_validate(app, validate_arguments);
  const CLI::App* route = add_route(app, route_arguments);
  const CLI::App* routers = add_routers(app, routers_arguments);
  const CLI::App* schema = add_schema(app, schema_of);
  const CLI::App* explain = add_explain(app, explain_arguments);
  const CLI::App* doctor = add_doctor(app, doctor_arguments);
  const CLI::App* completion = add_completion(app, shell);
  const CLI::App* man = app.add_subcommand("man",
                                           "Print the manual page.\n"
                                           "  moesim man | man -l -");
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app.get_subcommands();
    write_stdout(chosen.empty() ? app.help() : chosen.front()->help());
    return 0;
  } catch (const CLI::ParseError& error) {
    throw usage_error(app, error);
  }
  parse_choice_option("--color", colour, {"auto", "always", "never"});
  if (version) {
    write_stdout(version_text());
    return 0;
  }
  if (init->parsed()) {
    return init_command(init_arguments);
  }
  if (run->parsed()) {
    return run_command(run_arguments, colour);
  }
  if (sweep->parsed()) {
    return sweep_command(sweep_arguments, colour);
  }
  if (compared->parsed()) {
    return compare_command(compare_arguments, colour);
  }
  if (balanced->parsed()) {
    return balance_command(balance_arguments, colour);
  }
  if (exported->parsed()) {
    return export_command(export_arguments);
  }
  if (reported->parsed()) {
    return report_command(report_arguments);
  }
  if (validate->parsed()) {
    return validate_command(validate_arguments);
  }
  if (route->parsed()) {
    return route_command(route_arguments);
  }
  if (routers->parsed()) {
    return routers_command(routers_arguments);
  }
  if (schema->parsed()) {
    return schema_command(schema_of);
  }
  if (explain->parsed()) {
    return explain_command(explain_arguments);
  }
  if (doctor->parsed()) {
    return doctor_command(doctor_arguments, colour);
  }
  if (man->parsed()) {
    return man_command(command_tree(app));
  }
  if (completion->parsed()) {
    return completion_command(shell, command_tree(app));
  }
  write_stdout(app.help());
  return 0;
}

}  // namespace moesim
