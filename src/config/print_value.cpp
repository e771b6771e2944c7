// A tree back as one line of YAML.
#include <algorithm>

#include "config/yaml.h"

namespace moesim {
namespace {

// Text that flow style reads as itself without quotes.
bool is_plain(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
           c == '.' || c == '+' || c == '/' || c == '$';
  });
}

std::string quote(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) {
    quoted += c == '\'' ? "''" : std::string(1, c);
  }
  return quoted + "'";
}

}  // namespace

std::string print_yaml_value(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "~";
    case Node::Kind::scalar: {
      const bool number = !node.quoted && !node.text.empty() &&
                          node.text.find_first_not_of("0123456789.eE+-x") == std::string::npos;
      return !node.quoted && (number || is_plain(node.text)) ? node.text : quote(node.text);
    }
    case Node::Kind::list: {
      std::string text = "[";
      for (const Node& item : node.items) {
        text += (text.size() == 1 ? "" : ", ") + print_yaml_value(item);
      }
      return text + "]";
    }
    case Node::Kind::map: {
      std::string text = "{";
      for (const Node::Entry& entry : node.entries) {
        text += (text.size() == 1 ? "" : ", ") + entry.key + ": " + print_yaml_value(entry.value);
      }
      return text + "}";
    }
  }
  return "";
}

}  // namespace moesim
