#pragma once
// Private to this room: the files of web/ and the chart library as the build put them into the binary
// (cmake/web.cmake). A build without npm has none.

#include <string_view>

namespace moesim {

struct WebFiles {
  std::string_view library;  // ECharts, as it ships
  std::string_view library_version;
  std::string_view notice;  // of ECharts
  std::string_view charts;  // web/chart.js
  std::string_view page;    // web/page.js
  std::string_view style;   // web/page.css
  // SHA-256, base64, of the three scripts as the page holds them.
  std::string_view library_hash, charts_hash, page_hash;
};

// nullptr in a build without the report.
const WebFiles* web_files();

}  // namespace moesim
