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

}  // namespace moesim
