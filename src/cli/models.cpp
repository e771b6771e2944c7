// moesim models: what published models weigh, and what a checkpoint's config.json says of another.

#include <fmt/format.h>

#include "cli/outputs.h"
#include "cli/page_output.h"
#include "cli/session.h"
#include "config/suggest.h"
#include "core/error.h"
#include "core/text.h"
#include "models/hf_config.h"
#include "models/model_catalogue.h"
#include "page/pages.h"
#include "report/models_screen.h"

namespace moesim {
namespace {

const CatalogueModel& find_model(const std::string& name) {
  const CatalogueModel* model = model_catalogue().find(name);
  if (model == nullptr) {
    const std::string near = suggest(name, model_catalogue().names());
    throw Error(
        ErrorKind::usage,
        fmt::format("moesim models {0}: error: no model is called '{0}'; expected a name that `moesim "
                    "models` lists [unknown-variant]",
                    display_safe(name)),
        near.empty() ? "'moesim models' lists them all; --config reads a checkpoint's config.json"
                     : fmt::format("did you mean '{}'?", near));
  }
  return *model;
}

CatalogueModel model_of_config(const std::string& path, std::vector<HfKey>& keys) {
  CatalogueModel model;
  model.shape = read_hf_config_file(path, &keys);
  model.name = model.shape.name;
  model.title = model.shape.name;
  model.source = path;
  return model;
}

}  // namespace

int models_command(const ModelsArguments& arguments, const std::string& colour) {
  if (!arguments.name.empty() && !arguments.config.empty()) {
    throw Error(
        ErrorKind::usage,
        "moesim models: error: a name and --config are both given; expected one of them [bad-option]");
  }
  const bool has_page = !arguments.page.report.empty() || !arguments.page.figures.empty();
  const bool one = !arguments.name.empty() || !arguments.config.empty();
  if (has_page && one) {
    throw Error(ErrorKind::usage,
                "--report: error: has no effect for one model; expected all of them [no-effect]",
                "moesim models --report models.html");
  }
  PageOutput page(arguments.page);
  ResultOutputs outputs(arguments.output, arguments.out_files, page.names());
  std::vector<HfKey> keys;
  std::vector<CatalogueModel> models;
  if (!arguments.config.empty()) {
    models.push_back(model_of_config(arguments.config, keys));
  } else if (!arguments.name.empty()) {
    models.push_back(find_model(arguments.name));
  } else {
    models = model_catalogue().entries();
  }
  std::vector<FlatRow> rows;
  for (const CatalogueModel& model : models) {
    rows.push_back(model_row(model));
  }
  outputs.open();
  page.open();
  outputs.write(
      [&](Format format, const ScreenStyle&) {
        if (format == Format::table) {
          return one ? render_model(models.front(), keys) : render_models(models);
        }
        return render_rows(rows, format);
      },
      stdout_style(colour));
  page.write([&] { return models_page(models, "moesim models --report models.html"); });
  return 0;
}

}  // namespace moesim
