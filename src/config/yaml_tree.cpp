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

// Whether a null is written out there, not merely absent.
bool is_null_word(std::string_view text, std::size_t offset) {
  const std::size_t end = text.find_first_of(" \t\r\n,]}:", offset);
  return is_null_text(text.substr(offset, end == std::string_view::npos ? end : end - offset));
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
    stop(syntax_problem(text_.at(offset), {"nothing stands before the ','", "a value", "remove the ','"}));
  }
  if (expects_key()) {
    if (written) {
      refuse_key(offset, "null as a key", "put the key in quotes");
    } else {
      report(syntax_problem(text_.at(offset), {"a value without a key", "a text as a key", ""}));
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
    check_quotes(offset);
  } else if (in_block && style_ == Style::flow_only) {
    stop(syntax_problem(text_.at(offset),
                        {"a value cannot begin with '" + opening + "' here", "", "put the text in quotes"}));
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
    stop(syntax_problem(text_.at(offset), {is_map ? "a map without braces" : "a list without brackets",
                                           is_map ? "{key: value}" : "[a, b]", "or put a text in quotes"}));
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

}  // namespace moesim
