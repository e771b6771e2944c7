#include "page/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/build_info.h"
#include "core/error.h"
#include "core/text.h"
#include "io/row_format.h"
#include "page/draw.h"
#include "page/fit.h"
#include "page/web_files.h"
#include "report/numbers.h"

namespace moesim {
namespace {

constexpr std::size_t kMostTableRows = 2000;
constexpr std::size_t kMostPictured = 100'000;  // bytes of a chart: larger ones take seconds to draw
constexpr int kColours = 8;                     // classes c0 … of web/page.css

// The page's one script may not come from its data, so the policy names the scripts by their hashes.
std::string policy(const WebFiles& web) {
  return fmt::format(
      "default-src 'none'; script-src 'sha256-{}' 'sha256-{}' 'sha256-{}'; style-src 'unsafe-inline'; "
      "img-src data:; "
      "base-uri 'none'; form-action 'none'",
      web.library_hash, web.charts_hash, web.page_hash);
}

using Choices = std::vector<TokenText::Choice>;

// web/page.js says the same of the layers that the reader chooses.
std::string in_words(const Choices& choices) {
  std::string text;
  for (const TokenText::Choice& choice : choices) {
    text += fmt::format("{}expert {}: {:.3f}{}", text.empty() ? "" : ", ", choice.expert, choice.weight,
                        choice.kept ? "" : " (dropped)");
  }
  return text.empty() ? "no expert" : text;
}

std::string classes_of(const Choices& choices) {
  if (choices.empty()) {
    return "t none";
  }
  const bool dropped = std::none_of(choices.begin(), choices.end(), [](const auto& c) { return c.kept; });
  return fmt::format("t c{}{}", choices.front().expert % kColours, dropped ? " dropped" : "");
}

// [layers][tokens of all passages][expert, weight, kept, expert, …]
std::string choices_as_json(const TokenText& text) {
  std::string json;
  for (std::size_t layer = 0; layer < text.layers.size(); ++layer) {
    json += layer == 0 ? "[" : ",[";
    bool first = true;
    for (const TokenText::Passage& passage : text.passages) {
      for (const TokenText::Token& token : passage.tokens) {
        json += first ? "[" : ",[";
        first = false;
        for (std::size_t i = 0; i < token.choices[layer].size(); ++i) {
          const TokenText::Choice& choice = token.choices[layer][i];
          json += fmt::format("{}{},\"{:.3f}\",{}", i == 0 ? "" : ",", choice.expert, choice.weight,
                              choice.kept ? 1 : 0);
        }
        json += "]";
      }
    }
    json += "]";
  }
  return "[" + json + "]";
}

class Writer {
 public:
  Writer(const Page& page, const HtmlOptions& options) : page_(page), options_(options) {}

  std::string write(const WebFiles& web) {
    out_ += "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
    out_ += fmt::format("<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n", policy(web));
    out_ += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
    out_ += "<noscript><style>.chart, .tools, .copy, #theme { display: none; }</style></noscript>\n";
    out_ += "<link rel=\"icon\" href=\"data:,\">\n";
    out_ += fmt::format("<title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n", safe(page_.title),
                        web.style);
    header();
    out_ += "<main>\n";
    for (const Section& section : page_.sections) {
      write(section);
    }
    out_ += "</main>\n";
    footer(web);
    out_ += "<script id=\"charts\" type=\"application/json\">" +
            escape_json_in_html(charts_.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)) +
            "</script>\n";
    out_ += fmt::format("<script>{}</script>\n<script>{}</script>\n<script>{}</script>\n</body>\n</html>\n",
                        web.library, web.charts, web.page);
    return std::move(out_);
  }

 private:
  static std::string safe(const std::string& text) { return escape_html(display_safe(text)); }

  void header() {
    out_ += fmt::format("<header>\n<h1>{}</h1>\n<p class=\"badges\">", safe(page_.title));
    for (const std::string& badge : page_.badges) {
      out_ += fmt::format("<span>{}</span>", safe(badge));
    }
    out_ += fmt::format("</p>\n<p>{}</p>\n</header>\n<nav aria-label=\"Sections\"><ul>", safe(page_.verdict));
    for (const Section& section : page_.sections) {
      out_ += fmt::format("<li><a href=\"#{}\">{}</a></li>", section.id, safe(section.title));
    }
    out_ +=
        "<li><button id=\"theme\" type=\"button\">light / dark</button></li><li id=\"kept\" "
        "aria-live=\"polite\"></li></ul></nav>\n";
  }

  void footer(const WebFiles& web) {
    const BuildInfo build = build_info();
    out_ += fmt::format(
        "<footer><p>Made by moesim {} ({}). Charts: Apache ECharts {}, Apache License "
        "2.0.</p><pre>{}</pre></footer>\n",
        build.version, safe(build.revision), web.library_version, escape_html(std::string(web.notice)));
  }

  void write(const Section& section) {
    out_ += fmt::format("<section aria-labelledby=\"{0}\">\n<h2 id=\"{0}\">{1}</h2>\n", section.id,
                        safe(section.title));
    picture_made_ = false;
    for (const Block& block : section.blocks) {
      std::visit([this](const auto& b) { write(b); }, block);
    }
    out_ += "</section>\n";
  }

  void write(const Paragraph& paragraph) { out_ += fmt::format("<p>{}</p>\n", safe(paragraph.text)); }

  void write(const Command& command) {
    out_ += fmt::format("<pre><code>{}</code> <button class=\"copy\" type=\"button\">copy</button></pre>\n",
                        safe(command.text));
  }

  void write(const TokenText& text) {
    if (text.layers.size() > 1) {
      out_ += "<p class=\"tools\"><label>Layer <select id=\"words-layer\">";
      for (const std::int64_t layer : text.layers) {
        out_ += fmt::format("<option>{}</option>", layer);
      }
      out_ += "</select></label></p>\n";
      out_ += "<script id=\"words\" type=\"application/json\">" + choices_as_json(text) + "</script>\n";
    }
    const Choices none;
    out_ += "<div class=\"passages\">\n";
    for (const TokenText::Passage& passage : text.passages) {
      out_ += fmt::format("<div><h3>{}</h3><div class=\"passage\">", safe(passage.name));
      for (const TokenText::Token& token : passage.tokens) {
        const Choices& choices = token.choices.empty() ? none : token.choices.front();
        out_ += fmt::format("<span class=\"{}\" title=\"{}\">{}<sub>{}</sub></span>", classes_of(choices),
                            in_words(choices), safe(token.text),
                            choices.empty() ? "" : std::to_string(choices.front().expert));
      }
      out_ += "</div></div>\n";
    }
    out_ += "</div>\n";
  }

  // Six digits of a number are enough to read; sorting and CSV take the whole one.
  static std::string cell(const FlatValue& value) {
    const std::string whole = plain_text(value);
    if (const auto* number = std::get_if<double>(&value); number != nullptr && std::isfinite(*number)) {
      const std::string shown =
          std::abs(*number) < 1e6 ? fmt::format("{:.6g}", *number) : fmt::format("{:.0f}", *number);
      return shown == whole ? fmt::format("<td class=\"n\">{}</td>", whole)
                            : fmt::format("<td class=\"n\" data-v=\"{}\">{}</td>", whole, shown);
    }
    const bool is_number =
        std::holds_alternative<double>(value) || std::holds_alternative<std::int64_t>(value);
    return fmt::format("<td{}>{}</td>", is_number ? " class=\"n\"" : "", safe(whole));
  }

  void write(const DataTable& table, const std::string& id, const std::string& caption, bool linked) {
    out_ += fmt::format(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{1}\"><table "
        "id=\"{0}\"><thead><tr>",
        id, safe(caption));
    for (const std::string& column : table.columns) {
      out_ += fmt::format("<th scope=\"col\"><button type=\"button\">{}</button></th>", safe(column));
    }
    out_ += "</tr></thead><tbody>\n";
    const std::size_t rows = linked ? table.rows.size() : std::min(kMostTableRows, table.rows.size());
    for (std::size_t r = 0; r < rows; ++r) {
      out_ += linked ? fmt::format("<tr data-point=\"{}\">", r) : "<tr>";
      for (const FlatValue& value : table.rows[r]) {
        out_ += cell(value);
      }
      out_ += "</tr>\n";
    }
    out_ += "</tbody></table></div>\n";
    if (rows < table.rows.size()) {
      out_ +=
          fmt::format("<p class=\"takeaway\">The first {} of {} rows; moesim export writes them all.</p>\n",
                      with_commas(rows), with_commas(table.rows.size()));
    }
  }

  void write(const NamedTable& named) {
    const std::string id = named.id + "-data";
    out_ += fmt::format("<details{}><summary>{} ({})</summary>\n", named.open ? " open" : "",
                        safe(named.title), counted(named.table.rows.size(), "row"));
    write(named.table, id, named.title, named.linked);
    out_ += fmt::format(
        "<p class=\"tools\"><button class=\"save-csv\" type=\"button\" "
        "data-table=\"{}\">CSV</button></p></details>\n",
        id);
  }

  void write(const Chart& chart) {
    const std::string table = chart.id + "-data";
    out_ +=
        fmt::format("<figure id=\"{}\">\n<h3>{}</h3>\n<p class=\"takeaway\">{}</p>\n<div class=\"tools\">",
                    chart.id, safe(chart.title), safe(chart.takeaway));
    if (chart.views.size() > 1) {
      out_ += fmt::format("<select aria-label=\"View of {}\">", safe(chart.title));
      for (const ChartView& view : chart.views) {
        out_ += fmt::format("<option>{}</option>", safe(view.name));
      }
      out_ += "</select>";
    }
    out_ += fmt::format(
        "<button class=\"save-svg\" type=\"button\">SVG</button><button class=\"save-csv\" type=\"button\" "
        "data-table=\"{}\">CSV</button></div>\n",
        table);
    out_ +=
        fmt::format("<div class=\"chart\" role=\"img\" aria-label=\"{}: {}\" style=\"height:{}px\"></div>\n",
                    safe(chart.title), safe(chart.takeaway), chart.height);
    const bool is_small = !chart.views.empty() && chart.views.front().option.size() <= kMostPictured;
    if (options_.pictures && !picture_made_ && is_small && can_draw()) {
      picture_made_ = true;
      if (!artist_) {
        artist_ = std::make_unique<Artist>();
      }
      out_ += "<noscript>" + artist_->draw(chart, 0) + "</noscript>\n";
    }
    out_ += fmt::format("<details><summary>Data ({})</summary>\n", counted(chart.table.rows.size(), "row"));
    write(chart.table, table, chart.title, false);
    out_ += "</details>\n</figure>\n";
    nlohmann::json views = nlohmann::json::array();
    for (const ChartView& view : chart.views) {
      views.push_back({{"name", view.name}, {"option", view.option}});
    }
    charts_.push_back({{"id", chart.id}, {"linked", chart.linked}, {"views", std::move(views)}});
  }

  const Page& page_;
  const HtmlOptions& options_;
  std::string out_;
  nlohmann::json charts_ = nlohmann::json::array();
  bool picture_made_ = false;
  std::unique_ptr<Artist> artist_;
};

}  // namespace

bool can_write_pages() {
  return web_files() != nullptr;
}

void check_can_write_pages() {
  if (!can_write_pages()) {
    throw Error(
        ErrorKind::usage,
        "moesim report: error: this build has no chart library; expected a build that found npm [no-report]",
        "install npm and build again: cmake --fresh --preset release && cmake --build --preset release");
  }
}

std::string render_html(const Page& page, const HtmlOptions& options) {
  check_can_write_pages();
  Page fitted = page;
  fit_page(fitted, options.most_bytes);
  return Writer(fitted, options).write(*web_files());
}

std::string escape_html(const std::string& text) {
  std::string safe;
  safe.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      case '\'':
        safe += "&#39;";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

std::string escape_json_in_html(const std::string& json) {
  std::string safe;
  safe.reserve(json.size());
  for (const char c : json) {
    // Outside strings JSON has none of these.
    safe += c == '<' ? "\\u003c" : c == '>' ? "\\u003e" : c == '&' ? "\\u0026" : std::string(1, c);
  }
  return safe;
}

}  // namespace moesim
