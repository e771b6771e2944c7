#pragma once
// Private to this room: --report FILE and --figures FORM of the commands that store nothing. What cannot be
// written is refused before anything is computed.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/session.h"
#include "io/files.h"
#include "page/page.h"

namespace moesim {

// The name given with `option` must be that of a page (.html), or where figures are asked for of a folder.
// Throws Error(usage).
void check_page_target(const std::string& option, const std::string& path, bool figures);

class PageOutput {
 public:
  // Throws Error(usage) for options that say nothing together, a file that is no .html, and a build that
  // cannot draw.
  explicit PageOutput(const PageArguments& arguments);

  // For ResultOutputs, which refuses two outputs with one name.
  std::vector<std::pair<std::string, std::string>> names() const;

  void open();  // throws Error(cannot_create)
  // Makes the page where one was asked for, and says where it is. Throws Error(write_failed).
  void write(const std::function<Page()>& make);

 private:
  PageArguments arguments_;
  std::unique_ptr<OutputFile> file_;  // none of figures
};

}  // namespace moesim
