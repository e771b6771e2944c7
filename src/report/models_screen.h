#pragma once
// Whole models as rows and screens: parameters, work and memory of the catalogue's entries, or of a user's
// config.json.

#include <string>
#include <vector>

#include "core/flat_row.h"
#include "models/hf_config.h"
#include "models/model_catalogue.h"
#include "models/model_parameters.h"

namespace moesim {

// The convention whose count lies nearest to the published active parameters.
struct NearestConvention {
  const char* name = "";    // "all", "no_input_embedding", "no_embeddings"
  double difference = 0.0;  // count / published − 1
};
NearestConvention nearest_convention(const ActiveParameters& active, double published_billions);

// One row with the names of docs/formats.md; what is not known is null.
FlatRow model_row(const CatalogueModel& model);

std::string render_models(const std::vector<CatalogueModel>& models);

// `keys`: where a config.json had what, or empty.
std::string render_model(const CatalogueModel& model, const std::vector<HfKey>& keys);

}  // namespace moesim
