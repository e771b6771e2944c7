#include "report/routing_file.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "io/files.h"
#include "io/recording_write.h"
#include "io/row_format.h"

namespace moesim {
namespace {

bool ends_with(const std::string& text, std::string_view ending) {
  return text.size() >= ending.size() && std::string_view(text).substr(text.size() - ending.size()) == ending;
}

struct Line {
  Index num_experts;
  Index step;
  Index layer;
  std::uint64_t token;
  std::string text;
  std::int32_t expert;
  float weight;
  bool kept;
};

std::string to_csv(const Line& line) {
  return fmt::format("{},{},{},{},{},{},{},{}\n", line.num_experts, line.step, line.layer, line.token,
                     csv_quoted(line.text), line.expert, line.weight, line.kept ? 1 : 0);
}

std::string to_json(const Line& line) {
  nlohmann::ordered_json object;
  object["num_experts"] = line.num_experts;
  object["step"] = line.step;
  object["layer"] = line.layer;
  object["token"] = line.token;
  object["text"] = line.text;
  object["expert"] = line.expert;
  object["weight"] = line.weight;
  object["kept"] = line.kept;
  return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

// The compact binary form holds vocabulary ids and sequences in place of texts.
RecordingInfo recording_info(Index num_experts) {
  RecordingInfo info;
  info.source = "moesim run";
  info.columns = {"num_experts"};
  info.by_token = true;
  info.parts = {
      .steps = true, .weights = true, .kept = true, .text = false, .sequences = true, .token_ids = true};
  info.groups.push_back({.model = "", .domain = "", .labels = {}, .num_experts = num_experts, .top_k = 0});
  return info;
}

ChoiceBlock block_of(Index step, const LayerEvent& event) {
  const Assignments& a = event.assignments;
  ChoiceBlock block;
  block.layer = event.layer;
  block.step = step;
  block.first_token = event.batch.first_token;
  block.begin.assign(a.begin.begin(), a.begin.end());
  block.expert = a.expert;
  block.weight = a.weight;
  for (const Index row : event.plan.assignment_row) {
    block.kept.push_back(row >= 0 ? 1 : 0);
  }
  block.sequence = event.batch.sequence_id;
  block.token_id.assign(event.batch.token_id.begin(), event.batch.token_id.end());
  block.sequence.resize(static_cast<std::size_t>(a.num_tokens()), 0);  // of workloads without tokens
  block.token_id.resize(static_cast<std::size_t>(a.num_tokens()), 0);
  return block;
}

}  // namespace

struct RoutingFile::Impl {
  Impl(const std::string& path, const Workload& w, Index num_experts)
      : workload(w), csv(ends_with(path, ".csv")), info(recording_info(num_experts)) {
    if (ends_with(path, ".moer")) {
      binary = write_recording(path, info);
      return;
    }
    text = std::make_unique<OutputFile>(path);
    if (csv) {
      text->write("num_experts,step,layer,token,text,expert,weight,kept\n");
    }
  }

  void add_text(Index step, const LayerEvent& event) {
    const Assignments& a = event.assignments;
    for (std::size_t t = 0; t + 1 < a.begin.size(); ++t) {
      const std::uint64_t token = event.batch.first_token + t;
      const std::string token_text = workload.token_text(token);
      for (auto i = static_cast<std::size_t>(a.begin[t]); i < static_cast<std::size_t>(a.begin[t + 1]); ++i) {
        const Line line{
            info.groups.front().num_experts,  step, event.layer, token, token_text, a.expert[i], a.weight[i],
            event.plan.assignment_row[i] >= 0};
        text->write(csv ? to_csv(line) : to_json(line));
      }
    }
  }

  const Workload& workload;
  bool csv;
  RecordingInfo info;
  std::unique_ptr<OutputFile> text;
  std::unique_ptr<RecordingWriter> binary;  // in place of text
};

RoutingFile::RoutingFile(const std::string& path, const Workload& workload, Index num_experts)
    : impl_(std::make_unique<Impl>(path, workload, num_experts)) {}

RoutingFile::~RoutingFile() = default;

void RoutingFile::add(Index step, const LayerEvent& event) {
  if (impl_->binary != nullptr) {
    impl_->binary->add(impl_->info, block_of(step, event));
  } else {
    impl_->add_text(step, event);
  }
}

void RoutingFile::close() {
  if (impl_->binary != nullptr) {
    impl_->binary->close();
  } else {
    impl_->text->close();
  }
}

}  // namespace moesim
