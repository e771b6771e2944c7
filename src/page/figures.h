#pragma once
// The charts of a page as files of their own.

#include <string>
#include <vector>

#include "page/page.h"

namespace moesim {

// Throws Error(usage) where this build cannot draw, or has no librsvg for png and pdf.
void check_can_write_figures(const std::string& form);

// Makes the folder, and those above it. Throws Error(cannot_create).
void make_figures_folder(const std::string& folder);

// Writes FOLDER/<id>.<form> for the first view of each chart and <id>-<view>.<form> for the others where they
// are at most twelve, else <id>-<first view> alone; form: "svg", "png" (twice the pixels) or "pdf".
// Returns the paths. Throws as check_can_write_figures, and Error(cannot_create, write_failed).
std::vector<std::string> write_figures(const Page& page, const std::string& folder, const std::string& form);

}  // namespace moesim
