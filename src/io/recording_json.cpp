#include "io/recording_json.inl"

#include <fmt/format.h>

#include <charconv>

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

bool set_label(std::string& label, JsonElement element) {
  std::string_view text;
  std::uint64_t whole = 0;
  if (element.get_string().get(text) == simdjson::SUCCESS) {
    label.assign(text);
  } else if (element.get_uint64().get(whole) == simdjson::SUCCESS) {
    char digits[20];
    label.assign(digits, std::to_chars(digits, digits + sizeof digits, whole).ptr);
  } else if (element.is_number() || element.is_bool()) {
    label = simdjson::minify(element);
  } else {
    return false;
  }
  return true;
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

void check_json_object(std::string_view text, const std::string& where) {
  std::string line(text);
  line.resize(text.size() + simdjson::SIMDJSON_PADDING);
  RecordingJson().object({line.data(), text.size()}, [&] { return where; });
}

}  // namespace moesim
