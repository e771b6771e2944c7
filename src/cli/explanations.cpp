#include "cli/explanations.h"

#include <algorithm>
#include <unordered_map>

namespace moesim {
namespace {

// As names are compared: "Load CV", "load_cv" and "loadcv" are one.
std::string folded(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c != ' ' && c != '_' && c != '-' && c != ',') {
      text += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
  return text;
}

// "e0" of "e7", "moetop0" of "moetop2": of what is numbered, the one with number 0 is in the table.
std::string without_number(std::string name) {
  const std::size_t end = name.find_last_not_of("0123456789");
  return end == std::string::npos || end + 1 == name.size() ? "" : name.substr(0, end + 1) + "0";
}

using NameIndex = std::unordered_map<std::string, const Explanation*>;

NameIndex make_index() {
  NameIndex index;
  for (const ExplanationTheme& theme : explanation_themes()) {
    for (const Explanation& entry : theme.entries) {
      for (const std::string& name : names_of(entry)) {
        index.emplace(folded(name), &entry);
      }
    }
  }
  return index;
}

}  // namespace

std::span<const ExplanationTheme> explanation_themes() {
  static const ExplanationTheme themes[] = {
      {"the layer and its router", "층과 라우터", layer_words()},
      {"load balance and capacity", "부하 균형과 용량", balance_words()},
      {"parameters, work, memory", "파라미터, 계산량, 메모리", cost_words()},
      {"whole models", "모델 전체", model_words()},
      {"speed and time", "속도와 시간", time_words()},
      {"the machine and the build", "컴퓨터와 빌드", machine_words()},
      {"screens, commands, results", "화면, 명령, 결과", screen_words()},
      {"short names of errors", "오류의 짧은 이름", error_words()},
  };
  return themes;
}

std::vector<Explanation> explanations() {
  std::vector<Explanation> all;
  for (const ExplanationTheme& theme : explanation_themes()) {
    all.insert(all.end(), theme.entries.begin(), theme.entries.end());
  }
  return all;
}

std::vector<std::string> names_of(const Explanation& entry) {
  std::vector<std::string> names = {std::string(entry.word)};
  std::string_view rest = entry.also;
  while (!rest.empty()) {
    const std::size_t bar = std::min(rest.find('|'), rest.size());
    names.emplace_back(rest.substr(0, bar));
    rest.remove_prefix(std::min(bar + 1, rest.size()));
  }
  if (!entry.korean.empty()) {
    names.emplace_back(entry.korean);
  }
  return names;
}

const Explanation* find_explanation(std::string_view name) {
  static const NameIndex index = make_index();
  const auto look_up = [](const std::string& key) {
    const auto found = index.find(key);
    return found == index.end() ? nullptr : found->second;
  };
  const std::string key = folded(name);
  if (const Explanation* entry = look_up(key)) {
    return entry;
  }
  if (key.size() > 2) {  // shorter ones are letters of formulas
    const bool plural = key.back() == 's';
    if (const Explanation* entry = look_up(plural ? key.substr(0, key.size() - 1) : key + "s")) {
      return entry;
    }
  }
  return look_up(without_number(key));
}

}  // namespace moesim
