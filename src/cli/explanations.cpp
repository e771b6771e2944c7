#include "cli/explanations.h"

namespace moesim {
namespace {

constexpr Explanation kExplanations[] = {
    // errors of configs
    {"unknown-key",
     "The section has no key of that name. A misspelt key is never ignored: it would silently mean the "
     "default. `moesim explain SECTION` (layer, router, capacity …) prints the keys that "
     "exist, `moesim explain config` those of all sections (docs/config.md)."},
    {"unknown-variant",
     "`kind` or `preset` names something that does not exist. `moesim routers` lists the routers."},
    {"unknown-choice", "The key takes one of a few words, and this is none of them."},
    {"wrong-type",
     "The value is of another type than the key takes. Numbers are written 8, 0x8, 1e6 or 0.5; true and "
     "false are the only booleans; text in quotes is never a number."},
    {"out-of-range", "The number is outside what the key accepts; the message gives both ends."},
    {"missing-key", "A key without a default was not given."},
    {"missing-option",
     "A command was not given what it needs: a config, or the numbers that a router looks at (hash routers "
     "token ids, routers of cosines and BASE layers the tokens' vectors). The message names it."},
    {"duplicate-key", "The same key or entry stands twice; which one was meant cannot be known."},
    {"no-effect",
     "The key or option is known but would change nothing here, for example a capacity factor when nothing "
     "is "
     "dropped. Keys that do nothing make experiments lie, so this is an error. Remove the key."},
    {"no-report",
     "This moesim was built where npm was missing or could not fetch the chart library of the HTML report. "
     "Install npm and node and build again; everything else works without them."},
    {"no-figures",
     "This moesim cannot draw the wanted kind of figure: any takes Duktape (duktape-dev), PNG and PDF also "
     "librsvg (librsvg2-dev). Install what is missing and build again."},
    {"bad-relation",
     "Two values do not fit each other, for example top_k larger than num_experts. The note names the "
     "other one and its place."},
    {"wrong-length",
     "A list has another number of entries than the layer needs; the message gives both numbers."},
    {"not-finite",
     "A number is infinite or not a number where the computation needs a finite one; the message names "
     "the place. Look at the input at that place."},
    {"no-convergence",
     "A computation that repeats until its result settles has not settled within its limit. The help line "
     "names the key of the limit."},
    {"not-divisible", "One number must divide another; the help line gives the nearest values that work."},
    {"preset-and-kind",
     "A router is named either by `preset` (a model's router) or by `kind` (a family), not both."},
    {"yaml-syntax",
     "The text is not YAML at that place: an unclosed quote or bracket, a tab, a wrong indentation."},
    {"yaml-feature",
     "YAML allows it, configs do not: several documents, tags, merge keys (<<), keys that are not plain "
     "words, aliases that contain themselves."},
    {"yaml-limit",
     "Configs are limited: 1 MiB, depth 32, 100,000 nodes after expanding aliases, 64 KiB a value."},
    {"bad-utf8", "The file is not UTF-8 text at that byte. Save it as UTF-8."},
    {"bad-override",
     "--set takes key.path=value, for example --set router.top_k=4; --set capacity=none removes a section."},
    {"bad-extends",
     "`extends` names another config in the same folder or below it, and may not lead back to itself."},
    {"sweep-section",
     "A config with a `sweep` section describes many experiments: `moesim sweep` runs them all."},
    {"bad-axis", "An axis of a sweep is a key with its values: a list, or a range first..last:step."},
    {"bad-where",
     "`where` is a condition on numbers: the keys of the sweep and of the config, + - * /, <= < >= > == !=, "
     "&& and "
     "||. Combinations for which it does not hold are left out."},
    {"changed-meanwhile",
     "A config or a data file was edited while a sweep ran: what would run is not what was planned."},
    {"data-missing",
     "The path begins with ${MOESIM_DATA}, which is not set. It names a folder of optional data sets; "
     "everything else works without it."},
    // errors of files and the machine
    {"file-missing", "There is no such file."},
    {"file-unreadable", "The file exists but may not be read."},
    {"not-a-file", "The path is a folder, a device or a pipe; a regular file was expected."},
    {"file-too-large", "The file is longer than what is accepted there."},
    {"file-changed", "The file changed or became shorter while it was being read."},
    {"empty-file", "The file holds no token."},
    {"npy-malformed", "The .npy file breaks its format at the byte the message names."},
    {"npy-length", "The .npy file is shorter or longer than its header promises."},
    {"npy-unsupported",
     "The .npy file is of a kind that is not read; np.save of a float32 or float64 array with one or two "
     "dimensions works."},
    {"bad-record",
     "A stored result is not what this program writes: the file is damaged or of another make."},
    {"cannot-create", "The output file cannot be created: its folder is missing or may not be written."},
    {"run-busy", "Another process writes into the same folder of results. One writer at a time."},
    {"write-failed", "Not all bytes reached the output, usually because the disk is full."},
    {"out-of-memory",
     "The run was refused before anything was allocated: it needs more than four fifths of the memory "
     "that is free to this process (containers count). The help line names a setting that fits."},
    {"too-large", "A size does not fit 64 bits."},
    {"bad-option",
     "The command line is wrong at that option; --help behind the command shows what it takes."},
    {"check-failed", "Two executors that must agree did not: the `check` executor found a difference."},
    {"wrong-processor", "The program was built for a processor with more instructions than this one has."},
    {"internal", "A mistake in moesim itself. Please report it with the command you typed."},
    // metrics
    {"max_violation",
     "Load of the busiest expert over the mean load, minus 1 (MaxVio). 0 is perfect balance; 1 means the "
     "busiest expert gets twice its fair share.",
     "MaxVio"},
    {"min_violation",
     "1 less the load of the least busy expert over the mean load (MinVio): 0 is perfect balance, 1 an idle "
     "expert.",
     "MinVio"},
    {"gate_mass",
     "Sum of the unbiased scores of a token's experts, mean over the tokens. Balancing gives some of it up: "
     "gate_mass.kept is what is left of that of the router alone.",
     "score kept"},
    {"first_step_below_half",
     "The first step of a closed loop with a MaxVio below 0.5; null: there was none.", "below 0.5"},
    {"min_over_mean",
     "Load of the least busy expert over the mean load: 1 is perfect balance, 0 an idle expert."},
    {"tokens_per_s",
     "Tokens of a batch over the seconds of a step, through all layers: median, with .lo and .hi the ends "
     "of its 95 % interval (of fewer than six samples: their range)."},
    {"ratio_to_moe",
     "tokens/s of a dense variant over tokens/s of the MoE, measured side by side in the same rounds. Above "
     "1 the dense layer is faster."},
    {"gflops",
     "Billions of multiplications and additions a second, from closed forms and the median time of a step."},
    {"dropped_fraction", "Assignments refused because their expert was full, over all assignments.",
     "dropped"},
    {"capacity",
     "Rows an expert may take in a batch, or in a group of its tokens (capacity.group); what is too much is "
     "dropped or re-routed. Without a capacity section, in the "
     "config "
     "or the preset, nothing is dropped."},
    {"rerouted",
     "Assignments whose expert was full and that another expert took instead (capacity.drop: recycle, "
     "ntlb).",
     "re-routed"},
    {"padding_waste",
     "Rows computed for nothing over rows in use, if every expert were given as many rows as the busiest "
     "one, "
     "as the capacity, or whole blocks of 128.",
     "padding waste"},
    {"total_params", "All parameters of one layer: gate, routed experts, shared experts, latent maps.",
     "total"},
    {"worker_balance", "Mean busy time of the threads over the busiest one's: 1 when all worked equally.",
     "balanced"},
    {"ok",
     "The intervals are as narrow as measure.target asks and the cores were there: figures may be quoted."},
    {"invalid",
     "The times mean nothing: a debug or sanitizer build, a checking executor, or too few samples."},
    {"cold",
     "Each step reads more bytes of weights than four last-level caches hold (or than 1 GiB, if that is "
     "less), "
     "as inside a whole model."},
    {"load_cv", "Population standard deviation of the experts' loads over their mean. 0 is perfect balance."},
    {"load_gini",
     "Gini coefficient of the loads: 0 when all are equal, near 1 when one expert gets everything."},
    {"load_entropy", "Entropy of the shares of the load over its largest value ln E: 1 when all are equal."},
    {"effective_experts", "exp of the entropy: how many equally loaded experts would be as spread out."},
    {"noise_floor",
     "What a perfectly uniform random router shows on the same number of tokens: 200 draws, their mean, 5 % "
     "and "
     "95 % points. An imbalance between the points may be chance. More is bad for max_violation, CV and "
     "Gini; "
     "for min_over_mean, entropy and effective experts less is.",
     "chance"},
    {"active_params",
     "Parameters one token's products read: gate, shared experts, latent maps and its k experts, of which "
     "those without a product count nothing.",
     "active"},
    {"computed_rows_fraction",
     "Kept assignments over routed ones. Below 1 the MoE did less work than it was asked to, so "
     "its tokens/s flatter it."},
    {"yardstick_ratio",
     "GFLOP/s of the MoE over GFLOP/s of a fixed dense product through the same kernels in the same "
     "run. It survives a change of hour; absolute times do not.",
     "yardstick"},
    {"effective_cores",
     "How many cores the threads really had: scaling of a loop that never leaves the registers, "
     "measured in the same run."},
    {"limit_fraction",
     "What a stage reached of its own limit: the longer of its FLOPs over the multiply-add peak and its "
     "bytes "
     "over the speed of plain reads, both measured between the rounds of the same run, over its seconds. A "
     "stage whose limit is not modelled (route, plan) has none.",
     "of its limit"},
    {"limit_bound", "What a stage's limit is made of: arithmetic, or bytes."},
    {"predicted_seconds",
     "What a stage, or a dense step, should take by its shapes, the rows of each expert and the limits; "
     "kernels' shares of the peak come from `moesim doctor --roofline` or are measured before the rounds.",
     "predicted"},
    {"limits",
     "Measured between the rounds, medians: the multiply-add peak (FLOP/s), plain reads of the MoE's weights "
     "and of its rows (bytes/s), on all threads."},
    {"dense_same_active",
     "A dense layer as wide as a token's experts together (k·d_ff, plus shared): the same active "
     "parameters.",
     "vs same active"},
    {"dense_same_flops",
     "A dense layer with the multiplications and additions that the MoE layer really makes for a token: "
     "gate, "
     "kept experts (the mean, as a fraction), shared experts, latent maps, a soft router's mixtures. "
     "dense_same_active counts whole experts and no gate.",
     "vs same FLOPs"},
    {"dense_same_time",
     "A dense layer as wide as takes the MoE's time here: the width is found by measuring several, in turns "
     "with the MoE. What it has of parameters is what the MoE runs like on this machine.",
     "runs like"},
    {"width_trials", "Trials of widths, repeated ones counted, to find that of dense_same_time."},
    {"widest", "The widest dense layer that dense_same_time might have had: what memory was kept for."},
    {"match",
     "Whether dense_same_time took the MoE's time in the rounds of the run: matched (its interval meets 1 "
     "± 2 % and lies within 1 ± 10 %), uncertain (it meets it and reaches farther), closest (it does not, "
     "and no closer width was found), slower_than_widest, "
     "faster_than_narrowest (the MoE than any that was tried)."},
    {"dense_same_total",
     "A dense layer as wide as all experts together (E·d_ff, plus shared): the same total parameters.",
     "vs same total"},
    {"warm",
     "Much of the weights of a step may still be in the caches (they are less than four last-level caches, "
     "and "
     "less than 1 GiB), so small batches look faster than they would inside a whole "
     "model. "
     "More layers (layer.num_layers) make them cold."},
    {"noisy",
     "The interval of a figure is wider than measure.target, or the cores were shared with other work. "
     "Repeat "
     "with --budget 60, with nothing else running."},
    {"sweep",
     "The section of a config that describes many experiments: each key an axis with its values, zip for "
     "axes "
     "that advance together, where for the combinations that count. `moesim sweep` runs them; "
     "docs/formats.md "
     "shows one."},
    {"extends",
     "Another config whose keys hold where this one gives none: a file in the same folder or below."},
    {"timing",
     "The verdict on the times of a run: ok, noisy or invalid, with the reasons; not_timed where nothing was "
     "measured. Balance and drops do not depend on any clock and hold in each case.",
     "timing.verdict"},
    {"processed", "The metrics of balance after drops: of the rows each expert really ran."},
    {"dead_experts", "Experts that no token chose in the whole run, summed over layers.", "never chosen"},
    {"tokens_before_repeat",
     "Tokens of the workload before it repeats itself: a text or an array that ends begins again; null: it "
     "never does."},
    {"assignments", "Choices of an expert by a token, before drops, all layers together."},
    {"outranked", "Assignments dropped although their expert had room (capacity.drop: deepspeed_probs).",
     "dropped.outranked"},
    {"tokens_without_expert", "Tokens that reached no expert: none chosen, or all of theirs full.",
     "no expert"},
    {"ffn_rows_fraction",
     "Kept assignments on experts that multiply over all kept ones: below 1 with zero, copy or constant "
     "experts.",
     "on ffn experts"},
    {"experts_per_token", "Experts with a product that a token really used, mean over the tokens."},
    {"real_experts_per_token",
     "Experts that compute something and that a token went to, mean over the tokens."},
    {"distinct_experts", "Experts with a product that had rows, mean over the steps."},
    {"flops_per_token", "Multiplications and additions of one layer for a token, after drops.",
     "FLOPs a token"},
    {"weight_bytes_per_token",
     "Bytes of weights of one layer that a step reads, over its tokens: experts without rows are not read."},
    {"weight_bytes", "Bytes of the weights of all layers.", "weights"},
    {"estimated_bytes", "Memory that the run was expected to need.", "expected"},
    {"peak_rss_bytes", "The most memory that the process held.", "used at most"},
    {"routing_hash", "A fingerprint of all choices and weights: equal where the routing is, bit for bit."},
    {"output_hash", "A fingerprint of the last layer's outputs: equal where they are, bit for bit."},
    {"step_seconds", "Seconds of a step of one batch through all layers: the median."},
    {"samples", "How many times a variant was timed."},
    {"outliers",
     "Samples further from the median than 14.8 median absolute deviations: counted, never left out."},
    {"width", "Hidden width of the dense layer."},
    {"skipped", "Why a variant was not measured."},
    {"seconds",
     "Where the time of one MoE step goes: gate, route, plan, dispatch, experts, combine, norm; medians.",
     "where the time goes"},
    {"coefficient", "Where the number that a maxvio_servo controller moves ended.", "last.coefficient"},
    {"swiglu",
     "The experts' hidden units are silu(gate_proj·x) ⊙ up·x, with silu(x) = x·sigmoid(x): three matrices an "
     "expert, as in most published models (arXiv:2002.05202)."},
    {"geglu",
     "The experts' hidden units are gelu(gate_proj·x) ⊙ up·x: three matrices an expert (arXiv:2002.05202)."},
};

}  // namespace

std::span<const Explanation> explanations() {
  return kExplanations;
}

}  // namespace moesim
