#include "page/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "core/error.h"
#include "core/text.h"
#include "io/files.h"
#include "page/draw.h"

#ifdef MOESIM_RSVG
#include <cairo-pdf.h>
#include <librsvg/rsvg.h>
#endif

namespace moesim {
namespace {

#ifdef MOESIM_RSVG

cairo_status_t append(void* to, const unsigned char* bytes, unsigned int count) {
  static_cast<std::string*>(to)->append(reinterpret_cast<const char*>(bytes), count);
  return CAIRO_STATUS_SUCCESS;
}

std::string rasterise(const std::string& svg, const std::string& form) {
  RsvgHandle* handle =
      rsvg_handle_new_from_data(reinterpret_cast<const guint8*>(svg.data()), svg.size(), nullptr);
  MOESIM_CHECK(handle != nullptr, "a figure of our own that librsvg cannot read");
  double width = 0;
  double height = 0;
  rsvg_handle_get_intrinsic_size_in_pixels(handle, &width, &height);
  constexpr double kPixels = 2;
  const bool pdf = form == "pdf";
  std::string bytes;
  cairo_surface_t* surface =
      pdf ? cairo_pdf_surface_create_for_stream(append, &bytes, width, height)
          : cairo_image_surface_create(CAIRO_FORMAT_ARGB32, static_cast<int>(kPixels * width),
                                       static_cast<int>(kPixels * height));
  if (pdf) {
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE,
                                   "2000-01-01T00:00:00Z");  // same bytes
  }
  cairo_t* cairo = cairo_create(surface);
  if (!pdf) {
    cairo_scale(cairo, kPixels, kPixels);
  }
  const RsvgRectangle page{0, 0, width, height};
  const bool drawn = rsvg_handle_render_document(handle, cairo, &page, nullptr) != 0;
  cairo_destroy(cairo);
  if (!pdf) {
    cairo_surface_write_to_png_stream(surface, append, &bytes);
  }
  cairo_surface_destroy(surface);
  g_object_unref(handle);
  MOESIM_CHECK(drawn && !bytes.empty(), "a figure of our own that librsvg cannot draw");
  return bytes;
}

constexpr bool kCanRasterise = true;

#else

constexpr bool kCanRasterise = false;

std::string rasterise(const std::string& /*svg*/, const std::string& /*form*/) {
  return "";  // check_can_write_figures lets nothing come here
}

#endif

// Views of a chart that become figures; of more, as of layers, the first alone does.
constexpr std::size_t kMostViews = 12;

// "load", and "load-sorted" of a later view or where `with_view`.
std::string figure_name(const Chart& chart, std::size_t view, bool with_view) {
  std::string name = chart.id;
  bool in_word = false;
  for (const char c :
       view == 0 && !with_view ? std::string_view() : std::string_view(chart.views[view].name)) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (is_letter) {
      name += in_word ? "" : "-";
      name += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    in_word = is_letter;
  }
  return name;
}

}  // namespace

void check_can_write_figures(const std::string& form) {
  if (!can_draw()) {
    Artist refused;  // says why
  }
  if (form != "svg" && !kCanRasterise) {
    throw Error(
        ErrorKind::usage,
        fmt::format("--figures {}: error: this build has no librsvg; expected svg [no-figures]", form),
        "install librsvg2-dev and build again, or use --figures svg");
  }
}

void make_figures_folder(const std::string& folder) {
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  if (problem) {
    throw Error(
        ErrorKind::cannot_create,
        fmt::format(
            "{}: error: the folder cannot be made: {}; expected a place that can be written [cannot-create]",
            display_safe(folder), problem.message()));
  }
}

std::vector<std::string> write_figures(const Page& page, const std::string& folder, const std::string& form) {
  check_can_write_figures(form);
  Artist artist;
  std::vector<std::string> paths;
  make_figures_folder(folder);
  for (const Section& section : page.sections) {
    for (const Block& block : section.blocks) {
      const Chart* chart = std::get_if<Chart>(&block);
      if (chart == nullptr || chart->views.empty()) {
        continue;
      }
      const std::size_t views = chart->views.size() <= kMostViews ? chart->views.size() : 1;
      for (std::size_t view = 0; view < views; ++view) {
        const std::string svg = artist.draw(*chart, view);
        const bool is_one_of_many = chart->views.size() > kMostViews;
        std::string path = fmt::format("{}/{}.{}", folder, figure_name(*chart, view, is_one_of_many), form);
        if (std::find(paths.begin(), paths.end(), path) != paths.end()) {
          path = fmt::format("{}/{}-{}.{}", folder, chart->id, view, form);
        }
        std::error_code unknown;
        if (std::filesystem::is_symlink(path, unknown)) {  // in a folder from anybody it could lead anywhere
          std::filesystem::remove(path, unknown);
        }
        write_file_atomically(path, form == "svg" ? svg : rasterise(svg, form));
        paths.push_back(path);
      }
    }
  }
  return paths;
}

}  // namespace moesim
