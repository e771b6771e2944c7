// What can be typed: routers on given numbers, reference, this machine, this shell.

#include <CLI/CLI.hpp>

#include "cli/command_tree.h"
#include "cli/commands.h"
#include "cli/session.h"

namespace moesim {
namespace {

void add_init(Commands& commands) {
  const auto arguments = std::make_shared<InitArguments>();
  InitArguments& a = *arguments;
  CLI::App* command = commands.app.add_subcommand(
      "init",
      "Write a starter config, each key with a comment, and its schema for editors.\n"
      "  moesim init                              (moesim.yaml, moesim.schema.json)\n"
      "  moesim init sweep --out study/sweep.yaml\n"
      "  moesim init --list");
  command->add_option("template", a.name, "what to begin with (default: run)")->type_name("TEMPLATE");
  command->add_option("--out", a.out, "the config's name (default: moesim.yaml); -: print it, no schema")
      ->type_name("FILE");
  command->add_flag("--force", a.force, "replace what is there");
  command->add_flag("--list", a.list, "say what each template is; write nothing");
  commands.add(command, [arguments] { return init_command(*arguments); });
}

void add_route(Commands& commands) {
  const auto arguments = std::make_shared<RouteArguments>();
  RouteArguments& a = *arguments;
  CLI::App* command = commands.app.add_subcommand(
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
  commands.add(command, [arguments] { return route_command(*arguments); });
}

void add_routers(Commands& commands) {
  const auto arguments = std::make_shared<RoutersArguments>();
  RoutersArguments& a = *arguments;
  CLI::App* command =
      commands.app.add_subcommand("routers",
                                  "List the routers, describe one, or find those of a model.\n"
                                  "  moesim routers\n"
                                  "  moesim routers deepseek_v3\n"
                                  "  moesim routers Qwen3                 (models, programs, sources)\n"
                                  "  moesim routers -o json");
  command->add_option("name", a.name, "a family, a preset, or a word to look for")->type_name("ROUTER");
  command->add_option("-o,--output", a.output, "what to print")->type_name("table|json");
  commands.add(command, [arguments] { return routers_command(*arguments); });
}

void add_schema(Commands& commands) {
  const auto what = std::make_shared<std::string>();
  CLI::App* command = commands.app.add_subcommand(
      "schema",
      "Print the JSON Schema of a kind of file, for editors.\n"
      "  moesim schema config > moesim.schema.json\n"
      "  (first line of a config: # yaml-language-server: $schema=moesim.schema.json)");
  command->add_option("kind", *what, "the kind of file: config")->required()->type_name("config");
  commands.add(command, [what] { return schema_command(*what); });
}

void add_explain(Commands& commands) {
  const auto arguments = std::make_shared<ExplainArguments>();
  ExplainArguments& a = *arguments;
  CLI::App* command = commands.app.add_subcommand(
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
  commands.add(command, [arguments] { return explain_command(*arguments); });
}

void add_doctor(Commands& commands) {
  const auto arguments = std::make_shared<DoctorArguments>();
  DoctorArguments& a = *arguments;
  CLI::App* command = commands.app.add_subcommand(
      "doctor",
      "Is this machine fit to measure, and what can it do at best?\n"
      "  moesim doctor\n"
      "  moesim doctor --roofline              (some seconds; kept for later runs)\n"
      "  moesim doctor --roofline --fresh -o json");
  command->add_flag("--roofline", a.roofline, "also the multiply-add peak, its scaling, and read speeds");
  command->add_flag("--fresh", a.fresh, "with --roofline: measure even where limits were kept");
  add_output_options(*command, a.output, a.out_files, a.threads, "the result to a file");
  commands.add(command, [&commands, arguments] { return doctor_command(*arguments, commands.colour); });
}

void add_completion(Commands& commands) {
  const auto shell = std::make_shared<std::string>();
  CLI::App* command = commands.app.add_subcommand(
      "completion",
      "Print what lets a shell complete moesim's commands, options and keys.\n"
      "  moesim completion bash > ~/.local/share/bash-completion/completions/moesim\n"
      "  moesim completion zsh > ~/.zfunc/_moesim      (a folder of zsh's fpath)\n"
      "  moesim completion fish > ~/.config/fish/completions/moesim.fish");
  command->add_option("shell", *shell, "the shell: bash, fish or zsh")
      ->required()
      ->type_name("bash|fish|zsh");
  commands.add(command,
               [&commands, shell] { return completion_command(*shell, command_tree(commands.app)); });
}

void add_man(Commands& commands) {
  CLI::App* command = commands.app.add_subcommand("man",
                                                  "Print the manual page.\n"
                                                  "  moesim man | man -l -");
  commands.add(command, [&commands] { return man_command(command_tree(commands.app)); });
}

}  // namespace

void add_start_commands(Commands& commands) {
  add_init(commands);
}

void add_router_commands(Commands& commands) {
  add_route(commands);
  add_routers(commands);
}

void add_reference_commands(Commands& commands) {
  add_schema(commands);
  add_explain(commands);
  add_doctor(commands);
  add_completion(commands);
  add_man(commands);
}

}  // namespace moesim
