#include "io/recording_json.inl"

#include <fmt/format.h>

#include "core/text.h"
#include "io/recording_error.h"

namespace moesim {

void RecordingJson::refuse_json(const std::string& where, simdjson::error_code error) {
  const bool other = error == simdjson::INCORRECT_TYPE;
  refuse_recording(
      where, {.what = other ? std::string("the line is no object")
                            : fmt::format("the JSON cannot be read: {}", simdjson::error_message(error)),
              .expected = "one JSON object on the line"});
}

void refuse_value(const std::string& where, const JsonValue& value, const std::string& expected) {
  const bool plain = !value.element.is_object() && !value.element.is_array();
  const std::string shown = plain ? quoted_word(std::string(simdjson::minify(value.element)))
                            : value.element.is_array() ? "a list"
                                                       : "an object";
  refuse_recording(where,
                   {.what = fmt::format("{} is {}", quoted_word(value.name), shown), .expected = expected});
}

std::string json_label(const std::string& where, const JsonValue& value) {
  std::string_view text;
  if (value.element.get_string().get(text) == simdjson::SUCCESS) {
    return std::string(text);
  }
  if (!value.element.is_number() && !value.element.is_bool()) {
    refuse_value(where, value, "a text or a number");
  }
  return simdjson::minify(value.element);
}

std::vector<std::string> first_keys(std::string_view start) {
  std::vector<std::string> names;
  if (start.starts_with("\xef\xbb\xbf")) {
    start.remove_prefix(3);
  }
  simdjson::dom::parser parser;
  const simdjson::padded_string line(start.substr(0, start.find('\n')));
  simdjson::dom::object object;
  if (parser.parse(line).get_object().get(object) == simdjson::SUCCESS) {
    for (const auto& field : object) {
      names.emplace_back(field.key);
    }
  }
  return names;
}

}  // namespace moesim
