#pragma once
// Builds our tree from the events of a YAML parser, and refuses what the parser lets pass. Knows nothing of
// the parser's own types.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/diagnostics.h"
#include "config/node.h"
#include "config/yaml_text.h"

namespace moesim {

// Thrown out of the parser when it makes no sense to go on; the problem is already reported.
struct YamlStop {};

class YamlTree {
 public:
  struct Properties {
    std::size_t offset = 0;    // of the node, its tag and anchor included
    std::string tag;           // "?" plain, "!" quoted, or a full tag
    std::uint64_t anchor = 0;  // 0: none
  };
  enum class Style { any, flow_only };

  YamlTree(YamlText& text, Diagnostics& diagnostics, Style style)
      : text_(text), diagnostics_(diagnostics), style_(style) {}

  void begin_document(std::size_t offset);
  void null(const Properties& properties);
  void alias(std::size_t offset, std::uint64_t anchor);
  void scalar(const Properties& properties, const std::string& text);
  // `flow`: written with brackets.
  void begin(Node::Kind kind, const Properties& properties, bool flow);
  void end();

  bool has_document() const { return document_.has_value(); }
  Node take_root() { return std::move(root_); }
  std::optional<std::size_t> innermost_bracket() const;
  std::optional<std::size_t> long_quote() const { return long_quote_; }
  // Closes what is still open, so that take_root() holds all that was read.
  void abandon();

 private:
  struct Frame {
    Node node;
    std::size_t offset = 0;
    bool flow = false;
    std::uint64_t anchor = 0;
    std::size_t nodes_before = 0;  // spent when it began
    std::size_t bytes_before = 0;
    std::size_t height = 1;  // levels from here down
    bool is_key = false;     // a map or a list where a key should be
    bool has_key = false;    // of a map: a key waits for its value
    bool dropped = false;    // that key was refused: its value is too
    Node::Entry entry;       // the waiting key
    std::map<std::string, Location> keys;
  };
  struct Anchored {
    Node node;
    std::size_t nodes = 0;
    std::size_t bytes = 0;
    std::size_t height = 0;
  };

  bool expects_key() const { return !frames_.empty() && needs_key(frames_.back()); }
  static bool needs_key(const Frame& frame) { return frame.node.kind == Node::Kind::map && !frame.has_key; }
  void take_key(const std::string& text, bool quoted, std::size_t offset);
  void refuse_key(std::size_t offset, std::string what, std::string help);
  void drop_key();
  void place(Node node, std::size_t height);
  void remember(std::uint64_t anchor, std::size_t offset, const Anchored& anchored);
  void spend(std::size_t nodes, std::size_t bytes, std::size_t offset);
  void check_quotes(std::size_t offset);
  void check_plain(const std::string& text, std::size_t offset);
  void check_tag(const Properties& properties, Node& node);
  void check_characters(const std::string& text, std::size_t offset);
  std::string path() const;

  void report(Diagnostic diagnostic);
  void report_feature(std::size_t offset, std::string what, std::string expected, std::string help = {});
  [[noreturn]] void stop(Diagnostic diagnostic);
  [[noreturn]] void stop_at_limit(std::size_t offset, const std::string& what, std::size_t most);

  YamlText& text_;
  Diagnostics& diagnostics_;
  Style style_;
  std::optional<std::size_t> document_;
  Node root_;
  std::vector<Frame> frames_;
  std::map<std::uint64_t, Anchored> anchors_;
  std::size_t nodes_ = 0;
  std::size_t bytes_ = 0;
  std::size_t anchors_seen_ = 0;
  std::size_t aliases_seen_ = 0;
  std::optional<std::size_t> long_quote_;
};

}  // namespace moesim
