#include "io/row_format.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/error.h"

namespace moesim {
namespace {

FlatRow sample_row() {
  return {{"name", std::string("a \"b\", c|d\ne")},
          {"whole", std::int64_t{9007199254740993}},
          {"real", 0.1 + 0.2},
          {"truth", true},
          {"unknown", std::monostate{}},
          {"p.layer.d_ff", std::int64_t{-1}}};
}

TEST(RowFormat, AJsonRowReadsBackAsItself) {
  for (const Format format : {Format::json, Format::jsonl}) {
    const FlatRow back = parse_row(render_row(sample_row(), format), "here");
    ASSERT_EQ(back.size(), sample_row().size());
    for (std::size_t i = 0; i < back.size(); ++i) {
      EXPECT_EQ(back[i].name, sample_row()[i].name);
      EXPECT_EQ(back[i].value, sample_row()[i].value) << back[i].name;
    }
  }
}

TEST(RowFormat, RowsOfATableShareTheirColumns) {
  const std::vector<FlatRow> rows = {{{"a", std::int64_t{1}}, {"b", std::string("x,y")}},
                                     {{"b", 0.5}, {"c", true}}};
  EXPECT_EQ(render_rows(rows, Format::csv), "a,b,c\n1,\"x,y\",\n,0.5,true\n");
  EXPECT_EQ(render_rows(rows, Format::markdown),
            "| a | b | c |\n| --- | --- | --- |\n| 1 | x,y |  |\n|  | 0.5 | true |\n");
  EXPECT_EQ(render_rows(rows, Format::jsonl), "{\"a\":1,\"b\":\"x,y\"}\n{\"b\":0.5,\"c\":true}\n");
}

TEST(RowFormat, MarkdownAndCsvCellsAreEscaped) {
  EXPECT_NE(render_row(sample_row(), Format::markdown).find("c\\|d e"), std::string::npos);
  EXPECT_NE(render_row(sample_row(), Format::csv).find("\"a \"\"b\"\", c|d\ne\""), std::string::npos);
}

TEST(RowFormat, WhatIsNotFiniteIsUnknown) {
  const FlatRow row = {{"x", std::nan("")}, {"y", std::numeric_limits<double>::infinity()}};
  EXPECT_EQ(render_row(row, Format::jsonl), "{\"x\":null,\"y\":null}\n");
  EXPECT_EQ(render_row(row, Format::csv), "x,y\n,\n");
}

TEST(RowFormat, StrangeRecordsAreRefused) {
  for (const char* text : {"", "[1]", "{", "3", "{\"a\": [1]}", "{\"a\": {}}", "{\"a\": 1} x"}) {
    try {
      parse_row(text, "runs/x");
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_data) << text;
      EXPECT_EQ(std::string(error.what()).rfind("runs/x: error: ", 0), 0u) << error.what();
    }
  }
}

}  // namespace
}  // namespace moesim
