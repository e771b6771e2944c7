#pragma once
// Private to this room: the entries that balance/controllers.cpp lists, and what their rules share.

#include "balance/controller.h"

namespace moesim {

ControllerEntry controller_expert_threshold();
ControllerEntry controller_id_balancing();
ControllerEntry controller_longcat();
ControllerEntry controller_loss_free_mul();
ControllerEntry controller_loss_free_prop();
ControllerEntry controller_loss_free_sign();
ControllerEntry controller_loss_free_sign_centered();
ControllerEntry controller_maxvio_servo();
ControllerEntry controller_quantile_balancing();
ControllerEntry controller_smebu();

// Keys of a controller's section that every kind has.
inline const std::vector<std::string> kControllerReserved = {"kind"};

// For an unknown key: which kinds have it; "" when none has.
std::string controllers_with_key(const std::string& key);

// Largest rate a config may give; with at most 10⁹ steps no bias leaves the range of float32.
constexpr double kLargestRate = 1000.0;

// n̄ = Σn/E, the sum in double (exact below 2^53 assignments).
double mean_load(std::span<const std::uint64_t> loads);

// [E] e_i = (n̄ − n_i)/n̄.
std::vector<double> relative_errors(std::span<const std::uint64_t> loads);

// −1, 0 or 1: of n̄ − n_i.
double direction(double mean, std::uint64_t load);

// Subtracts the mean of the numbers from each.
void centre(std::vector<double>& numbers);

// Binds the section; false when there were problems.
template <class Params>
bool bind_controller(Binder& binder, const ControllerSection& section, Params& params) {
  const std::size_t problems = binder.diagnostics.list().size();
  bind_section(binder, &section.node, section.path, params, kControllerReserved, controllers_with_key);
  return binder.diagnostics.list().size() == problems;
}

// The `make` of a kind whose keys have no relations.
template <class Params, class Kind>
std::unique_ptr<Controller> make_plain_controller(Binder& binder, const ControllerSection& section) {
  Params params;
  return bind_controller(binder, section, params) ? std::make_unique<Kind>(params) : nullptr;
}

}  // namespace moesim
