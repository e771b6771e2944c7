#include "engine/experiment.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/merge.h"
#include "core/build_info.h"
#include "core/hash.h"
#include "engine/given_layer.h"
#include "engine/layer_section.h"
#include "engine/policy.h"

namespace moesim {
namespace {

constexpr EnumName<Baseline> kBaselines[] = {{Baseline::dense_same_active, "dense_same_active"},
                                             {Baseline::dense_same_total, "dense_same_total"},
                                             {Baseline::dense_same_flops, "dense_same_flops"},
                                             {Baseline::dense_same_time, "dense_same_time"}};
// What runs where the config says nothing: so many of them from the front.
constexpr std::size_t kUsualBaselines = 2;

// The keys of the top level that are values, not sections.
struct TopParams {
  std::string name = "experiment";
  std::uint64_t seed = 42;
  bool execute = true;
};
void describe(Fields<TopParams>& f) {
  f.add("name", &TopParams::name).doc("what the results are called");
  f.add("seed", &TopParams::seed).doc("everything random follows from it");
  f.add("execute", &TopParams::execute).doc("false: route only, run no experts");
}

// The section of a variant chosen by its `kind`.
template <class Entry>
const Entry* find_kind(Binder& binder, const Catalogue<Entry>& catalogue, const Node* section,
                       const std::string& path, const std::string& example) {
  const Node* kind = section == nullptr ? nullptr : section->child("kind");
  if (section != nullptr && section->kind != Node::Kind::map) {
    binder.error(path, "got " + describe_node(*section), "a section with a key 'kind'", "wrong-type");
    return nullptr;
  }
  const std::string choices = "one of " + list_choices(catalogue.names());
  if (kind == nullptr) {
    binder.error(path, "missing key 'kind'", choices, "missing-key",
                 fmt::format("write {}: {}", path, example));
    return nullptr;
  }
  const Entry* entry = catalogue.find(kind->text);
  if (entry == nullptr) {
    const std::string near = suggest(kind->text, catalogue.names());
    binder.error(path + ".kind", fmt::format("unknown {} '{}'", path, kind->text), choices, "unknown-variant",
                 near.empty() ? "" : fmt::format("did you mean '{}'?", near));
  }
  return entry;
}

std::unique_ptr<Workload> bind_workload(Binder& binder, const Node* section,
                                        const WorkloadEnvironment& environment) {
  const WorkloadEntry* entry =
      find_kind(binder, workloads(), section, "workload", "{kind: text, files: [my_text.txt]}");
  if (entry == nullptr) {
    return nullptr;
  }
  binder.resolved.push_back({"workload.kind", entry->name, section->child("kind")->where.text()});
  return entry->make(binder, *section, environment);
}

// A router may need to share a batch out evenly.
void check_tokens(Binder& binder, const Experiment& experiment) {
  const Index multiple = experiment.router->traits().token_multiple;
  const Index tokens = experiment.workload->tokens();
  if (tokens % multiple == 0) {
    return;
  }
  const Index lower = tokens / multiple * multiple;
  binder.error("workload.tokens",
               fmt::format("{} tokens do not divide among {} experts", tokens, experiment.shape.pool_size()),
               fmt::format("a multiple of {}", multiple), "not-divisible",
               lower > 0 ? fmt::format("the nearest are {} and {}", lower, lower + multiple)
                         : fmt::format("the nearest is {}", multiple),
               {{binder.locate("router"), "this router gives every expert equally many tokens of a batch"},
                {binder.locate("layer.num_experts"),
                 fmt::format("layer.num_experts is {}{}", experiment.shape.num_experts,
                             binder.given("layer.num_experts") ? "" : " (the default)")}});
}

// A workload that makes logits has nothing else to give.
void check_given_logits(Binder& binder, const Experiment& experiment) {
  if (experiment.workload->num_logits() == 0) {
    return;
  }
  const auto refuse = [&binder](const std::string& why, const std::string& expected,
                                const std::string& help) {
    binder.error("workload.kind", "this workload makes logits and no vectors: " + why, expected,
                 "bad-relation", help);
  };
  if (experiment.execute) {
    refuse("experts have nothing to multiply", "execute: false", "--set execute=false");
  }
  if (experiment.shape.num_layers != 1) {
    refuse("a second layer has nothing to look at", "layer.num_layers 1", "--set layer.num_layers=1");
  }
  const RouterTraits traits = experiment.router->traits();
  if (!traits.needs_logits) {
    refuse("this router looks at no logits", "a router that does", "moesim routers");
  } else if (traits.needs_hidden || experiment.router->gate_rule().learned_noise ||
             experiment.router->num_logits() != experiment.workload->num_logits()) {
    refuse("this router needs more than one logit for each expert", "another router, or another workload",
           "--set workload.kind=zipf_topics");
  }
}

std::vector<Baseline> bind_baselines(Binder& binder, const Node* section, bool execute) {
  std::vector<Baseline> chosen;
  std::vector<std::string> names;
  for (const EnumName<Baseline>& entry : kBaselines) {
    names.emplace_back(entry.name);
  }
  if (section != nullptr && section->kind != Node::Kind::null && section->kind != Node::Kind::list) {
    const std::string& word = section->text;
    const std::string near = suggest(word, names);
    binder.error("baselines", "got " + describe_node(*section), "none or a list of " + list_choices(names),
                 "wrong-type", fmt::format("write baselines: [{}]", near.empty() ? names.front() : near));
    return chosen;
  }
  std::string text;
  const auto add = [&](const std::string& name, std::size_t index) {
    const auto known = std::find(names.begin(), names.end(), name);
    if (known == names.end()) {
      const std::string near = suggest(name, names);
      binder.error(fmt::format("baselines[{}]", index), fmt::format("unknown baseline '{}'", name),
                   "one of " + list_choices(names), "unknown-choice",
                   near.empty() ? "" : fmt::format("did you mean '{}'?", near));
      return;
    }
    const Baseline baseline = kBaselines[known - names.begin()].value;
    if (std::find(chosen.begin(), chosen.end(), baseline) != chosen.end()) {
      binder.error(fmt::format("baselines[{}]", index), fmt::format("'{}' is given twice", name),
                   "each baseline once", "duplicate-key");
      return;
    }
    chosen.push_back(baseline);
    text += (text.empty() ? "" : ", ") + name;
  };
  if (section == nullptr) {
    for (std::size_t i = 0; execute && i < kUsualBaselines; ++i) {
      add(names[i], i);
    }
  } else {
    for (std::size_t i = 0; i < section->items.size(); ++i) {
      add(section->items[i].text, i);
    }
  }
  if (!execute && !chosen.empty()) {
    binder.error("baselines", "has no effect because execute is false", "", "no-effect",
                 "--set baselines=none");
    chosen.clear();
  }
  binder.resolved.push_back(
      {"baselines", "[" + text + "]", section == nullptr ? "default" : section->where.text()});
  return chosen;
}

}  // namespace

std::span<const EnumName<Baseline>> enum_names(Baseline) {
  return kBaselines;
}

void describe(Fields<MeasureParams>& f) {
  f.add("budget_s", &MeasureParams::budget_s)
      .range(0.0, 86400.0)
      .doc("seconds for a whole run: warm-up and all variants together");
  f.add("min_samples", &MeasureParams::min_samples)
      .range(1, 10000)
      .doc("samples of every variant, even where the budget is too small for them");
  f.add("target", &MeasureParams::target)
      .range(0.0001, 1.0)
      .doc("relative half-width of the interval that earns the verdict ok");
}

namespace {

// "router.top_k" of "router (kind: token_choice)".
std::string key_path(const SectionInfo& section, const FieldInfo& field) {
  return section.path.substr(0, section.path.find(' ')) + "." + field.name;
}

// For a key that stands outside every section: the sections that have one of that name; "" when none has, or
// when the name is nearer to one of the top level.
std::string belongs_to_section(const std::string& key, const std::vector<std::string>& top_level) {
  if (!suggest(key, top_level).empty()) {
    return "";
  }
  std::vector<std::string> names;
  for (const SectionInfo& section : config_sections()) {
    for (const FieldInfo& field : section.fields) {
      names.push_back(section.path.empty() ? "" : field.name);
    }
  }
  const bool exists = std::find(names.begin(), names.end(), key) != names.end();
  const std::string name = exists ? key : suggest(key, names);
  std::vector<std::string> paths;
  for (const SectionInfo& section : config_sections()) {
    for (const FieldInfo& field : section.fields) {
      const std::string path = key_path(section, field);
      if (!section.path.empty() && field.name == name &&
          std::find(paths.begin(), paths.end(), path) == paths.end()) {
        paths.push_back(path);
      }
    }
  }
  return paths.empty() ? "" : fmt::format("did you mean '{}'?", fmt::join(paths, "' or '"));
}

// A section, or a part of it, that has no effect leaves no trace in what the experiment is.
void forget_inert(const std::vector<Diagnostic>& inert, std::vector<ResolvedValue>& resolved) {
  for (const Diagnostic& key : inert) {
    resolved.erase(std::remove_if(resolved.begin(), resolved.end(),
                                  [&](const ResolvedValue& value) {
                                    return value.path == key.key || value.path.rfind(key.key + ".", 0) == 0;
                                  }),
                   resolved.end());
  }
}

// The router of a checkpoint, where the config has none; single keys that were typed change it.
void give_router(const Node& router, Node& root) {
  const Node* own = root.child("router");
  if (own == nullptr || own->partial) {
    set_entry(root, "router", {}, own == nullptr ? router : merge(router, *own));
  }
}

void report_sweep_section(Binder& binder, const Node& root, const std::string& path) {
  const Node* section = root.child("sweep");
  if (section != nullptr && section->kind != Node::Kind::null) {
    binder.error("sweep", "this config describes many experiments", "a config of a single one",
                 "sweep-section", "moesim sweep " + path);
  }
}

}  // namespace

Experiment load_experiment(const std::string& path, const std::vector<std::string>& overrides,
                           const LoadOptions& options) {
  Binder binder;
  binder.tolerate_inert = options.in_a_sweep;
  LoadedConfig loaded = load_config(path, overrides, binder.diagnostics);
  if (!loaded.complete) {  // what else is missing cannot be known
    throw ConfigError(binder.diagnostics);
  }
  Node root = std::move(loaded.root);
  bind_places(binder, root, "");

  Experiment experiment;
  experiment.source = loaded.source;
  binder.source = loaded.source;
  TopParams top;
  const std::vector<std::string> sections = {"extends", "layer",    "workload",  "router",  "capacity",
                                             "balance", "executor", "baselines", "measure", "sweep"};
  bind_section(binder, &root, "", top, sections,
               [&](const std::string& key) { return belongs_to_section(key, sections); });
  if (!options.in_a_sweep) {
    report_sweep_section(binder, root, path);
  }
  experiment.name = top.name;
  experiment.seed = top.seed;
  experiment.execute = top.execute;

  const LayerParams layer = bind_layer(binder, root.child("layer"));
  experiment.given = bind_given_layer(binder, layer, experiment.source);
  experiment.shape = experiment.given ? experiment.given->shape() : layer_shape(layer);
  if (!layer.checkpoint.empty()) {
    if (experiment.given == nullptr) {  // what else does not fit cannot be known
      throw ConfigError(binder.diagnostics);
    }
    give_router(experiment.given->checkpoint.shape().router, root);
  }
  experiment.workload = bind_workload(
      binder, root.child("workload"),
      {experiment.source, experiment.seed, experiment.shape.d_model, experiment.shape.pool_size()});
  experiment.router = make_router(binder, root.child("router"), routed_shape(experiment.shape));
  if (experiment.router != nullptr && experiment.given) {
    check_given_gate(binder, *experiment.given, *experiment.router);
  } else if (experiment.router != nullptr) {
    resolve_width(binder, layer, experiment.router->traits().top_k, experiment.shape);
  }
  if (experiment.router != nullptr && experiment.workload != nullptr) {
    check_tokens(binder, experiment);
    check_given_logits(binder, experiment);
  }
  experiment.capacity = bind_capacity(binder, root, experiment.router.get(), experiment.shape.pool_size());
  experiment.balance = bind_balance(binder, root,
                                    {.purpose = options.purpose,
                                     .source = experiment.source,
                                     .workload = experiment.workload.get(),
                                     .router = experiment.router.get(),
                                     .seed = experiment.seed,
                                     .shape = experiment.shape,
                                     .given = experiment.given.get()});
  experiment.executor = make_executor(binder, root.child("executor"));
  if (!experiment.execute) {
    for (const std::string key : {"executor.kind", "executor.weights", "executor.activations",
                                  "executor.instructions", "executor.sums"}) {
      if (binder.given(key) && experiment.executor.executor != nullptr) {
        binder.error(key, "has no effect because execute is false", "", "no-effect", "--set executor=none");
      }
    }
  }
  experiment.baselines = bind_baselines(binder, root.child("baselines"), experiment.execute);
  bind_section(binder, root.child("measure"), "measure", experiment.measure);

  if (!binder.diagnostics.empty()) {
    throw ConfigError(binder.diagnostics);
  }
  experiment.router_name = router_name_of(binder.resolved);
  experiment.resolved = std::move(binder.resolved);
  experiment.inert_keys = std::move(binder.inert_keys);
  forget_inert(experiment.inert_keys, experiment.resolved);
  return experiment;
}

std::string experiment_id(const Experiment& experiment, int threads, const MachineInfo& machine) {
  std::vector<std::string> facts;
  for (const ResolvedValue& value : experiment.resolved) {
    if (value.path != "name" && !says_part_is_absent(value)) {
      facts.push_back(value.path + "=" + value.value);
    }
  }
  std::sort(facts.begin(), facts.end());
  const BuildInfo build = build_info();
  facts.push_back("version " + build.version);
  facts.push_back("arch " + build.arch);
  facts.push_back("processor " + machine.processor);
  facts.push_back("threads " + std::to_string(threads));
  facts.push_back("inputs " + to_hex(experiment.workload->input_hash()));
  if (experiment.router->input_hash() != 0) {
    facts.push_back("router inputs " + to_hex(experiment.router->input_hash()));
  }
  if (experiment.given) {
    facts.push_back("checkpoint " + to_hex(experiment.given->contents_hash()));
  }
  Hasher hash;
  for (const std::string& fact : facts) {
    hash.add_bytes(fact.c_str(), fact.size() + 1);
  }
  return to_hex(hash.digest());
}

std::vector<SectionInfo> config_sections() {
  std::vector<SectionInfo> sections = {{"", "the experiment", fields_of<TopParams>().infos()},
                                       {"layer", "the shape of a layer", fields_of<LayerParams>().infos()}};
  for (const WorkloadEntry& entry : workloads().entries()) {
    sections.push_back({"workload (kind: " + entry.name + ")", entry.summary, entry.fields()});
  }
  for (const RouterFamily& family : router_families().entries()) {
    sections.push_back({"router (kind: " + family.name + ")", family.summary, family.fields()});
  }
  sections.push_back(
      {"capacity", "how many rows an expert may take; absent: all", fields_of<CapacityRule>().infos()});
  sections.push_back(
      {"balance",
       "what moves the router's selection bias from step to step: one `controller`, which runs apply, or "
       "several `controllers`, which `moesim balance` compares on a `stream` of logits; absent: nothing",
       fields_of<BalanceParams>().infos()});
  for (const ControllerEntry& entry : controllers().entries()) {
    sections.push_back({"balance.controller (kind: " + entry.name + ")", entry.summary, entry.fields()});
  }
  for (const LogitStreamEntry& entry : logit_streams().entries()) {
    sections.push_back({"balance.stream (kind: " + entry.name + ")", entry.summary, entry.fields()});
  }
  for (const ExecutorEntry& entry : executors().entries()) {
    sections.push_back({"executor (kind: " + entry.name + ")", entry.summary, entry.fields()});
  }
  sections.push_back({"baselines",
                      "dense layers to run beside the MoE: a list of `dense_same_active` and "
                      "`dense_same_total` (by default these two), `dense_same_flops` and "
                      "`dense_same_time`; `[]` for none",
                      {}});
  sections.push_back({"measure", "how long to measure", fields_of<MeasureParams>().infos()});
  return sections;
}

}  // namespace moesim
