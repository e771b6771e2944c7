#pragma once
// Published models as data: configs/presets/models.yaml, part of the binary. Shapes and published totals are
// from the sources each entry names.

#include <optional>
#include <string>

#include "core/catalogue.h"
#include "models/model_shape.h"

namespace moesim {

struct CatalogueModel {
  std::string name;   // "mixtral-8x7b"
  std::string title;  // "Mixtral-8x7B", as its makers write it
  ModelShape shape;
  std::optional<double> published_total;   // billions
  std::optional<double> published_active;  // billions
  std::string source;
  std::string note;  // what the count leaves open, or ""
};

const Catalogue<CatalogueModel>& model_catalogue();

}  // namespace moesim
