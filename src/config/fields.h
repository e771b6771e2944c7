#pragma once
// Describe a parameter struct once: the same line gives a field its name, type, default, range and sentence,
// and serves parsing, validation, help, documentation and the run record.
//
//   struct GaussianParams { std::int64_t clusters = 16; double spread = 0.5; };
//   void describe(Fields<GaussianParams>& f) {
//     f.add("clusters", &GaussianParams::clusters).range(1, 65536).doc("number of cluster centres");
//     f.add("spread", &GaussianParams::spread).range(0.0, 100.0).doc("deviation around a centre");
//   }
//
// The default is the member's initialiser. Types: bool, int64, uint64, double, std::string, enums with
// enum_names(), std::vector<std::string>, std::vector<double>. Goals: one line per field, no macros, no
// second list. Non-goal: describing relations between fields; those are ordinary code after binding.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/node.h"
#include "config/scalars.h"

namespace moesim {

// For an enum E: a function `std::span<const EnumName<E>> enum_names(E)` beside it lists its words.
template <class E>
struct EnumName {
  E value;
  std::string_view name;
};

template <class E>
std::string_view enum_text(E value) {
  for (const EnumName<E>& entry : enum_names(value)) {
    if (entry.value == value) {
      return entry.name;
    }
  }
  return "?";
}

// What help, documentation and schema need to know of a field. A schema generator maps `type` to a JSON type,
// `choices` to an enum (beside the type for special words), [low, high] to minimum and maximum, default_text
// (YAML) to the default.
struct FieldInfo {
  std::string name;
  std::string type;          // "whole number", "number", "true or false", "text", "one of",
                             // "list of texts", "list of numbers"
  std::string expected;      // "a whole number from 1 to 1024", as printed behind "expected"
  std::string default_text;  // "" when required
  std::string doc;
  std::vector<std::string> choices;  // of an enum field and special words
  bool required = false;
  double low = 0, high = 0;  // range of numbers, both ends included; unsigned fields always have one
  bool has_range = false;
};

enum class ReadOutcome { ok, wrong_type, out_of_range, unknown_choice };

namespace field_detail {

// Reading and printing of each type, defined in fields.cpp. read returns false and fills the problem.
bool read(const Node& node, bool& value, ScalarProblem& problem);
bool read(const Node& node, std::int64_t& value, ScalarProblem& problem);
bool read(const Node& node, std::uint64_t& value, ScalarProblem& problem);
bool read(const Node& node, double& value, ScalarProblem& problem);
bool read(const Node& node, std::string& value, ScalarProblem& problem);
bool read(const Node& node, std::vector<std::string>& value, ScalarProblem& problem);
bool read(const Node& node, std::vector<double>& value, ScalarProblem& problem);

std::string print(bool value);
std::string print(std::int64_t value);
std::string print(std::uint64_t value);
std::string print(double value);
std::string print(const std::string& value);  // quoted where YAML would read it as something else
std::string print(const std::vector<std::string>& value);
std::string print(const std::vector<double>& value);

std::string_view type_name(bool);
std::string_view type_name(std::int64_t);
std::string_view type_name(std::uint64_t);
std::string_view type_name(double);
std::string_view type_name(const std::string&);
std::string_view type_name(const std::vector<std::string>&);
std::string_view type_name(const std::vector<double>&);

// The words printed behind "expected", from the type, range and choices of the field.
std::string expected_text(const FieldInfo& info);

}  // namespace field_detail

// A field with its struct type T erased no further than needed.
template <class T>
struct Field {
  using Outcome = ReadOutcome;

  FieldInfo info;
  std::function<Outcome(const Node&, T&, ScalarProblem&)> read;
  std::function<std::string(const T&)> print;
  std::function<bool(const T&)> effective;  // empty: always
  std::string why_inert;                    // "router.select is not top_p"
};

template <class T>
class Fields {
 public:
  // Chained calls refine the field that add() made.
  template <class V>
  class Adder {
   public:
    Adder(Fields& fields, std::size_t at, V T::*member) : fields_(fields), at_(at), member_(member) {}

    Adder& doc(std::string text) {
      field().info.doc = std::move(text);
      return *this;
    }
    Adder& required() {
      field().info.required = true;
      field().info.default_text.clear();
      return *this;
    }
    // Both ends included.
    Adder& range(V low, V high) {
      field().info.has_range = true;
      field().info.low = static_cast<double>(low);
      field().info.high = static_cast<double>(high);
      const auto inner = field().read;
      const auto member = member_;
      const std::vector<std::string> words = field().info.choices;
      field().read = [inner, member, words, low, high](const Node& node, T& out, ScalarProblem& problem) {
        const ReadOutcome outcome = inner(node, out, problem);
        const bool is_word = std::find(words.begin(), words.end(), node.text) != words.end();
        if (outcome == ReadOutcome::ok && !is_word && (out.*member < low || out.*member > high)) {
          problem.got = "got " + describe_node(node);
          return ReadOutcome::out_of_range;
        }
        return outcome;
      };
      return refresh();
    }
    // A word that stands for a value: "auto" for 0 threads.
    Adder& word(std::string text, V value) {
      field().info.choices.push_back(text);
      const auto inner = field().read;
      const auto inner_print = field().print;
      const auto member = member_;
      field().read = [inner, member, text, value](const Node& node, T& out, ScalarProblem& problem) {
        if (node.kind == Node::Kind::scalar && node.text == text) {
          out.*member = value;
          return ReadOutcome::ok;
        }
        return inner(node, out, problem);
      };
      field().print = [inner_print, member, text, value](const T& in) {
        return in.*member == value ? text : inner_print(in);
      };
      if (!field().info.required) {
        field().info.default_text = field().print(T{});
      }
      return refresh();
    }
    // The field acts only where `test` holds; given elsewhere it is an error: "has no effect because <why>".
    Adder& only_when(std::function<bool(const T&)> test, std::string why_not) {
      field().effective = std::move(test);
      field().why_inert = std::move(why_not);
      return *this;
    }

   private:
    Field<T>& field() { return fields_.list_[at_]; }
    Adder& refresh() {
      field().info.expected = field_detail::expected_text(field().info);
      return *this;
    }
    Fields& fields_;
    std::size_t at_;
    V T::*member_;
  };

  template <class V>
  Adder<V> add(std::string name, V T::*member) {
    Field<T> field;
    field.info.name = std::move(name);
    if constexpr (std::is_enum_v<V>) {
      field.info.type = "one of";
      for (const EnumName<V>& entry : enum_names(V{})) {
        field.info.choices.emplace_back(entry.name);
      }
      field.read = [member](const Node& node, T& out, ScalarProblem& problem) {
        std::string text;
        if (!read_text(node, text, problem)) {
          return ReadOutcome::wrong_type;
        }
        for (const EnumName<V>& entry : enum_names(V{})) {
          if (entry.name == text) {
            out.*member = entry.value;
            return ReadOutcome::ok;
          }
        }
        problem.got = "unknown choice '" + shorten(text) + "'";
        return ReadOutcome::unknown_choice;
      };
      field.print = [member](const T& in) { return std::string(enum_text(in.*member)); };
    } else {
      field.info.type = field_detail::type_name(V{});
      if constexpr (std::is_same_v<V, std::uint64_t>) {
        field.info.has_range = true;
        field.info.high = 9223372036854775807.0;
      }
      field.read = [member](const Node& node, T& out, ScalarProblem& problem) {
        if (field_detail::read(node, out.*member, problem)) {
          return ReadOutcome::ok;
        }
        return problem.out_of_range ? ReadOutcome::out_of_range : ReadOutcome::wrong_type;
      };
      field.print = [member](const T& in) { return field_detail::print(in.*member); };
    }
    field.info.default_text = field.print(T{});
    field.info.expected = field_detail::expected_text(field.info);
    list_.push_back(std::move(field));
    return Adder<V>(*this, list_.size() - 1, member);
  }

  const std::vector<Field<T>>& list() const { return list_; }
  std::vector<FieldInfo> infos() const {
    std::vector<FieldInfo> infos;
    for (const Field<T>& field : list_) {
      infos.push_back(field.info);
    }
    return infos;
  }

 private:
  std::vector<Field<T>> list_;
};

template <class T>
Fields<T> fields_of() {
  Fields<T> fields;
  describe(fields);
  return fields;
}

}  // namespace moesim
