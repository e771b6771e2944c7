#pragma once
// A page as one HTML file that needs nothing else and runs no script but its own.

#include <cstddef>
#include <string>

#include "page/page.h"

namespace moesim {

// Whether this build has the chart library.
bool can_write_pages();
// Throws Error(usage), which says what to type, where it has not.
void check_can_write_pages();

struct HtmlOptions {
  bool pictures = true;               // one a section, for readers without JavaScript, where can_draw()
  std::size_t most_bytes = 16 << 20;  // of charts; then their last views are left out, with a note. Tables,
                                      // library and pictures take below 4 MiB more
};
// Throws Error(usage) in a build without the chart library.
std::string render_html(const Page& page, const HtmlOptions& options = {});

// Text for an element or a quoted attribute.
std::string escape_html(const std::string& text);
// JSON for a script element: no character that could end it.
std::string escape_json_in_html(const std::string& json);

}  // namespace moesim
