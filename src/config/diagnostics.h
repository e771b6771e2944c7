#pragma once
// What is wrong with a config, all of it at once, each at its place.
//
//   <file>:<line>:<column>: error: <key.path>: <what is wrong>; expected <what> [short-name]
//     help: <what to do, often the text to type>
//     note: <another position involved>

#include <string>
#include <vector>

#include "config/node.h"
#include "core/error.h"

namespace moesim {

struct Diagnostic {
  Location where;
  std::string key;         // "router.top_k"; empty for errors of the file as a whole
  std::string what;        // "got 16"
  std::string expected;    // "a whole number from 1 to 8"; empty when `what` says it all
  std::string short_name;  // "out-of-range"; `moesim explain out-of-range` says more
  std::string help;        // empty: no help line
  std::vector<std::pair<Location, std::string>> notes;  // place (line 0: not printed), text
};

std::string render(const Diagnostic& diagnostic);

class Diagnostics {
 public:
  void add(Diagnostic diagnostic) { list_.push_back(std::move(diagnostic)); }
  bool empty() const { return list_.empty(); }
  const std::vector<Diagnostic>& list() const { return list_; }

  // File by file in the order the files were first named, then by line and column; at most 20, then one line
  // that counts the rest; last "N errors. Nothing was run."
  std::string render_all() const;

 private:
  std::vector<Diagnostic> list_;
};

// What the diagnostics have in common: missing_input or bad_data where every one of them is about a data file
// that the config names, else config.
ErrorKind kind_of(const Diagnostics& diagnostics);

// Carries the rendered diagnostics; exit status 78, or 65 and 66 where only data files are to blame.
class ConfigError : public Error {
 public:
  explicit ConfigError(const Diagnostics& diagnostics)
      : Error(kind_of(diagnostics), diagnostics.render_all()), diagnostics_(diagnostics) {}
  const Diagnostics& diagnostics() const { return diagnostics_; }

 private:
  Diagnostics diagnostics_;
};

}  // namespace moesim
