#pragma once
// Included by the .cpp files of importers of JSON alone: one parser (simdjson's, which chooses its
// instructions when it runs), and values with the errors that name them.

#include <simdjson.h>

#include <string>
#include <string_view>

#include "io/recording_lines.h"

namespace moesim {

static_assert(RecordingLines::kPadding >= simdjson::SIMDJSON_PADDING);

using JsonElement = simdjson::dom::element;

class RecordingJson {
 public:
  // The object on a line with kPadding readable bytes behind it; it holds until the next call. Throws
  // Error(bad_data) at `where()` where it is none.
  template <class Where>
  simdjson::dom::object object(std::string_view line, const Where& where) {
    JsonElement root;
    simdjson::dom::object found;
    simdjson::error_code error = parser_.parse(line.data(), line.size(), false).get(root);
    error = error != simdjson::SUCCESS ? error : root.get_object().get(found);
    if (error != simdjson::SUCCESS) {
      refuse_json(where(), error);
    }
    return found;
  }

 private:
  [[noreturn]] static void refuse_json(const std::string& where, simdjson::error_code error);
  simdjson::dom::parser parser_;
};

// A value of a key, or of a list: what errors say of it.
struct JsonValue {
  std::string_view name;  // "expert"
  JsonElement element;
};

// Throw Error(bad_data) at `where()`.
[[noreturn]] void refuse_value(const std::string& where, const JsonValue& value, const std::string& expected);

template <class Where>
std::uint64_t json_whole(const JsonValue& value, std::uint64_t most, const Where& where) {
  std::uint64_t number = 0;
  if (value.element.get_uint64().get(number) != simdjson::SUCCESS || number > most) {
    refuse_value(where(), value, "a whole number from 0 to " + std::to_string(most));
  }
  return number;
}

// A finite float.
template <class Where>
float json_number(const JsonValue& value, const Where& where) {
  double number = 0;
  constexpr double kMost = 3.4028234663852886e38;
  if (value.element.get_double().get(number) != simdjson::SUCCESS || !(number <= kMost && number >= -kMost)) {
    refuse_value(where(), value, "a finite number");
  }
  return static_cast<float>(number);
}

template <class Where>
std::string_view json_text(const JsonValue& value, const Where& where) {
  std::string_view text;
  if (value.element.get_string().get(text) != simdjson::SUCCESS) {
    refuse_value(where(), value, "a text");
  }
  return text;
}

// A text as it is, a number or truth as JSON writes it; false where it is something else.
bool set_label(std::string& label, JsonElement element);

template <class Where>
void json_label(std::string& label, const JsonValue& value, const Where& where) {
  if (!set_label(label, value.element)) {
    refuse_value(where(), value, "a text or a number");
  }
}

// The keys of the object that a file begins with; empty where there is none.
std::vector<std::string> first_keys(std::string_view start);

}  // namespace moesim
