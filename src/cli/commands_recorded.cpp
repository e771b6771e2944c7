// What can be typed: published models, checkpoints, recorded routing.

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/session.h"

namespace moesim {
namespace {

void add_models(Commands& commands) {
  const auto arguments = std::make_shared<ModelsArguments>();
  ModelsArguments& a = *arguments;
  CLI::App* command = commands.app.add_subcommand(
      "models",
      "Count the parameters of published models, or of a checkpoint's config.json.\n"
      "  moesim models\n"
      "  moesim models deepseek-v3             (parts, work, memory, cache)\n"
      "  moesim models --config config.json\n"
      "  moesim models --report models.html\n"
      "  moesim models -o json");
  command->add_option("name", a.name, "one model of the list")->type_name("MODEL");
  command->add_option("--config", a.config, "a Hugging Face config.json instead")->type_name("FILE");
  command->add_option("-o,--output", a.output, "what to print")->type_name("table|md|csv|json|jsonl");
  command->add_option("--out", a.out_files, "also write the result to a file; may be repeated")
      ->allow_extra_args(false)
      ->type_name("FILE");
  add_page_options(*command, a.page);
  commands.add(command, [&commands, arguments] { return models_command(*arguments, commands.colour); });
}

void add_trace(Commands& commands) {
  const auto arguments = std::make_shared<TraceArguments>();
  TraceArguments& a = *arguments;
  CLI::App* command = commands.app.add_subcommand(
      "trace",
      "Recorded routing: bring it into a form of moesim's own, or say what it shows.\n"
      "  moesim trace convert sequence.csv --to trace.moer\n"
      "  moesim trace convert expert_counts.csv --where domain=arxiv,ranks_counted=topk --to counts.csv\n"
      "  moesim trace convert routed.npy --to routed.csv.zst     (a line for each choice, packed)\n"
      "  moesim trace convert routed.npy --to routed.counts.csv  (sums by layer and expert)\n"
      "  moesim trace convert logits.npy --router olmoe --to trace.moer   (router logits that were kept)\n"
      "  moesim trace convert sequences/*.csv --to loads.yaml    (loads, for router.kind drawn)\n"
      "  moesim trace stats trace.moer -o json\n"
      "  moesim trace stats sequences/*.csv      (several files as one recording)\n"
      "What is read: docs/formats.md; a file of another form gets a list of those understood.");
  command->add_option("action", a.action, "what to do: convert or stats")
      ->required()
      ->type_name("convert|stats");
  command->add_option("file", a.file, "recorded routing, packed with gzip or zstd or not")
      ->required()
      ->type_name("FILE");
  command->add_option("more", a.more, "further files of the same kind, read as one recording")
      ->type_name("FILE");
  command
      ->add_option(
          "--to", a.to,
          "convert: the file to write. .csv and .jsonl hold a line for each choice, .moer the same in "
          "few bytes; a name that ends in counts, as counts.csv, holds sums by layer and expert, as "
          ".csv of recorded counts does; .zst behind it packs it; .yaml: the loads alone, for router.kind "
          "drawn")
      ->type_name("FILE");
  command->add_option("--where", a.where, "only lines and groups with these values; may be repeated")
      ->allow_extra_args(false)
      ->type_name("COLUMN=VALUE,..");
  command->add_option("--form", a.form, "the form of FILE, where it cannot be told")->type_name("FORM");
  command->add_option("--model", a.model, "the model it was recorded from, where FILE does not say")
      ->type_name("NAME");
  command->add_option("--router", a.router, "FILE holds router logits: what this router preset makes of them")
      ->type_name("PRESET");
  command->add_option("--source", a.source, "convert to loads: where the recording comes from")
      ->type_name("TEXT");
  command->add_option("-o,--output", a.output, "stats: what to print (default: table)")
      ->type_name("table|csv|json|jsonl");
  command->add_option("--layer", a.layer, "stats: of this layer alone")->type_name("N");
  command->add_option("--report", a.report, "stats: draw the result: an HTML file")->type_name("FILE");
  commands.add(command, [&commands, arguments] { return trace_command(*arguments, commands.colour); });
}

void add_replay(Commands& commands) {
  const auto arguments = std::make_shared<ReplayArguments>();
  RunArguments& run = arguments->run;
  TraceArguments& trace = arguments->trace;
  CLI::App* command = commands.app.add_subcommand(
      "replay",
      "Run recorded routing: its balance, what a capacity drops, its speed beside uniform routing.\n"
      "  moesim replay sequence.csv --model gpt-oss-20b --set executor.weights=int8\n"
      "  moesim replay expert_counts.csv --where domain=arxiv,ranks_counted=topk,model=OLMoE-1B-7B-0924\n"
      "  moesim replay trace.moer my.yaml --set capacity.factor=1.25 -o json");
  command->add_option("trace", trace.file, "recorded routing, in any form that 'moesim trace convert' reads")
      ->required()
      ->type_name("FILE");
  command
      ->add_option(
          "config", run.config,
          "capacity, executor, steps and widths (default: the model's widths, dropless); its router and "
          "number of experts give way to the recording's")
      ->type_name("CONFIG");
  command->add_option("--set", run.overrides, "key=value: overrides the config; may be repeated")
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  command
      ->add_option("--model", trace.model,
                   "the model whose layer is executed (default: that of the recording)")
      ->type_name("MODEL");
  command->add_option("--layer", trace.layer, "the recorded layer that is executed (default: the middle one)")
      ->type_name("N");
  command->add_option("--where", trace.where, "only lines and groups with these values; may be repeated")
      ->allow_extra_args(false)
      ->type_name("COLUMN=VALUE,..");
  command->add_option("--form", trace.form, "the form of FILE, where it cannot be told")->type_name("FORM");
  add_output_options(*command, run.output, run.out_files, run.threads,
                     "the result to a file, in the format of its ending");
  command->add_option("--seed", run.seed, "everything random follows from it")->type_name("N");
  command->add_option("--budget", run.budget, "time of measuring, as 10, 30s or 5min (default 10 s)")
      ->type_name("DURATION");
  commands.add(command, [&commands, arguments] { return replay_command(*arguments, commands.colour); });
}

void add_inspect(Commands& commands) {
  const auto arguments = std::make_shared<InspectArguments>();
  InspectArguments& a = *arguments;
  CLI::App* command = commands.app.add_subcommand(
      "inspect",
      "What Mixture-of-Experts is in a checkpoint? Checks every header, reads few numbers.\n"
      "  moesim inspect mixtral-8x7b\n"
      "  moesim inspect deepseek-v3 --layer 30      (also how large that layer's numbers are)\n"
      "  moesim inspect olmoe --norms -o json");
  command->add_option("checkpoint", a.checkpoint, "a folder with config.json and .safetensors files")
      ->type_name("DIR");
  command
      ->add_option("--layer", a.layer,
                   "read the numbers of this layer (default: the middle one, its experts up to 1 GiB)")
      ->type_name("N");
  command->add_flag("--norms", a.norms, "read the numbers of all layers");
  command->add_option("--layout", a.layout, "which tensor is what (default: found by name)")
      ->type_name("FILE");
  command->add_option("-o,--output", a.output, "what to print")->type_name("table|json");
  command->add_option("-j,--threads", a.threads, "threads (default: the machine's usable cores)")
      ->type_name("N");
  commands.add(command, [arguments] { return inspect_command(*arguments); });
}

void add_layer(Commands& commands) {
  const auto arguments = std::make_shared<LayerArguments>();
  LayerArguments& a = *arguments;
  CLI::App* command = commands.app.add_subcommand(
      "layer",
      "Run one Mixture-of-Experts layer of a checkpoint on given vectors.\n"
      "  moesim layer mixtral-8x7b --layer 3 --input x.npy --out y.npy\n"
      "  moesim layer deepseek-v3 --layer 10 --input x.npy --router-only --routing routed\n"
      "  moesim layer model --layer 0 --input x.npy --out y.npy --layout names.yaml");
  command->add_option("checkpoint", a.checkpoint, "a folder with config.json and .safetensors files")
      ->type_name("DIR");
  command->add_option("--layer", a.layer, "which decoder layer, from 0, dense ones counted too")
      ->type_name("N");
  command->add_option("--input", a.input, "float [T,D]: what enters the block, behind the layer's norm")
      ->type_name("X.npy");
  command->add_option("--out", a.out, "float [T,D]: the block's output, without the residual")
      ->type_name("Y.npy");
  command->add_flag("--router-only", a.router_only, "route and run no experts");
  command->add_option("--routing", a.routing, "folder for what `moesim route --out` writes")
      ->type_name("DIR");
  command->add_option("--layout", a.layout, "which tensor is what (default: found by name)")
      ->type_name("FILE");
  command->add_option("-o,--output", a.output, "what to print")->type_name("table|json");
  command->add_option("-j,--threads", a.threads, "threads (default: the machine's usable cores)")
      ->type_name("N");
  commands.add(command, [arguments] { return layer_command(*arguments); });
}

}  // namespace

void add_model_commands(Commands& commands) {
  add_models(commands);
  add_inspect(commands);
  add_layer(commands);
}

void add_trace_commands(Commands& commands) {
  add_trace(commands);
  add_replay(commands);
}

}  // namespace moesim
