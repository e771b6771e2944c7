#include "io/recording_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "io/recording_sink.h"
#include "io/row_format.h"

namespace moesim {
namespace {

constexpr std::size_t kPiece = 1 << 16;

std::string json_text(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Lines gathered to pieces, and what stands at the start of each line of a group.
class TextWriter : public RecordingWriter {
 protected:
  TextWriter(const std::string& path) : sink_(path) {}

  void flush_if_full() {
    if (buffer_.size() >= kPiece) {
      flush();
    }
  }
  void flush() {
    sink_.write(buffer_);
    buffer_.clear();
  }
  void close() final {
    flush();
    sink_.close();
  }

  std::string buffer_;

 private:
  RecordingSink sink_;
};

std::string csv_prefix(const RecordingInfo& info, Index group) {
  std::string prefix;
  for (const std::string& column : info.columns) {
    prefix += csv_cell(group_value(info.groups[static_cast<std::size_t>(group)], column)) + ",";
  }
  return prefix;
}

std::string json_prefix(const RecordingInfo& info, Index group) {
  std::string prefix;
  for (const std::string& column : info.columns) {
    const std::string value = group_value(info.groups[static_cast<std::size_t>(group)], column);
    const bool number = (column == "num_experts" || column == "top_k") && !value.empty();
    prefix += json_text(column) + ":" + (number ? value : json_text(value)) + ",";
  }
  return prefix;
}

std::string csv_names(const RecordingInfo& info) {
  std::string names;
  for (const std::string& column : info.columns) {
    names += csv_cell(column) + ",";
  }
  return names;
}

class RoutingTextWriter final : public TextWriter {
 public:
  RoutingTextWriter(const std::string& path, const RecordingInfo& info, RoutingText form)
      : TextWriter(path), parts_(info.parts), csv_(form == RoutingText::csv) {
    if (csv_) {
      const RecordedParts& p = parts_;
      buffer_ = csv_names(info) + "step,layer,token," + (p.text ? "text," : "") + "expert" +
                (p.weights ? ",weight" : "") + (p.kept ? ",kept" : "") + (p.sequences ? ",sequence" : "") +
                (p.token_ids ? ",token_id" : "") + "\n";
    }
  }

  void add(const RecordingInfo& info, const ChoiceBlock& block) override {
    const std::string group = csv_ ? csv_prefix(info, block.group) : "{" + json_prefix(info, block.group);
    const std::string place = fmt::format("{}{}{},{}{},{}", group, key("step"), block.step, key("layer"),
                                          block.layer, key("token"));
    for (std::size_t t = 0; t + 1 < block.begin.size(); ++t) {
      token_ = fmt::format("{}{},", place, block.first_token + t);
      if (parts_.text) {
        token_ += key("text") + (csv_ ? csv_quoted(block.text[t]) : json_text(block.text[t])) + ",";
      }
      token_ += expert_key_;
      set_end(block, t);
      for (std::size_t i = block.begin[t]; i < block.begin[t + 1]; ++i) {
        add_choice(block, i);
      }
      flush_if_full();
    }
  }
  void add(const RecordingInfo&, const RecordedCounts&) override {
    throw_internal(__FILE__, __LINE__, "counts have no tokens");
  }

 private:
  std::string key(const char* name) const { return csv_ ? "" : fmt::format("\"{}\":", name); }
  void set_end(const ChoiceBlock& block, std::size_t t) {
    end_.clear();
    if (parts_.sequences) {
      end_ += fmt::format(",{}{}", key("sequence"), block.sequence[t]);
    }
    if (parts_.token_ids) {
      end_ += fmt::format(",{}{}", key("token_id"), block.token_id[t]);
    }
    end_ += csv_ ? "\n" : "}\n";
  }
  void add_choice(const ChoiceBlock& block, std::size_t i) {
    const auto out = std::back_inserter(buffer_);
    fmt::format_to(out, "{}{}", token_, block.expert[i]);
    if (parts_.weights) {
      fmt::format_to(out, ",{}{}", weight_key_, block.weight[i]);
    }
    if (parts_.kept) {
      const bool kept = block.kept[i] != 0;
      fmt::format_to(out, ",{}{}", kept_key_, csv_ ? (kept ? "1" : "0") : (kept ? "true" : "false"));
    }
    buffer_ += end_;
  }

  std::string token_;  // what all lines of a token begin with
  std::string end_;    // and end with
  RecordedParts parts_;
  bool csv_;
  std::string expert_key_ = key("expert");
  std::string weight_key_ = key("weight");
  std::string kept_key_ = key("kept");
};

class CountsCsvWriter final : public TextWriter {
 public:
  CountsCsvWriter(const std::string& path, const RecordingInfo& info)
      : TextWriter(path), steps_(info.parts.steps), token_ids_(info.parts.token_ids) {
    buffer_ = csv_names(info) + (steps_ ? "step," : "") + "layer," + (token_ids_ ? "token_id," : "") +
              "expert,count\n";
  }

  void add(const RecordingInfo&, const ChoiceBlock&) override {
    throw_internal(__FILE__, __LINE__, "choices are to be summed first");
  }
  void add(const RecordingInfo& info, const RecordedCounts& counts) override {
    const std::string prefix =
        csv_prefix(info, counts.group) + (steps_ ? fmt::format("{},", counts.step) : "") +
        fmt::format("{},", counts.layer) + (token_ids_ ? fmt::format("{},", counts.token_id) : "");
    for (std::size_t e = 0; e < counts.count.size(); ++e) {
      // By vocabulary id nearly all are 0.
      if (counts.count[e] != 0 || !token_ids_) {
        fmt::format_to(std::back_inserter(buffer_), "{}{},{}\n", prefix, e, counts.count[e]);
      }
    }
    flush_if_full();
  }

 private:
  bool steps_;
  bool token_ids_;
};

}  // namespace

std::unique_ptr<RecordingWriter> write_routing_text(const std::string& path, const RecordingInfo& info,
                                                    RoutingText form) {
  return std::make_unique<RoutingTextWriter>(path, info, form);
}

std::unique_ptr<RecordingWriter> write_counts_csv(const std::string& path, const RecordingInfo& info) {
  return std::make_unique<CountsCsvWriter>(path, info);
}

}  // namespace moesim
