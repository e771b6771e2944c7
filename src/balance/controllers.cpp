// The list of controllers, the choice among them, and what they share. To add one: write its file, declare
// its entry in balance/controller_variants.h, name it here.

#include "balance/controller.h"

#include <fmt/format.h>

#include <algorithm>

#include "balance/controller_variants.h"
#include "core/error.h"

namespace moesim {
namespace {

std::string title_of(const Node& section, const std::string& kind) {
  std::string title = kind;
  for (const Node::Entry& entry : section.entries) {
    if (entry.key != "kind" && entry.value.kind == Node::Kind::scalar) {
      title += " " + entry.key + "=" + entry.value.text;
    }
  }
  return title;
}

const ControllerEntry* find_entry(Binder& binder, const ControllerSection& section) {
  const std::string choices = "one of " + list_choices(controllers().names());
  if (section.node.kind != Node::Kind::map) {
    binder.error(section.path, "got " + describe_node(section.node),
                 "a section such as {kind: loss_free_sign}", "wrong-type");
    return nullptr;
  }
  const Node* kind = section.node.child("kind");
  if (kind == nullptr) {
    binder.error(section.path, "missing key 'kind'", choices, "missing-key", "write {kind: loss_free_sign}");
    return nullptr;
  }
  const ControllerEntry* entry = controllers().find(kind->text);
  if (entry == nullptr) {
    const std::string near = suggest(kind->text, controllers().names());
    binder.error(section.path + ".kind", fmt::format("unknown controller '{}'", shorten(kind->text)), choices,
                 "unknown-variant", near.empty() ? "" : fmt::format("did you mean '{}'?", near));
  }
  return entry;
}

std::vector<float> to_floats(const std::vector<double>& numbers) {
  std::vector<float> floats(numbers.size());
  std::transform(numbers.begin(), numbers.end(), floats.begin(),
                 [](double number) { return static_cast<float>(number); });
  return floats;
}

}  // namespace

ControllerState Controller::start(Index num_experts, std::span<const float> bias) const {
  ControllerState state;
  switch (traits().acts) {
    case Acts::adds:
      state.bias.assign(bias.begin(), bias.end());
      state.bias.resize(static_cast<std::size_t>(num_experts));
      break;
    case Acts::multiplies:
      state.bias.assign(static_cast<std::size_t>(num_experts), 1.0);
      break;
    case Acts::thresholds:
    case Acts::coefficient:
      break;
  }
  return state;
}

ControllerState Controller::next(const ControllerState& state, const ControlRecord& record) const {
  const ControllerTraits facts = traits();
  const auto num_experts = static_cast<Index>(record.loads.size());
  MOESIM_CHECK(state.bias.empty() || state.bias.size() == record.loads.size(),
               "a controller's state of another number of experts");
  MOESIM_CHECK(record.num_zero_experts >= 0 && record.num_zero_experts < std::max<Index>(1, num_experts),
               "a record without a real expert");
  MOESIM_CHECK(
      !facts.needs_values || (record.values.rows == record.tokens && record.values.cols == num_experts),
      "this controller needs the values of every token and expert");
  const bool assigned =
      std::any_of(record.loads.begin(), record.loads.end(), [](std::uint64_t n) { return n > 0; });
  if (facts.needs_values ? record.tokens == 0 : !assigned) {
    return state;
  }
  ControllerState after = state;
  ++after.step;
  update(record, after);
  return after;
}

RouterState steered(const Controller& controller, const ControllerState& state, const RouterState& before) {
  RouterState after = before;
  switch (controller.traits().acts) {
    case Acts::adds:
      after.expert_bias = to_floats(state.bias);
      break;
    case Acts::multiplies:
      after.selection_scale = to_floats(state.bias);
      break;
    case Acts::thresholds:
    case Acts::coefficient:
      break;
  }
  return after;
}

const Catalogue<ControllerEntry>& controllers() {
  static const Catalogue<ControllerEntry> list(
      {controller_expert_threshold(), controller_id_balancing(), controller_longcat(),
       controller_loss_free_mul(), controller_loss_free_prop(), controller_loss_free_sign(),
       controller_loss_free_sign_centered(), controller_maxvio_servo(), controller_quantile_balancing(),
       controller_smebu()});
  return list;
}

ControllerChoice make_controller(Binder& binder, const ControllerSection& section) {
  const ControllerEntry* entry = find_entry(binder, section);
  if (entry == nullptr) {
    return {};
  }
  binder.resolved.push_back({section.path + ".kind", entry->name, section.node.child("kind")->where.text()});
  return {entry->make(binder, section), entry->name, title_of(section.node, entry->name), section.path};
}

std::string controllers_with_key(const std::string& key) {
  std::string kinds;
  for (const ControllerEntry& entry : controllers().entries()) {
    const std::vector<FieldInfo> fields = entry.fields();
    if (std::any_of(fields.begin(), fields.end(), [&](const FieldInfo& f) { return f.name == key; })) {
      kinds += (kinds.empty() ? "" : ", ") + entry.name;
    }
  }
  return kinds.empty() ? "" : fmt::format("'{}' is a key of controller kind {}", key, kinds);
}

double mean_load(std::span<const std::uint64_t> loads) {
  double sum = 0;
  for (const std::uint64_t load : loads) {
    sum += static_cast<double>(load);
  }
  return sum / static_cast<double>(loads.size());
}

std::vector<double> relative_errors(std::span<const std::uint64_t> loads) {
  const double mean = mean_load(loads);
  std::vector<double> errors;
  errors.reserve(loads.size());
  for (const std::uint64_t load : loads) {
    errors.push_back((mean - static_cast<double>(load)) / mean);
  }
  return errors;
}

double direction(double mean, std::uint64_t load) {
  const double error = mean - static_cast<double>(load);
  return error > 0 ? 1.0 : error < 0 ? -1.0 : 0.0;
}

void centre(std::vector<double>& numbers) {
  double sum = 0;
  for (const double number : numbers) {
    sum += number;
  }
  const double mean = sum / static_cast<double>(numbers.size());
  for (double& number : numbers) {
    number -= mean;
  }
}

}  // namespace moesim
