#include "models/json_tree.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "config/scalars.h"
#include "core/error.h"
#include "core/text.h"

namespace moesim {
namespace {

// Builds the tree from the parser's events. The parser keeps its own stack on the heap, so that depth costs
// no call frames; the limit is for those who walk the tree.
class Builder {
 public:
  Builder(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  Node take() { return std::move(root_); }

  bool null() { return place(Node{}); }
  bool boolean(bool value) { return scalar(value ? "true" : "false", false); }
  bool number_integer(std::int64_t value) { return scalar(std::to_string(value), false); }
  bool number_unsigned(std::uint64_t value) { return scalar(std::to_string(value), false); }
  bool number_float(double /*value*/, const std::string& digits) { return scalar(digits, false); }
  bool string(std::string& value) { return scalar(std::move(value), true); }
  template <class Binary>
  bool binary(Binary& /*value*/) {
    return false;  // not in text
  }
  bool start_object(std::size_t /*size*/) { return begin(Node::Kind::map); }
  bool start_array(std::size_t /*size*/) { return begin(Node::Kind::list); }
  bool end_object() { return end(); }
  bool end_array() { return end(); }

  bool key(std::string& name) {
    Frame& frame = frames_.back();
    if (!frame.keys.insert(name).second) {
      refuse(fmt::format("{}: the key stands twice", shorten(name)), "each key once", "duplicate-key");
    }
    frame.waiting = name;
    return true;
  }

  template <class Exception>
  bool parse_error(std::size_t position, const std::string& token, const Exception& error) {
    constexpr int kNumberOverflow = 406;
    if (error.id == kNumberOverflow) {
      refuse(fmt::format("{} is beyond the largest number", shorten(token)), "a finite number",
             "json-malformed");
    }
    const std::size_t offset = position == 0 ? 0 : position - 1;  // of the first byte that does not fit
    const std::string found =
        offset >= text_.size()
            ? "the text ends"
            : fmt::format("found '{}'", text_.substr(offset, std::max(1, decode_utf8(text_, offset).bytes)));
    refuse(fmt::format("byte {}: {}", std::min(offset, text_.size()), found), "JSON text", "json-malformed");
    return false;
  }

 private:
  struct Frame {
    Node node;
    std::set<std::string> keys{};
    std::string waiting{};  // the key of the next value
  };

  [[noreturn]] void refuse(const std::string& what, const char* expected, const char* short_name) const {
    throw Error(ErrorKind::bad_data, display_safe(fmt::format("{}: error: {}; expected {} [{}]", where_, what,
                                                              expected, short_name)));
  }

  void count() {
    if (++values_ > kMostJsonValues) {
      refuse(fmt::format("more than {} values", kMostJsonValues), "fewer", "json-limit");
    }
  }

  bool begin(Node::Kind kind) {
    count();
    if (frames_.size() == kDeepestJson) {
      refuse(fmt::format("objects and arrays deeper than {} levels", kDeepestJson), "fewer levels",
             "json-limit");
    }
    Node node;
    node.kind = kind;
    frames_.push_back({.node = std::move(node)});
    return true;
  }

  bool end() {
    Node node = std::move(frames_.back().node);
    frames_.pop_back();
    attach(std::move(node));
    return true;
  }

  bool scalar(std::string value, bool quoted) {
    Node node;
    node.kind = Node::Kind::scalar;
    node.text = std::move(value);
    node.quoted = quoted;
    return place(std::move(node));
  }

  bool place(Node node) {
    count();
    attach(std::move(node));
    return true;
  }

  void attach(Node node) {
    node.where.source = where_;
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = frames_.back();
    if (frame.node.kind == Node::Kind::list) {
      frame.node.items.push_back(std::move(node));
      return;
    }
    frame.node.entries.push_back(
        {.key = std::move(frame.waiting), .where = {.source = where_}, .value = std::move(node)});
  }

  std::string_view text_;
  const std::string& where_;
  Node root_;
  std::vector<Frame> frames_;
  std::size_t values_ = 0;
};

}  // namespace

Node parse_json(std::string_view text, const std::string& where) {
  Builder builder(text, where);
  nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}

}  // namespace moesim
