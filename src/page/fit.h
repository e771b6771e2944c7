#pragma once
// Private to this room: what is left out of a page so that a browser still opens it.

#include <cstddef>

#include "page/page.h"

namespace moesim {

// Leaves out the last views of the charts that have the most to say until what the page says takes at most
// `most_bytes`, and writes so under them. A chart keeps its first view, whatever its size.
void fit_page(Page& page, std::size_t most_bytes);

}  // namespace moesim
