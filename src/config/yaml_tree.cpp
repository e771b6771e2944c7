// Nodes, keys, aliases and their limits.
#include "config/yaml_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "config/scalars.h"
#include "config/yaml_syntax.h"

namespace moesim {
namespace {

constexpr std::size_t kMostNodes = 100000;   // keys and values, aliases expanded, anchors counted once more
constexpr std::size_t kMostBytes = 4 << 20;  // of all scalars, counted the same way
constexpr std::size_t kDeepest = 32;
constexpr std::size_t kMostAnchors = 64;
constexpr std::size_t kMostAliases = 256;
constexpr std::size_t kLongestScalar = 64 << 10;
constexpr std::size_t kLongestKey = 1 << 10;
constexpr std::size_t kMostProblems = 200;

// A null that is written out, not merely absent.
bool is_null_word(std::string_view text, std::size_t offset) {
  for (const std::string_view word : {"~", "null", "Null", "NULL"}) {
    if (text.substr(offset, word.size()) == word) {
      return true;
    }
  }
  return false;
}

std::string single_quoted(const std::string& text) {
  return "'" + shorten(text) + "'";
}

}  // namespace

void YamlTree::begin_document(std::size_t offset) {
  if (!document_) {
    document_ = offset;
    return;
  }
  const std::string_view text = text_.text();
  const std::string_view before = text.substr(*document_, offset - *document_);
  if (text.substr(offset, 3) == "---" || before.find("\n...") != std::string_view::npos) {
    report_feature(offset, "a second document begins here", "one document in a file",
                   "remove the '---' or '...' line, or make two files");
    throw YamlStop{};
  }
  stop(belongs_to_nothing(offset, text_));
}

void YamlTree::null(const Properties& properties) {
  const std::size_t offset = skip_properties(text_.text(), properties.offset);
  spend(1, 0, offset);
  const bool written = is_null_word(text_.text(), offset);
  const std::string there = text_.character(offset);
  if (!frames_.empty() && frames_.back().flow && there == "," &&
      (needs_key(frames_.back()) || frames_.back().node.kind == Node::Kind::list)) {
    stop({.where = text_.at(offset),
          .key = {},
          .what = "nothing stands before the ','",
          .expected = "a value",
          .short_name = "yaml-syntax",
          .help = "remove the ','",
          .notes = {}});
  }
  if (expects_key()) {
    if (written) {
      refuse_key(offset, "null as a key", "put the key in quotes");
    } else {
      report({.where = text_.at(offset),
              .key = {},
              .what = "a value without a key",
              .expected = "a text as a key",
              .short_name = "yaml-syntax",
              .help = {},
              .notes = {}});
      drop_key();
    }
    return;
  }
  Node node;
  // The parser places an absent value at whatever comes next, often lines below.
  const bool map_value = !frames_.empty() && frames_.back().has_key;
  node.where = written || !map_value ? text_.at(offset) : frames_.back().entry.where;
  remember(properties.anchor, offset, {.node = node, .nodes = 1, .bytes = 0, .height = 0});
  place(std::move(node), 0);
}

void YamlTree::alias(std::size_t offset, std::uint64_t anchor) {
  if (++aliases_seen_ > kMostAliases) {
    stop_at_limit(offset, "aliases ('*')", kMostAliases);
  }
  if (expects_key()) {
    refuse_key(offset, "an alias ('*') as a key", "write the key out");
    return;
  }
  const auto found = anchors_.find(anchor);
  if (found == anchors_.end()) {
    report_feature(offset, "an alias ('*') inside the part that it names", "", "write the part out");
    throw YamlStop{};
  }
  const Anchored& anchored = found->second;
  if (frames_.size() + anchored.height > kDeepest) {
    stop_at_limit(offset, "levels", kDeepest);
  }
  spend(anchored.nodes, anchored.bytes, offset);
  Node node = anchored.node;
  node.where = text_.at(offset);
  place(std::move(node), anchored.height);
}

void YamlTree::scalar(const Properties& properties, const std::string& text) {
  const std::size_t offset = skip_properties(text_.text(), properties.offset);
  spend(1, text.size(), offset);
  if (text.size() > kLongestScalar) {
    stop_at_limit(offset, "bytes in one text", kLongestScalar);
  }
  const std::string opening = text_.character(offset);
  const bool in_quotes = (opening == "'" || opening == "\"") && properties.tag != "?";
  const bool in_block = (opening == "|" || opening == ">") && properties.tag != "?";
  if (in_quotes) {
    if (!quote_closes(text_.text(), offset)) {
      stop(unclosed_quote(offset, text_));
    }
    long_quote_.reset();
    const std::size_t line_end = std::min(text_.text().find('\n', offset), text_.text().size());
    if (!quote_closes(text_.text().substr(0, line_end), offset)) {
      long_quote_ = offset;
    }
  } else if (in_block && style_ == Style::flow_only) {
    stop({.where = text_.at(offset),
          .key = {},
          .what = "a value cannot begin with '" + opening + "' here",
          .expected = {},
          .short_name = "yaml-syntax",
          .help = "put the text in quotes",
          .notes = {}});
  } else if (!in_block) {
    check_plain(text, offset);
  }
  check_characters(text, offset);
  Node node;
  node.kind = Node::Kind::scalar;
  node.text = text;
  node.quoted = in_quotes || in_block;
  node.where = text_.at(offset);
  const bool is_key = expects_key();
  if (!is_key) {
    check_tag(properties, node);
  } else if (properties.tag != "?" && properties.tag != "!") {
    report_feature(offset, "a tag ('!') on a key", "a text as a key");
  }
  remember(properties.anchor, offset, {.node = node, .nodes = 1, .bytes = text.size(), .height = 0});
  if (is_key) {
    take_key(text, node.quoted, offset);
    return;
  }
  place(std::move(node), 0);
}

void YamlTree::begin(Node::Kind kind, const Properties& properties, bool flow) {
  const std::size_t offset = skip_properties(text_.text(), properties.offset);
  if (frames_.size() >= kDeepest) {
    stop_at_limit(offset, "levels", kDeepest);
  }
  const bool is_map = kind == Node::Kind::map;
  // Until its bracket closes the parser takes a flow collection for the key of a block map.
  const std::string there = text_.character(offset);
  if (style_ == Style::flow_only && !flow && frames_.empty() && there != "[" && there != "{") {
    stop({.where = text_.at(offset),
          .key = {},
          .what = is_map ? "a map without braces" : "a list without brackets",
          .expected = is_map ? "{key: value}" : "[a, b]",
          .short_name = "yaml-syntax",
          .help = "or put a text in quotes",
          .notes = {}});
  }
  const std::string core = std::string("tag:yaml.org,2002:") + (is_map ? "map" : "seq");
  if (properties.tag != "?" && properties.tag != "!" && properties.tag != core) {
    report_feature(properties.offset, is_map ? "a tag ('!') on a map" : "a tag ('!') on a list", "no tag");
  }
  Frame frame;
  frame.nodes_before = nodes_;
  frame.bytes_before = bytes_;
  spend(1, 0, offset);
  frame.node.kind = kind;
  frame.node.where = text_.at(offset);
  frame.offset = offset;
  frame.flow = flow;
  frame.anchor = properties.anchor;
  frame.is_key = expects_key();
  frames_.push_back(std::move(frame));
}

void YamlTree::end() {
  Frame frame = std::move(frames_.back());
  frames_.pop_back();
  if (frame.is_key) {
    refuse_key(frame.offset, frame.node.kind == Node::Kind::map ? "a map as a key" : "a list as a key",
               "put a text in quotes");
    return;
  }
  remember(frame.anchor, frame.offset,
           {.node = frame.node,
            .nodes = nodes_ - frame.nodes_before,
            .bytes = bytes_ - frame.bytes_before,
            .height = frame.height});
  place(std::move(frame.node), frame.height);
}

void YamlTree::take_key(const std::string& text, bool quoted, std::size_t offset) {
  if (text.size() > kLongestKey) {
    stop_at_limit(offset, "bytes in one key", kLongestKey);
  }
  if (text == "<<" && !quoted) {
    refuse_key(offset, "a merge key ('<<')",
               "write the keys out, or extend a whole file with 'extends: other.yaml'");
    return;
  }
  Frame& frame = frames_.back();
  frame.has_key = true;
  frame.dropped = false;
  frame.entry.key = text;
  frame.entry.where = text_.at(offset);
  const auto [first, is_new] = frame.keys.emplace(text, frame.entry.where);
  if (!is_new) {
    frame.dropped = true;
    report({.where = frame.entry.where,
            .key = path(),
            .what = "given twice",
            .expected = {},
            .short_name = "duplicate-key",
            .help = "remove one of the two",
            .notes = {{first->second, "first given here"}}});
  }
}

void YamlTree::refuse_key(std::size_t offset, std::string what, std::string help) {
  report_feature(offset, std::move(what), "a text as a key", std::move(help));
  drop_key();
}

void YamlTree::drop_key() {
  frames_.back().has_key = true;
  frames_.back().dropped = true;
}

void YamlTree::place(Node node, std::size_t height) {
  if (frames_.empty()) {
    root_ = std::move(node);
    return;
  }
  Frame& frame = frames_.back();
  frame.height = std::max(frame.height, height + 1);
  if (frame.node.kind == Node::Kind::list) {
    frame.node.items.push_back(std::move(node));
    return;
  }
  if (!frame.dropped) {
    frame.entry.value = std::move(node);
    frame.node.entries.push_back(std::move(frame.entry));
  }
  frame.entry = {};
  frame.has_key = false;
  frame.dropped = false;
}

void YamlTree::remember(std::uint64_t anchor, std::size_t offset, const Anchored& anchored) {
  if (anchor == 0) {
    return;
  }
  if (++anchors_seen_ > kMostAnchors) {
    stop_at_limit(offset, "anchors ('&')", kMostAnchors);
  }
  spend(anchored.nodes, anchored.bytes, offset);
  anchors_[anchor] = anchored;
}

void YamlTree::spend(std::size_t nodes, std::size_t bytes, std::size_t offset) {
  nodes_ += nodes;
  bytes_ += bytes;
  if (nodes_ > kMostNodes) {
    stop_at_limit(offset, "keys and values", kMostNodes);
  }
  if (bytes_ > kMostBytes) {
    stop_at_limit(offset, "bytes of text, aliases written out", kMostBytes);
  }
}

void YamlTree::check_plain(const std::string& text, std::size_t offset) {
  if (text_.text().substr(offset, text.size()) != text) {
    stop({.where = text_.at(offset),
          .key = {},
          .what = "the text \"" + shorten(text) + "\" goes on over several lines",
          .expected = "one line",
          .short_name = "yaml-syntax",
          .help = "check the indentation, commas and colons; put a long text in quotes",
          .notes = {}});
  }
  if (text.find('\t') != std::string::npos) {
    report({.where = text_.at(offset + text.find('\t')),
            .key = {},
            .what = "a tab in a text without quotes",
            .expected = "a space",
            .short_name = "yaml-syntax",
            .help = {},
            .notes = {}});
  }
}

void YamlTree::check_tag(const Properties& properties, Node& node) {
  const std::string& tag = properties.tag;
  constexpr std::string_view kCore = "tag:yaml.org,2002:";
  const std::string name = tag.rfind(kCore, 0) == 0 ? tag.substr(kCore.size()) : "";
  if (tag == "?") {
    return;
  }
  if (tag == "!" || name == "str") {
    node.quoted = true;
  } else if (name == "int" || name == "float" || name == "bool") {
    node.quoted = false;
  } else if (name == "null" && (node.text.empty() || is_null_word(node.text, 0))) {
    node = {.kind = Node::Kind::null,
            .text = {},
            .quoted = false,
            .where = node.where,
            .items = {},
            .entries = {}};
  } else if (name == "null") {
    report_feature(properties.offset, "the tag '!!null' with a value", "no value", "remove the tag");
  } else {
    const std::string_view from = text_.text().substr(properties.offset);
    const std::string_view written = from.substr(0, from.find_first_of(" \r\n,]}"));
    report_feature(properties.offset, "the tag " + single_quoted(std::string(written)),
                   "no tag, or !!str, !!int, !!float, !!bool or !!null",
                   "remove the tag, or put a text that begins with '!' in quotes");
  }
}

void YamlTree::check_characters(const std::string& text, std::size_t offset) {
  const std::size_t found = find_control_character(text);
  if (found < text.size()) {
    report({.where = text_.at(offset),
            .key = path(),
            .what = "a text with the control character " + YamlText(text, Location{}).character(found),
            .expected = "printable text",
            .short_name = "yaml-syntax",
            .help = {},
            .notes = {}});
  }
}

std::string YamlTree::path() const {
  std::string path;
  for (const Frame& frame : frames_) {
    if (frame.node.kind == Node::Kind::list) {
      path += fmt::format("[{}]", frame.node.items.size());
    } else if (frame.has_key) {
      path += (path.empty() ? "" : ".") + frame.entry.key;
    }
  }
  return path;
}

std::optional<std::size_t> YamlTree::innermost_bracket() const {
  for (auto frame = frames_.rbegin(); frame != frames_.rend(); ++frame) {
    const std::string there = text_.character(frame->offset);
    if (frame->flow && (there == "[" || there == "{")) {
      return frame->offset;
    }
  }
  return std::nullopt;
}

void YamlTree::abandon() {
  while (!frames_.empty()) {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    if (!frame.is_key) {
      place(std::move(frame.node), 0);
    }
  }
}

void YamlTree::report(Diagnostic diagnostic) {
  diagnostics_.add(std::move(diagnostic));
  if (diagnostics_.list().size() >= kMostProblems) {
    throw YamlStop{};
  }
}

void YamlTree::report_feature(std::size_t offset, std::string what, std::string expected, std::string help) {
  report({.where = text_.at(offset),
          .key = path(),
          .what = std::move(what),
          .expected = std::move(expected),
          .short_name = "yaml-feature",
          .help = std::move(help),
          .notes = {}});
}

void YamlTree::stop(Diagnostic diagnostic) {
  diagnostics_.add(std::move(diagnostic));
  throw YamlStop{};
}

void YamlTree::stop_at_limit(std::size_t offset, const std::string& what, std::size_t most) {
  stop({.where = text_.at(offset),
        .key = {},
        .what = "too many " + what,
        .expected = fmt::format("at most {}", most),
        .short_name = "yaml-limit",
        .help = {},
        .notes = {}});
}

}  // namespace moesim
