#include "experts/latent.h"

#include "core/checked.h"
#include "experts/fill.h"

namespace moesim {

std::uint64_t latent_params(const LayerShape& shape) {
  return checked_product(
      {2, static_cast<std::uint64_t>(shape.d_model), static_cast<std::uint64_t>(shape.latent_width)},
      "the latent maps");
}

LatentMaps make_latent_maps(const LayerShape& shape, RandomKey key, const Context& context) {
  LatentMaps maps;
  if (shape.latent_width == 0) {
    return maps;
  }
  maps.norm = shape.latent_norm;
  maps.down.resize(shape.latent_width, shape.d_model);
  maps.up.resize(shape.d_model, shape.latent_width);
  fill_matrix({key, std::uint64_t{5} << 60, unit_deviation(shape.d_model)}, maps.down, context);
  fill_matrix({key, std::uint64_t{6} << 60, unit_deviation(shape.latent_width)}, maps.up, context);
  return maps;
}

}  // namespace moesim
