// moesim init: a starter config, and beside it the schema that lets an editor check and complete it.

#include <fmt/format.h>

#include <filesystem>

#include "cli/session.h"
#include "config/suggest.h"
#include "core/error.h"
#include "core/text.h"
#include "io/files.h"
#include "report/config_schema.h"
#include "report/starter_config.h"

namespace moesim {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSchemaFile = "moesim.schema.json";

std::string list_templates(const std::vector<StarterTemplate>& starters, const std::string& indent) {
  std::string text;
  for (const StarterTemplate& starter : starters) {
    text += fmt::format("{}{:<10}{}\n", indent, starter.name, starter.summary);
  }
  return text;
}

const StarterTemplate& find_template(const std::vector<StarterTemplate>& starters, const std::string& name) {
  std::vector<std::string> names;
  for (const StarterTemplate& starter : starters) {
    if (starter.name == name) {
      return starter;
    }
    names.push_back(starter.name);
  }
  const std::string near = suggest(name, names);
  std::string list = list_templates(starters, "    ");
  list.pop_back();
  throw Error(ErrorKind::usage,
              fmt::format("moesim init: error: unknown template '{}'; expected one of {} [unknown-variant]",
                          display_safe(name), list_choices(names)),
              near.empty() ? "the templates are\n" + list : fmt::format("did you mean '{}'?", near));
}

// A link that leads nowhere counts: writing would replace it.
bool is_there(const std::string& path) {
  std::error_code unknown;
  return fs::exists(fs::symlink_status(path, unknown));
}

void refuse_existing(const std::string& path, const std::string& help) {
  throw Error(ErrorKind::cannot_create,
              fmt::format("{}: error: it exists already; expected a new name, or --force to replace it "
                          "[cannot-create]",
                          display_safe(path)),
              help);
}

// What another version of the program left there may be replaced; a file of someone else's may not.
bool is_our_schema(const std::string& path, const std::string& schema) {
  const std::string first = schema.substr(0, schema.find("\"description\""));
  constexpr std::uint64_t kMostBytes = 16 << 20;
  return fs::is_regular_file(path) && read_file(path, kMostBytes).rfind(first, 0) == 0;
}

}  // namespace

int init_command(const InitArguments& arguments) {
  const std::vector<StarterTemplate> starters = starter_templates();
  if (arguments.list) {
    if (arguments.name || arguments.out || arguments.force) {
      throw Error(ErrorKind::usage,
                  "--list: error: only says what there is; expected no template, --out or --force beside it "
                  "[no-effect]",
                  "moesim init --list");
    }
    write_stdout(list_templates(starters, ""));
    return 0;
  }
  const StarterTemplate& starter = find_template(starters, arguments.name.value_or("run"));
  const std::string out = arguments.out.value_or("moesim.yaml");
  if (out == "-") {
    write_stdout(render_starter_config(starter, config_sections(), "moesim.yaml", kSchemaFile));
    return 0;
  }
  const fs::path path(out);
  std::error_code unknown;
  if (path.filename().empty() || fs::is_directory(path, unknown)) {
    throw Error(ErrorKind::usage,
                fmt::format("--out: error: got '{}'; expected the name of a file, or - for standard output "
                            "[bad-option]",
                            display_safe(out)),
                "--out " + display_safe(shell_quoted((path / "moesim.yaml").string())));
  }
  if (path.filename() == kSchemaFile) {
    throw Error(
        ErrorKind::usage,
        fmt::format("--out: error: got '{}', the name of the schema that is written beside the config; "
                    "expected another name [bad-option]",
                    display_safe(out)),
        "--out " + display_safe(shell_quoted((path.parent_path() / "moesim.yaml").string())));
  }
  const std::string schema = render_config_schema(config_sections(), router_preset_names());
  const std::string schema_path = (path.parent_path() / kSchemaFile).string();
  if (!arguments.force && is_there(out)) {
    refuse_existing(out, fmt::format("moesim init {} --out another.yaml", starter.name));
  }
  if (!arguments.force && is_there(schema_path) && !is_our_schema(schema_path, schema)) {
    refuse_existing(schema_path, "the schema for editors belongs beside the config; choose another folder");
  }
  const std::string to_type = out.front() == '-' ? "./" + out : out;
  const std::string shown = display_safe(shell_quoted(to_type));
  write_file_atomically(schema_path, schema);
  write_file_atomically(out, render_starter_config(starter, config_sections(), shown, kSchemaFile));
  std::string text =
      fmt::format("config   {}\nschema   {} (for editors)\n", display_path(out), display_path(schema_path));
  for (std::size_t i = 0; i < starter.commands.size(); ++i) {
    text += fmt::format("{}{}\n", i == 0 ? "next     " : "         ",
                        command_for_file(starter.commands[i], shown));
  }
  write_stdout(text);
  return 0;
}

}  // namespace moesim
