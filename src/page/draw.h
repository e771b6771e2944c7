#pragma once
// Charts as pictures, drawn by the same library and the same descriptions as the page, in an embedded
// interpreter (Duktape): it sees nothing but those, no files and no network.

#include <memory>
#include <string>

#include "page/page.h"

namespace moesim {

// Whether this build has the interpreter and the chart library.
bool can_draw();

class Artist {
 public:
  Artist();  // reads the chart library, about half a second. Throws Error(usage) where can_draw() is false
  ~Artist();
  Artist(const Artist&) = delete;
  Artist& operator=(const Artist&) = delete;

  // SVG, 760 pixels wide. The same chart gives the same bytes. Throws Error(bad_data) when the library
  // refuses the chart.
  std::string draw(const Chart& chart, std::size_t view, bool dark = false);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace moesim
