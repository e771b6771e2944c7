// Recorded routing per token as CSV (docs/formats.md): layer, token and expert, one line for each choice;
// step, text, weight, kept, sequence and token_id where they are there; all other columns make groups.
#include <algorithm>
#include <iterator>

#include "io/recording_error.h"
#include "io/recording_lines.h"
#include "io/recording_routing.h"

namespace moesim {
namespace {

bool is_of_group(const std::string& column) {
  return std::find(std::begin(kRoutingColumns), std::end(kRoutingColumns), column) ==
         std::end(kRoutingColumns);
}

std::vector<std::string> group_columns(const std::vector<std::string>& columns) {
  std::vector<std::string> names;
  std::copy_if(columns.begin(), columns.end(), std::back_inserter(names), is_of_group);
  return names;
}

class RoutingCsv final : public RoutingRecording {
 public:
  RoutingCsv(RecordingTable table, const RecordingBytes& bytes, const RecordingOptions& options)
      : RoutingRecording("routing-csv", bytes, group_columns(table.columns()), options),
        table_(std::move(table)) {
    for (std::size_t i = 0; i < table_.columns().size(); ++i) {
      if (is_of_group(table_.columns()[i])) {
        of_group_.push_back(static_cast<int>(i));
      }
    }
    values_.resize(of_group_.size());
    info_.parts = {.steps = step_ >= 0,
                   .weights = weight_ >= 0,
                   .kept = kept_ >= 0,
                   .text = text_ >= 0,
                   .sequences = sequence_ >= 0,
                   .token_ids = token_id_ >= 0};
  }

 private:
  bool read_line(RoutingLine& line) override {
    do {
      if (!table_.next()) {
        return false;
      }
      for (std::size_t i = 0; i < of_group_.size(); ++i) {
        values_[i] = table_.field(of_group_[i]);
      }
      line.group = groups_.find(values_, [this] { return table_.where(); });
    } while (line.group < 0);
    line.step = step_ < 0 ? 0 : static_cast<Index>(table_.whole(step_, INT64_MAX));
    line.layer = static_cast<Index>(table_.whole(layer_, kMostRecordedLayers - 1));
    line.token = table_.whole(token_, INT64_MAX);
    line.expert = static_cast<std::uint32_t>(table_.whole(expert_, groups_.most_experts(line.group) - 1));
    if (weight_ >= 0) {
      line.weight = table_.number(weight_);
    }
    if (kept_ >= 0) {
      line.kept = table_.whole(kept_, 1) == 1;
    }
    if (sequence_ >= 0) {
      line.sequence = static_cast<std::uint32_t>(table_.whole(sequence_, UINT32_MAX));
    }
    if (token_id_ >= 0) {
      line.token_id = static_cast<std::int64_t>(table_.whole(token_id_, kMostTokenId));
    }
    if (text_ >= 0) {
      line.text = table_.field(text_);
    }
    return true;
  }
  std::uint64_t number() const override { return table_.number(); }

  RecordingTable table_;
  int step_ = table_.find("step");
  int layer_ = table_.find("layer");
  int token_ = table_.find("token");
  int expert_ = table_.find("expert");
  int weight_ = table_.find("weight");
  int kept_ = table_.find("kept");
  int sequence_ = table_.find("sequence");
  int token_id_ = table_.find("token_id");
  int text_ = table_.find("text");
  std::vector<int> of_group_;
  std::vector<std::string_view> values_;
};

bool tells(const RecordingBytes& bytes) {
  const std::vector<std::string> names = column_names(bytes.start());
  const auto has = [&names](const char* name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  return has("layer") && has("token") && has("expert") && !has("count");
}

std::unique_ptr<Recording> open(std::unique_ptr<RecordingBytes> bytes, const RecordingOptions& options) {
  const RecordingBytes& kept = *bytes;
  RecordingTable table(std::move(bytes));
  for (const char* column : {"layer", "token", "expert"}) {
    if (table.find(column) < 0) {
      table.refuse(std::string("there is no column ") + column,
                   "layer, token and expert, a line for each choice");
    }
  }
  return std::make_unique<RoutingCsv>(std::move(table), kept, options);
}

}  // namespace

RecordingImporter routing_csv_importer() {
  return {{"routing-csv", "CSV with layer,token,expert: a line for each choice, as --save-routing writes it"},
          tells,
          open};
}

}  // namespace moesim
