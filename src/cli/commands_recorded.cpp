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

}  // namespace

void add_model_commands(Commands& commands) {
  add_models(commands);
}

}  // namespace moesim
