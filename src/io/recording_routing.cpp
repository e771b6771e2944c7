#include "io/recording_routing.h"

#include <fmt/format.h>

#include "io/recording_error.h"

namespace moesim {
namespace {

constexpr Index kMostTokens = 65536;  // of a block
constexpr std::size_t kMostChoices = 1 << 18;
constexpr std::size_t kMostText = 4 << 20;
// Tokens in a row without a line that are taken as tokens without an expert.
constexpr std::uint64_t kMostSkipped = 4096;

}  // namespace

void clear_block(ChoiceBlock& block) {
  block.group = block.layer = block.step = 0;
  block.first_token = 0;
  block.begin.clear();
  block.expert.clear();
  block.weight.clear();
  block.kept.clear();
  block.sequence.clear();
  block.token_id.clear();
  block.text.clear();
}

RoutingRecording::RoutingRecording(const char* form, const RecordingBytes& bytes,
                                   std::vector<std::string> group_columns, const RecordingOptions& options)
    : ChoiceRecording(form, bytes.name()),
      groups_(bytes.name(), std::move(group_columns), options),
      wants_text_(options.text),
      name_(bytes.name()) {
  info_.columns = groups_.columns();
}

void RoutingRecording::refuse(std::uint64_t line, const std::string& what,
                              const std::string& expected) const {
  refuse_recording(fmt::format("{}:{}", name_, line), {.what = what, .expected = expected});
}

bool RoutingRecording::next(ChoiceBlock& block) {
  clear_block(block);
  if (!pending_ && !ended_) {
    ended_ = !read_line(line_);
  }
  if (ended_) {
    groups_.finish(info_);
    return false;
  }
  begin_block(block, line_);
  do {
    if (line_.token != token_) {
      if (begins_block(block, line_)) {
        break;
      }
      begin_token(block, line_);
    } else if (line_.group != block.group || line_.layer != block.layer || line_.step != block.step) {
      break;
    }
    if (!distinct_.add(line_.expert)) {
      refuse(
          number(),
          fmt::format("token {} of layer {} has the expert {} twice", line_.token, line_.layer, line_.expert),
          "different experts of a token");
    }
    block.expert.push_back(static_cast<std::int32_t>(line_.expert));
    if (info_.parts.weights) {
      block.weight.push_back(line_.weight);
    }
    if (info_.parts.kept) {
      block.kept.push_back(line_.kept ? 1 : 0);
    }
    groups_.note_expert(line_.group, line_.expert);
    token_line_ = number();
    pending_ = read_line(line_);
  } while (pending_);
  ended_ = !pending_;
  end_token(block);
  groups_.publish(info_);
  return true;
}

void RoutingRecording::begin_block(ChoiceBlock& block, const RoutingLine& line) {
  block.group = line.group;
  block.layer = line.layer;
  block.step = line.step;
  block.first_token = line.token;
  text_bytes_ = 0;
  last_of_layer_ = &last_[static_cast<std::uint64_t>(line.group) * kMostRecordedLayers +
                          static_cast<std::uint64_t>(line.layer)];
  begin_token(block, line);
}

bool RoutingRecording::begins_block(const ChoiceBlock& block, const RoutingLine& line) const {
  return line.group != block.group || line.layer != block.layer || line.step != block.step ||
         line.token < token_ || line.token - token_ > kMostSkipped || block.num_tokens() >= kMostTokens ||
         block.expert.size() >= kMostChoices || text_bytes_ >= kMostText;
}

// Also closes the token before.
void RoutingRecording::begin_token(ChoiceBlock& block, const RoutingLine& line) {
  const bool first = block.begin.empty();
  if (!first) {
    end_token(block);
  }
  Last& last = *last_of_layer_;
  if (last.step > line.step || (last.step == line.step && last.token >= line.token)) {
    refuse(number(),
           fmt::format("step {}, layer {}: token {} comes after token {} of step {}", line.step, line.layer,
                       line.token, last.token, last.step),
           "the tokens of a layer in ascending order, the lines of one next to each other");
  }
  last = {.step = line.step, .token = line.token};
  const std::uint64_t skipped = first ? 0 : line.token - token_ - 1;
  const std::uint32_t sequence = line.sequence;
  if (first) {
    block.begin.push_back(0);
  }
  for (std::uint64_t i = 0; i <= skipped; ++i) {
    const bool missing = i < skipped;
    if (missing) {
      block.begin.push_back(static_cast<std::uint32_t>(block.expert.size()));
    }
    block.sequence.push_back(sequence);
    if (info_.parts.token_ids) {
      block.token_id.push_back(missing ? -1 : line.token_id);
    }
    if (info_.parts.text && wants_text_) {
      block.text.emplace_back(missing ? std::string_view() : line.text);
      text_bytes_ += missing ? 0 : line.text.size();
    }
  }
  if (skipped > 0) {
    groups_.note_chosen(block.group, 0, 0);
  }
  token_ = line.token;
  distinct_.next_token();
}

void RoutingRecording::end_token(ChoiceBlock& block) {
  const auto chosen = static_cast<Index>(block.expert.size() - block.begin.back());
  block.begin.push_back(static_cast<std::uint32_t>(block.expert.size()));
  const Index top_k = groups_.group(block.group).top_k;
  if (top_k > 0 && chosen != top_k) {
    refuse(token_line_, fmt::format("token {} of layer {} has {} experts", token_, block.layer, chosen),
           fmt::format("{}, the top_k of its group", top_k));
  }
  groups_.note_chosen(block.group, chosen, chosen);
}

}  // namespace moesim
