#pragma once
// One line for each choice, as --save-routing writes them, put together to blocks: CSV and JSON Lines differ
// only in how a line is read.

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "io/recording_forms.h"

namespace moesim {

// The columns that are no group's.
inline constexpr std::string_view kRoutingColumns[] = {"step",   "layer", "token",    "text",    "expert",
                                                       "weight", "kept",  "sequence", "token_id"};

struct RoutingLine {
  Index group = 0;
  Index step = 0;
  Index layer = 0;
  std::uint64_t token = 0;
  std::uint32_t expert = 0;
  float weight = 0;
  bool kept = true;
  std::uint32_t sequence = 0;
  std::int64_t token_id = -1;
  std::string_view text;  // until the next line is read
};

class RoutingRecording : public ChoiceRecording {
 public:
  bool next(ChoiceBlock& block) final;

 protected:
  RoutingRecording(const char* form, const RecordingBytes& bytes, std::vector<std::string> group_columns,
                   const RecordingOptions& options);

  // The next line that --where leaves; false at the end.
  virtual bool read_line(RoutingLine& line) = 0;
  virtual std::uint64_t number() const = 0;  // of the line read last

  RecordingGroups groups_;
  bool wants_text_;

 private:
  struct Last {
    Index step = -1;
    std::uint64_t token = 0;
  };
  bool begins_block(const ChoiceBlock& block, const RoutingLine& line) const;
  void begin_block(ChoiceBlock& block, const RoutingLine& line);
  void begin_token(ChoiceBlock& block, const RoutingLine& line);
  void end_token(ChoiceBlock& block);
  [[noreturn]] void refuse(std::uint64_t line, const std::string& what, const std::string& expected) const;

  std::string name_;
  RoutingLine line_;
  bool pending_ = false;  // line_ belongs to the next block
  bool ended_ = false;
  std::uint64_t token_ = 0;       // being put together
  std::uint64_t token_line_ = 0;  // its last line
  std::size_t text_bytes_ = 0;    // of the block
  DistinctExperts distinct_;
  std::unordered_map<std::uint64_t, Last> last_;  // of each group and layer
  Last* last_of_layer_ = nullptr;
};

}  // namespace moesim
