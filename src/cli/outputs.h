#pragma once
// Private to this room: where a result goes. Names and formats are checked before anything is loaded, files
// are opened before anything is run, so that a run is never lost to an output that could not be written.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "io/files.h"
#include "io/row_format.h"
#include "report/screen.h"

namespace moesim {

Format parse_format(const std::string& option, const std::string& text);

class ResultOutputs {
 public:
  // `output` as typed after -o, `files` as typed after --out (format by their endings). Throws Error(usage),
  // also for two outputs with one name; `others` are further files that the command writes, as option and
  // name.
  ResultOutputs(const std::string& output, const std::vector<std::string>& files,
                const std::vector<std::pair<std::string, std::string>>& others = {});

  Format format() const { return format_; }  // of standard output
  void open();                               // throws Error(cannot_create)

  using Render = std::function<std::string(Format format, const ScreenStyle& style)>;
  // Standard output first: a file that fails must not lose the result. Throws Error(write_failed).
  void write(const Render& render, const ScreenStyle& style);

 private:
  struct File {
    std::string path;
    Format format;
    std::unique_ptr<OutputFile> file;
  };
  Format format_;
  std::vector<File> files_;
};

// "x.csv" with its ending (csv) among `endings`; throws Error(usage) that suggests a name with the first one.
std::string checked_ending(const std::string& option, const std::string& path,
                           const std::vector<std::string>& endings);

}  // namespace moesim
