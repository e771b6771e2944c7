// moesim report: a stored run, a sweep, or two of them side by side, as one HTML file or as figures.

#include <fmt/format.h>

#include <filesystem>

#include "cli/page_output.h"
#include "cli/session.h"
#include "core/error.h"
#include "core/text.h"
#include "io/files.h"
#include "page/figures.h"
#include "page/html.h"
#include "page/pages.h"

namespace moesim {
namespace {

// compare_stored_runs speaks as `moesim compare`.
std::vector<CompareResult> compared(const std::vector<std::string>& runs) {
  try {
    return compare_stored_runs(runs[0], runs[1]);
  } catch (const Error& error) {
    const std::string text = error.what();
    const std::string other = "moesim compare: ";
    if (text.rfind(other, 0) != 0) {
      throw;
    }
    throw Error(error.kind(), "moesim report: " + text.substr(other.size()),
                error.help().empty() ? "moesim report RUN draws one alone" : error.help());
  }
}

Page page_of(const std::vector<std::string>& runs) {
  if (runs.size() > 2) {
    throw Error(ErrorKind::usage,
                fmt::format("moesim report: error: {} folders; expected one, or two to compare [bad-option]",
                            runs.size()),
                "moesim report RUN_A RUN_B");
  }
  for (const std::string& run : runs) {
    check_results_folder(run);
  }
  if (runs.size() == 1) {
    return folder_page(runs.front());
  }
  CompareArguments both;
  both.runs = runs;
  return compare_page(compared(runs), comparing_command(both));
}

// A run's folder may come from anybody: a link in it could lead to any file of the reader's.
void check_no_link(const std::string& path) {
  std::error_code unknown;
  if (std::filesystem::is_symlink(path, unknown)) {
    throw Error(ErrorKind::cannot_create,
                fmt::format("{}: error: the report's place is a link to another file; expected none "
                            "[cannot-create]",
                            display_safe(path)),
                "remove the link, or name a file: --file report.html");
  }
}

}  // namespace

void report_folder(const std::string& folder) {
  std::string problem;
  try {
    const std::string path = folder + "/report.html";
    check_no_link(path);
    write_file_atomically(path, render_html(folder_page(folder)));
    write_stderr(fmt::format("report   {}\n", display_path(path)));
  } catch (const Error& error) {
    problem = error.help().empty() ? error.what() : fmt::format("{}\n  help: {}", error.what(), error.help());
  } catch (const std::exception& error) {
    problem = error.what();
  }
  if (!problem.empty()) {
    write_stderr(fmt::format("warning: no report: {}\n", problem));
  }
}

int report_command(const ReportArguments& arguments) {
  check_can_write_pages();
  const bool figures = !arguments.figures.empty();
  const std::string form =
      figures ? parse_choice_option("--figures", arguments.figures, {"svg", "png", "pdf"}) : "";
  if (!arguments.file.empty()) {
    check_page_target("--file", arguments.file, figures);
  }
  const Page page = page_of(arguments.runs);
  const bool two = arguments.runs.size() == 2;  // B's own report stays
  const std::string usual = arguments.runs.back() + (two ? (figures ? "/compare_figures" : "/compare.html")
                                                         : (figures ? "/figures" : "/report.html"));
  const std::string target = arguments.file.empty() ? usual : arguments.file;
  if (arguments.file.empty()) {
    check_no_link(target);
  }
  if (!figures) {
    write_file_atomically(target, render_html(page));
    write_stdout(display_path(target) + "\n");
    return 0;
  }
  for (const std::string& file : write_figures(page, target, form)) {
    write_stdout(display_path(file) + "\n");
  }
  return 0;
}

}  // namespace moesim
