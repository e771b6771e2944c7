// moesim route: given numbers through a router, for other programs; or through two, to see where they part.

#include <fmt/format.h>

#include <filesystem>

#include "cli/page_output.h"
#include "cli/session.h"
#include "config/suggest.h"
#include "core/error.h"
#include "core/machine.h"
#include "core/text.h"
#include "engine/route_diff.h"
#include "io/files.h"
#include "page/pages.h"
#include "report/route_diff_screen.h"
#include "report/route_files.h"

namespace moesim {
namespace {

[[noreturn]] void wrong_use(const std::string& what, const std::string& expected,
                            const std::string& help = "") {
  throw Error(ErrorKind::usage,
              fmt::format("moesim route: error: {}; expected {} [bad-option]", what, expected), help);
}

PolicySource source_of(const RouteArguments& arguments) {
  if (arguments.config.empty() == arguments.preset.empty()) {
    wrong_use(arguments.config.empty() ? "neither a config nor --preset is given"
                                       : "a config and --preset are both given",
              "one of them");
  }
  return {.config = arguments.config, .preset = arguments.preset, .overrides = arguments.overrides};
}

// The other side of a comparison: a config where there is such a file, else a preset.
PolicySource other_source(const RouteArguments& arguments) {
  std::error_code unknown;
  const bool is_preset = router_presets().find(arguments.diff) != nullptr &&
                         !std::filesystem::is_regular_file(arguments.diff, unknown);
  if (!is_preset && !std::filesystem::exists(arguments.diff, unknown) &&
      !is_built_in_config(arguments.diff)) {
    const std::string near = suggest(arguments.diff, router_presets().names());
    const bool may_be_a_path = arguments.diff.find_first_of("/.") != std::string::npos;
    if (!near.empty() || !may_be_a_path) {
      throw Error(
          ErrorKind::usage,
          fmt::format("--diff: error: there is no config and no router preset '{}'; expected one of them "
                      "[unknown-variant]",
                      display_safe(arguments.diff)),
          near.empty() ? "'moesim routers' lists the presets" : fmt::format("did you mean '{}'?", near));
    }
  }
  return {.config = is_preset ? "" : arguments.diff,
          .preset = is_preset ? arguments.diff : "",
          .overrides = arguments.overrides};
}

struct Routed {
  Policy policy;
  RouteNumbers numbers;
  RouteResult result;
};

LossSettings loss_settings(const RouteArguments& arguments) {
  constexpr std::int64_t kMost = std::int64_t{1} << 40;
  LossSettings settings;
  if (!arguments.sequence_length.empty()) {
    settings.sequence_length = parse_whole_option("--sequence-length", arguments.sequence_length, 1, kMost);
  }
  if (!arguments.devices.empty()) {
    settings.num_devices = parse_whole_option("--devices", arguments.devices, 1, kMost);
  }
  return settings;
}

// load_policy knows a preset as "--preset NAME"; of the other side "--diff NAME" was typed.
[[noreturn]] void throw_as_diff(const ConfigError& error, const std::string& preset) {
  const auto rename = [&](Location& where) {
    if (where.source == "--preset " + display_safe(preset)) {
      where.source = "--diff " + display_safe(preset);
    }
  };
  Diagnostics renamed;
  for (Diagnostic diagnostic : error.diagnostics().list()) {
    rename(diagnostic.where);
    for (auto& [where, text] : diagnostic.notes) {
      rename(where);
    }
    renamed.add(std::move(diagnostic));
  }
  throw ConfigError(renamed);
}

Routed route(const PolicySource& source, const RouteArguments& arguments, const Context& context) {
  Routed routed;
  routed.policy = load_policy(source, experts_of(arguments.files));
  const RouteFiles files =
      arguments.diff.empty() ? arguments.files : usable_files(arguments.files, routed.policy);
  routed.numbers = read_route_numbers(files, routed.policy, context);
  routed.result = route_numbers(routed.policy, routed.numbers, context);
  routed.result.losses = batch_losses(routed.policy, routed.numbers, routed.result, loss_settings(arguments));
  return routed;
}

Routed route_other(const RouteArguments& arguments, const Context& context) {
  const PolicySource source = other_source(arguments);
  try {
    return route(source, arguments, context);
  } catch (const ConfigError& error) {
    if (source.preset.empty()) {
      throw;
    }
    throw_as_diff(error, source.preset);
  }
}

// The command that compares so, to be typed.
std::string diffing_command(const RouteArguments& arguments) {
  std::string text = "moesim route";
  const auto add = [&text](const std::string& option, const std::string& value) {
    if (!value.empty()) {
      text += (option.empty() ? "" : " " + option) + " " + shell_quoted(value);
    }
  };
  const RouteFiles& files = arguments.files;
  add("", arguments.config);
  add("--preset", arguments.preset);
  add("--logits", files.logits);
  add("--hidden", files.hidden);
  add("--gate", files.gate);
  add("--gate-bias", files.gate_bias);
  add("--projection", files.projection);
  add("--bias", files.bias);
  add("--token-ids", files.token_ids);
  add("--table", files.table);
  for (const std::string& value : arguments.overrides) {
    add("--set", value);
  }
  add("--diff", arguments.diff);
  return text;
}

void check_page(const RouteArguments& arguments) {
  if (arguments.diff.empty() && !arguments.page.report.empty()) {
    throw Error(ErrorKind::usage,
                "--report: error: has no effect without --diff; expected --diff OTHER [no-effect]",
                "--diff OTHER compares two routers, which is what the page shows");
  }
}

}  // namespace

int route_command(const RouteArguments& arguments) {
  const bool json = parse_choice_option("-o", arguments.output, {"table", "json"}) == "json";
  check_page(arguments);
  if (arguments.out.empty() && arguments.diff.empty() && !json) {
    wrong_use("nothing says what to do with the result", "--out DIR, --diff OTHER or -o json",
              "add --out routed, which writes what each token chose into that folder");
  }
  if (!arguments.out.empty() && !arguments.diff.empty()) {
    wrong_use("--out has no effect beside --diff, which writes no arrays", "one of them");
  }
  PageOutput page(arguments.page);
  page.open();
  const Context context({.threads = read_machine().usable_cores});
  const Routed a = route(source_of(arguments), arguments, context);
  if (arguments.diff.empty()) {
    const RoutedFiles files{a.policy, arguments.files, a.result};
    if (!arguments.out.empty()) {
      write_route_files(arguments.out, files);
    }
    const std::string saved =
        arguments.out.empty() ? "" : fmt::format("saved    {}/\n", display_safe(arguments.out));
    write_stdout(json ? route_json(files) : route_screen(a.policy, a.result) + saved);
    return 0;
  }
  const Routed b = route_other(arguments, context);
  const RoutedSide left{a.policy, a.numbers, a.result};
  const RoutedSide right{b.policy, b.numbers, b.result};
  const RouteDiff diff = diff_routes(left, right, context);
  write_stdout(json ? route_diff_json(diff, a.policy.title, b.policy.title)
                    : render_route_diff(diff, a.policy.title, b.policy.title));
  page.write([&] {
    return route_diff_page(diff, diff_stages(left, right, context), left, right, diffing_command(arguments));
  });
  return 0;
}

}  // namespace moesim
