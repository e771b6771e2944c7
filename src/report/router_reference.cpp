#include "report/router_reference.h"

#include <fmt/format.h>

#include "balance/controller.h"
#include "balance/loss_choices.h"
#include "balance/losses.h"
#include "core/error.h"
#include "dispatch/capacity.h"

namespace moesim {
namespace {

constexpr Index kEnoughExperts = 256;

constexpr const char* kIntroduction = R"(# Routers, capacities, losses, controllers

Written from the catalogues of the program; `moesim routers NAME` prints one entry, `moesim routers -o json` all.

## How to read it

A router is a family (`router.kind`) and the values of its stages; a preset (`router.preset`) is a family with the values of a published
model, and keys beside it replace single stages. To copy: `router: {kind: NAME}`, `router: {preset: NAME}`. The stages of token choice, in order: input transform, logit, noise, score, selection
score (bias), group limits, selection, second-expert policy, weights; then capacity and drops.

Ties go to the lowest expert, then to the lowest token. A preset routes as the model does at inference; what training adds (noise, sampling) is
a preset of its own, `…_train` (methods that only balance in training, such as an auction, are named as they train); capacity factors
are those of training. Where programs run
one model differently, each has its preset: what differs stands beside it, and `moesim route --diff` finds the stage on given numbers.
"secondary source": the rule was taken from a description, not from the paper or the code itself.
)";

constexpr const char* kLeftOut = R"(
## What is left out

| method | why |
|---|---|
| Klear's mixture of routed and shared experts by a learned coefficient | `layer.shared_kind: residual_mix` is that sum; the model's router is `minimax_m2` with other sizes |
| scores of routed and shared experts normalised together (Inkling) | known from a secondary source only |
| Kolibri-1, Hy3, MiMo-V2.5, LongCat-2.0, DeepSeek-V4-Pro, Kimi-K3 | known from a secondary source only, which describes `torchtitan`, `glm45`, `longcat_flash`, `deepseek_v4` and `minimax_m2` with other values |
| sequence-level quantile balancing, causal bias, dual bias | known from a secondary source only; the exact rules could not be read |
| exact quantiles of all ranks by passes over bit patterns (arXiv:2609.28053) | known from a secondary source only; `quantile_balancing` with `method: exact` has the whole batch and needs no passes |
| learned numbers of experts per token (Ada-K, ProbMoE, DynaMoE), router-free, learned-to-rank and prototype routing | known from a secondary source only |
| routing with parameters of an earlier step, replay of recorded routing in training | known from a secondary source only |
| dropping experts far below the best one (ik_llama.cpp's reduction) | switched off in the code that was read |
| losses: similarity-preserving orthogonality (arXiv:2506.14038), competition (GatePro, arXiv:2510.13079), normalised gating logits with adaptive weights (Skywork), dual and phi balancing, injected gradients (arXiv:2609.28053) | known from a secondary source only |
| the loss found by program search (arXiv:2509.19349) | its first part is `global_batch`; the second, a hinge on rarely used experts, is not here |
| replicas and packing of experts on devices (EPLB) | leaves the router as it is; all experts here run on one machine |
| SkipE | no paper and no code under this name was found |
| the previous layer's logits as a part of this one's (MoE++) | layers here share nothing |
| Kimi-K2 in maxtext, whose biased scores are the weights | a bias that weighs would be a different bias everywhere |
)";

std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    escaped += c == '|' ? "\\|" : std::string(1, c);
  }
  return escaped;
}

std::vector<std::string> words_of(const Node& section) {
  std::vector<std::string> words;
  for (const Node::Entry& entry : section.entries) {
    words.push_back(entry.key + ": " + entry.value.text);
  }
  return words;
}

std::string capacity_in_words(const Node& capacity) {
  return capacity.kind == Node::Kind::map ? fmt::format("capacity: {{{}}}", in_one_line(words_of(capacity)))
                                          : "";
}

// The keys of `section` that `model` has otherwise, or not at all, and those that only `model` has.
std::string difference(const Node& section, const Node& model) {
  std::vector<std::string> words;
  for (const Node::Entry& entry : section.entries) {
    const Node* other = model.child(entry.key);
    if (other == nullptr || other->text != entry.value.text) {
      words.push_back(entry.key + ": " + entry.value.text);
    }
  }
  for (const Node::Entry& entry : model.entries) {
    if (section.child(entry.key) == nullptr) {
      words.push_back("without " + entry.key);
    }
  }
  return in_one_line(words);
}

// "" where both have the same rows for an expert.
std::string capacity_difference(const RouterPreset& preset, const RouterPreset& model) {
  const std::string own = capacity_in_words(preset.capacity);
  const std::string other = capacity_in_words(model.capacity);
  return own == other ? "" : own.empty() ? "without capacity" : own;
}

std::string joined(const std::string& stages, const std::string& capacity) {
  return stages + (stages.empty() || capacity.empty() ? "" : "; ") + capacity;
}

std::string render_family(const RouterFamily& family) {
  std::string text =
      fmt::format("\n### `{}`\n\n{}. Source: {}. By default: {}.\n\n", family.name, family.summary,
                  family.origin, in_one_line(traits_in_words(traits_of_family(family.name))));
  text += "| key | what | expected | default |\n|---|---|---|---|\n";
  for (const FieldInfo& field : family.fields()) {
    text += fmt::format("| `{}` | {} | {} | `{}` |\n", field.name, cell(field.doc), cell(field.expected),
                        cell(field.default_text));
  }
  return text;
}

std::string render_preset(const RouterPreset& preset) {
  return fmt::format("| `{}` | {} | {} | {} | {} |\n", preset.name, cell(preset.summary),
                     cell(preset.used_by), cell(stages_in_words(preset)), cell(preset.origin));
}

std::string render_presets() {
  std::string text =
      "\n## Presets\n\nA model's own preset, then its variants: other programs, training (of their stages: "
      "what differs).\n\n"
      "| preset | what | used by | stages | source |\n|---|---|---|---|---|\n";
  for (const RouterPreset& preset : router_presets().entries()) {
    if (!preset.variant_of.empty()) {
      continue;
    }
    text += render_preset(preset);
    for (const RouterPreset& variant : router_presets().entries()) {
      text += variant.variant_of == preset.name ? render_preset(variant) : "";
    }
  }
  return text;
}

std::string render_capacity() {
  std::string text =
      "\n## Capacity formulas\n\n`capacity.formula`; T tokens of a group, k experts a token, E experts, CF "
      "the factor.\n\n"
      "| formula | rows an expert may take | source |\n|---|---|---|\n";
  for (const FormulaInfo& formula : capacity_formulas()) {
    std::string own;
    own += formula.min > 0 ? fmt::format(", at least {}", formula.min) : "";
    own += formula.multiple_of > 1 ? fmt::format(", up to a multiple of {}", formula.multiple_of) : "";
    text +=
        fmt::format("| `{}` | {}{} | {} |\n", formula.name, cell(formula.rows), own, cell(formula.origin));
  }
  text +=
      "\n## Drop rules\n\n`capacity.drop`: who keeps a place.\n\n| rule | what | source |\n|---|---|---|\n";
  for (const DropRuleInfo& rule : drop_rules()) {
    text += fmt::format("| `{}` | {} | {} |\n", rule.name, cell(rule.summary), cell(rule.origin));
  }
  return text;
}

std::string render_balance() {
  std::string text =
      "\n## Balancing losses\n\nIn `route.json`, coefficient 1. f: counts, held constant; P: mean scores.\n\n"
      "| loss | formula | at balance | usual weight | users | source |\n|---|---|---|---|---|---|\n";
  for (const LossEntry& loss : losses().entries()) {
    text +=
        fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", loss.name, cell(loss.formula),
                    cell(loss.at_balance), cell(loss.default_weight), cell(loss.users), cell(loss.origin));
  }
  text +=
      "\nWhere programs differ within a loss, the formula names the choice in brackets. It is no key of a "
      "config: the commands take the first value, the library (`balance/losses.h`) takes each.\n\n"
      "| choice | what | taken, and others |\n|---|---|---|\n";
  for (const FieldInfo& choice : fields_of<LossChoices>().infos()) {
    std::string others;
    for (const std::string& value : choice.choices) {
      others += value == choice.default_text ? "" : fmt::format(", `{}`", value);
    }
    text +=
        fmt::format("| `{}` | {} | `{}`{} |\n", choice.name, cell(choice.doc), choice.default_text, others);
  }
  text +=
      "\n## Controllers\n\n`balance.controller.kind`, `moesim balance`: they move the selection bias instead "
      "of adding a "
      "loss.\n\n| controller | what | its bias is in units of | source |\n|---|---|---|---|\n";
  for (const ControllerEntry& entry : controllers().entries()) {
    text += fmt::format("| `{}` | {} | {} | {} ({}) |\n", entry.name, cell(entry.summary), cell(entry.unit),
                        cell(entry.origin), entry.source_kind);
  }
  return text;
}

}  // namespace

RouterTraits traits_of_section(const Node& section, Index num_experts) {
  Binder binder;
  const std::unique_ptr<Router> router = make_router(binder, &section, {.num_experts = num_experts});
  MOESIM_CHECK(router != nullptr,
               "a router of the catalogue does not build: " + binder.diagnostics.render_all());
  return router->traits();
}

RouterTraits traits_of_family(const std::string& kind) {
  const RouterFamily* family = router_families().find(kind);
  return family->nominal != nullptr ? family->nominal()
                                    : traits_of_section(example_section(*family), kEnoughExperts);
}

RouterTraits traits_of_preset(const std::string& name) {
  return traits_of_section(scalar_section({{"preset", name}}), kEnoughExperts);
}

std::vector<std::string> traits_in_words(const RouterTraits& traits) {
  std::vector<std::string> words;
  switch (traits.choice) {
    case Choice::token:
      words.push_back(traits.exact_k ? fmt::format("each token chooses exactly {}", traits.top_k)
                                     : "tokens choose, any number");
      break;
    case Choice::expert:
      words.emplace_back("experts choose");
      break;
    case Choice::soft:
      words.emplace_back("nobody chooses");
      break;
    case Choice::fixed:
      words.push_back(fmt::format("a table or chance chooses {}", traits.top_k));
      break;
  }
  words.emplace_back(traits.row_local ? "a token's routing is its own" : "looks at the whole batch");
  const auto add_if = [&words](bool holds, const char* word) {
    if (holds) {
      words.emplace_back(word);
    }
  };
  add_if(!traits.causal, "later tokens change earlier ones");
  if (traits.normalised) {
    words.push_back(fmt::format("weights sum to {}", traits.weight_sum));
  }
  add_if(traits.stochastic, "draws random numbers");
  add_if(traits.uses_bias, "takes a selection bias");
  add_if(!traits.needs_logits, "looks at no logits");
  add_if(traits.needs_token_ids, "needs token ids");
  add_if(traits.needs_hidden, "needs the tokens' vectors");
  add_if(!traits.distinct, "a token may take an expert twice");
  add_if(!traits.takes_capacity, "never overfills an expert");
  return words;
}

std::string in_one_line(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

std::string stages_in_words(const RouterPreset& preset) {
  if (preset.variant_of.empty()) {
    return joined(in_one_line(words_of(preset.section)), capacity_in_words(preset.capacity));
  }
  const RouterPreset* model = router_presets().find(preset.variant_of);
  MOESIM_CHECK(model != nullptr, preset.name + " is a variant of no preset");
  const std::string text =
      joined(difference(preset.section, model->section), capacity_difference(preset, *model));
  return text.empty() ? "nothing" : text;
}

std::vector<std::string> stages_beyond_defaults(const RouterPreset& preset) {
  Binder binder;
  const Node section = scalar_section({{"preset", preset.name}});
  make_router(binder, &section, {.num_experts = kEnoughExperts});
  const RouterFamily* family = router_families().find(preset.section.child("kind")->text);
  MOESIM_CHECK(family != nullptr, preset.name + " is of no family");
  std::vector<std::string> words;
  for (const FieldInfo& field : family->fields()) {
    for (const ResolvedValue& value : binder.resolved) {
      if (value.path == "router." + field.name && value.value != field.default_text) {
        words.push_back(field.name + ": " + value.value);
      }
    }
  }
  return words;
}

std::string render_router_reference() {
  std::string text = std::string(kIntroduction) + "\n## Families\n";
  for (const RouterFamily& family : router_families().entries()) {
    text += render_family(family);
  }
  return text + render_presets() + render_capacity() + render_balance() + kLeftOut;
}

}  // namespace moesim
