#pragma once
// A report as a value: sections of charts, tables and words. Made from results by the functions of pages.h;
// written as HTML by render_html() and as pictures by Artist::draw().

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/flat_row.h"

namespace moesim {

struct DataTable {
  std::vector<std::string> columns;
  std::vector<std::vector<FlatValue>> rows;  // as long as columns
};

// One of the views of a chart that the reader may choose, for example a layer.
struct ChartView {
  std::string name;    // "" when there is only one
  std::string option;  // an ECharts option as JSON: plain data, no functions. web/chart.js adds colours and
                       // number formats; its own keys are documented there
};

struct Chart {
  std::string id;  // letters, digits and '-': the anchor, and the name of the figure's file
  std::string title;
  std::string takeaway;  // what it shows, in one line
  std::vector<ChartView> views;
  DataTable table;      // the same numbers
  int height = 320;     // pixels, at a width of 760
  bool linked = false;  // its data items say which points of the page they are (see web/chart.js): brushing
                        // one that has them in order filters the others
};

// Words coloured by their first expert, in a layer that the reader may choose.
struct TokenText {
  struct Choice {
    int expert = 0;
    double weight = 0;
    bool kept = true;
  };
  struct Token {
    std::string text;
    std::vector<std::vector<Choice>> choices;  // [layers], each best first
  };
  struct Passage {
    std::string name;
    std::vector<Token> tokens;
  };
  std::vector<std::int64_t> layers;  // their numbers
  std::vector<Passage> passages;
};

struct Paragraph {
  std::string text;
};
struct Command {
  std::string text;  // to be typed
};
struct NamedTable {
  std::string id, title;
  DataTable table;
  bool open = true;
  bool linked = false;  // its rows are the points of the page
};

using Block = std::variant<Paragraph, Command, NamedTable, TokenText, Chart>;

struct Section {
  std::string id, title;
  std::vector<Block> blocks;
};

struct Page {
  std::string title;
  std::string verdict;              // the result in one paragraph
  std::vector<std::string> badges;  // "timing ok", "8 experts"
  std::vector<Section> sections;
};

}  // namespace moesim
