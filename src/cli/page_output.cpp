#include "cli/page_output.h"

#include <fmt/format.h>

#include <filesystem>

#include "cli/outputs.h"
#include "core/error.h"
#include "core/text.h"
#include "page/figures.h"
#include "page/html.h"

namespace moesim {

void check_page_target(const std::string& option, const std::string& path, bool figures) {
  if (!figures) {
    checked_ending(option, path, {"html"});
    return;
  }
  if (const std::string name = path.substr(0, path.find_last_not_of('/') + 1); name.ends_with(".html")) {
    std::filesystem::path folder = std::filesystem::path(name).replace_extension();
    if (folder.filename() == ".html") {
      folder.replace_filename("figures");
    }
    throw Error(ErrorKind::usage,
                fmt::format("{} {}: error: got the name of a page; expected a folder with --figures "
                            "[bad-option]",
                            option, display_safe(path)),
                fmt::format("{} {}", option, display_safe(shell_quoted(folder.string()))));
  }
}

PageOutput::PageOutput(const PageArguments& arguments) : arguments_(arguments) {
  if (!arguments.figures.empty()) {
    parse_choice_option("--figures", arguments.figures, {"svg", "png", "pdf"});
  }
  if (arguments.report.empty()) {
    if (!arguments.figures.empty()) {
      throw Error(ErrorKind::usage,
                  "--figures: error: has no effect without --report; expected --report FOLDER [no-effect]",
                  fmt::format("--report figures --figures {}", arguments.figures));
    }
    return;
  }
  check_page_target("--report", arguments.report, !arguments.figures.empty());
  if (arguments.figures.empty()) {
    check_can_write_pages();
  } else {
    check_can_write_figures(arguments.figures);
  }
}

std::vector<std::pair<std::string, std::string>> PageOutput::names() const {
  return arguments_.report.empty() || !arguments_.figures.empty()
             ? std::vector<std::pair<std::string, std::string>>()
             : std::vector<std::pair<std::string, std::string>>{{"--report", arguments_.report}};
}

void PageOutput::open() {
  if (arguments_.report.empty()) {
    return;
  }
  if (arguments_.figures.empty()) {
    file_ = std::make_unique<OutputFile>(arguments_.report);
    return;
  }
  make_figures_folder(arguments_.report);
}

void PageOutput::write(const std::function<Page()>& make) {
  if (arguments_.report.empty()) {
    return;
  }
  std::vector<std::string> paths;
  if (file_ != nullptr) {
    file_->write(render_html(make()));
    file_->close();
    paths.push_back(arguments_.report);
  } else {
    paths = write_figures(make(), arguments_.report, arguments_.figures);
  }
  for (const std::string& path : paths) {
    write_stderr(fmt::format("report   {}\n", display_path(path)));
  }
}

}  // namespace moesim
