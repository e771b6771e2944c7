// Corruptions, each with the message it must give.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/error.h"
#include "io/npy.h"
#include "npy_fixture.h"
#include "temporary_folder.h"

namespace moesim {
namespace {

using namespace std::string_literals;

NpyHeader parse(const std::string& bytes) {
  return parse_npy_header(bytes, bytes.size(), "x.npy");
}

std::string with_dictionary(const std::string& dictionary) {
  return make_npy({.dictionary = dictionary});
}

std::string with_descr(const std::string& descr) {
  return with_dictionary("{'descr': " + descr + ", 'fortran_order': False, 'shape': (3, 2), }");
}

std::string with_shape(const std::string& shape) {
  return with_dictionary("{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }");
}

std::string with_order(const std::string& order) {
  return with_dictionary("{'descr': '<f4', 'fortran_order': " + order + ", 'shape': (3, 2), }");
}

std::string patched(std::size_t at, char byte) {
  std::string bytes = make_npy({});
  bytes[at] = byte;
  return bytes;
}

std::string first_bytes(std::size_t count) {
  return make_npy({}).substr(0, count);
}

struct Corruption {
  std::string bytes;
  std::string message;  // between "x.npy: error: " and the short name
  const char* short_name = "npy-malformed";
};

void expect_refused(const std::vector<Corruption>& rows) {
  for (const Corruption& row : rows) {
    const Refusal refusal = refusal_of([&] { parse(row.bytes); });
    EXPECT_EQ(refusal.message, fmt::format("x.npy: error: {} [{}]", row.message, row.short_name));
    EXPECT_EQ(refusal.kind, ErrorKind::bad_data) << row.message;
  }
}

TEST(NpyHeader, NamesFilesOfOtherFormats) {
  const char* expected = "; expected one array in a .npy file";
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"PK\x03\x04 arrays", "this is a zip archive, as .npz and .pt files are"},
      {"PK\x05\x06", "this is a zip archive, as .npz and .pt files are"},
      {"\x80\x02}q", "this is a Python pickle"},
      {"\x80\x03}q", "this is a Python pickle"},
      {"\x80\x04\x95", "this is a Python pickle"},
      {"\x80\x05\x95", "this is a Python pickle"},
      {"\x1f\x8b\x08", "this is compressed with gzip"},
      {"\x28\xb5\x2f\xfd", "this is compressed with zstd"},
      {"\x89HDF\r\n\x1a\n", "this is an HDF5 file"},
      {"GGUF\x03", "this is a GGUF file"},
  };
  for (const auto& [bytes, what] : rows) {
    expect_refused({{bytes, "byte 0: " + what + expected, "npy-unsupported"}});
  }
}

TEST(NpyHeader, GivesAdvice) {
  const auto help = [](const std::string& bytes) { return refusal_of([&] { parse(bytes); }).help; };
  EXPECT_EQ(help("PK\x03\x04"),
            "unzip first: `unzip arrays.npz` writes one .npy file per array; name one of them");
  EXPECT_EQ(help("\x80\x04\x95"),
            "a pickle can run code when it is opened, so it is never read; save as float32 with "
            "np.save(\"array.npy\", a.astype(\"<f4\"))");
  EXPECT_EQ(help(with_descr("'>f4'")), "save as float32 with np.save(\"array.npy\", a.astype(\"<f4\"))");
  EXPECT_EQ(help(with_descr("[('x', '<f4')]")),
            "save one field as float32 with np.save(\"array.npy\", a[\"field\"].astype(\"<f4\"))");
  EXPECT_EQ(help(with_order("True")), "np.save(\"array.npy\", np.ascontiguousarray(a, dtype=\"<f4\"))");
  EXPECT_EQ(help(with_shape("(1, 3, 2)")),
            "np.save(\"array.npy\", a.reshape(-1, a.shape[-1]).astype(\"<f4\"))");
  EXPECT_EQ(help(with_shape("()")), "np.save(\"array.npy\", a.reshape(1).astype(\"<f4\"))");
}

TEST(NpyHeader, RefusesDamagedBeginnings) {
  const std::string signature = "; expected the signature of a .npy file, \\x93NUMPY";
  expect_refused({
      {"", "byte 0: the file is empty" + signature},
      {"\x93NUM", "byte 4: the file ends" + signature},
      {"1,2,3\n4,5,6\n", "byte 0: found '1'" + signature},
      {"\x1b[31m", "byte 0: found '\\x1b'" + signature},
      {patched(3, 'n'), "byte 3: found 'n'" + signature},
      {"\x93NUMPY", "byte 6: the file ends; expected the version of the format"},
      {"\x93NUMPY\x01", "byte 7: the file ends; expected the version of the format"},
      {first_bytes(8), "byte 8: the file ends; expected the length of the header"},
      {first_bytes(9), "byte 9: the file ends; expected the length of the header"},
      {first_bytes(10), "byte 10: the file ends; expected a header of 118 bytes"},
      {first_bytes(100), "byte 100: the file ends; expected a header of 118 bytes"},
      {make_npy({.major = 2}).substr(0, 11), "byte 11: the file ends; expected the length of the header"},
      {patched(8, '\x77'),
       "byte 128: found '\\x00'; expected spaces and one newline at the end of the header"},
      {patched(8, '\x75'),
       "byte 127: the header ends; expected spaces and one newline at the end of the header"},
      {patched(8, '\x0c'),
       "byte 20: text that starts with a quote and does not end; expected at most 64 characters and a second "
       "quote"},
      {patched(8, '\x10'), "byte 26: the header ends; expected a key in quotes"},
      {patched(8, '\0'), "byte 10: the header ends; expected '{'"},
      {"\x93NUMPY\x02\x00\xff\xff\xff\xff{"s,
       "byte 8: the header calls itself 4294967295 bytes long; expected at most 65536"},
      {"\x93NUMPY\x03\x00\x01\x00\x01\x00{"s,
       "byte 8: the header calls itself 65537 bytes long; expected at most 65536"},
  });
  const std::string version = "; expected 1.0, 2.0 or 3.0";
  expect_refused({
      {patched(6, '\0'), "byte 6: version 0.0 of the format" + version, "npy-unsupported"},
      {patched(6, '\x04'), "byte 6: version 4.0 of the format" + version, "npy-unsupported"},
      {patched(6, '\xff'), "byte 6: version 255.0 of the format" + version, "npy-unsupported"},
      {patched(7, '\x01'), "byte 6: version 1.1 of the format" + version, "npy-unsupported"},
  });
}

TEST(NpyHeader, RefusesAnythingButAPlainDictionary) {
  const std::string keys = "; expected each of descr, fortran_order and shape once";
  expect_refused({
      {with_dictionary(""), "byte 63: found '\\n'; expected '{'"},
      {with_dictionary("['descr']"), "byte 10: found '['; expected '{'"},
      {with_dictionary("dict(descr='<f4')"), "byte 10: found 'd'; expected '{'"},
      {with_dictionary("{}"), "byte 11: the dictionary ends without 'descr'" + keys},
      {with_dictionary("{,}"), "byte 11: found ','; expected a key in quotes"},
      {with_dictionary("{descr: '<f4'}"), "byte 11: found 'd'; expected a key in quotes"},
      {with_dictionary("{'descr': '<f4', 'fortran_order': False}"),
       "byte 49: the dictionary ends without 'shape'" + keys},
      {with_dictionary("{'descr': '<f4', 'shape': (3, 2)}"),
       "byte 42: the dictionary ends without 'fortran_order'" + keys},
      {with_dictionary("{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (3, 2)}"),
       "byte 27: the key 'descr' a second time" + keys},
      {with_dictionary("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), 'extra': 1}"),
       "byte 68: the key 'extra'" + keys},
      {with_dictionary("{'Descr': '<f4', 'fortran_order': False, 'shape': (3, 2)}"),
       "byte 11: the key 'Descr'" + keys},
      {with_dictionary("{'de\\x73cr': '<f4'}"), "byte 11: the key 'de\\x73cr'" + keys},
      {with_dictionary("{'\x1b[2J': 1}"), "byte 11: the key '\\x1b[2J'" + keys},
      {with_dictionary("{'descr' '<f4'}"), "byte 19: found '''; expected ':'"},
      {with_dictionary("{'descr': '<f4' 'shape': (3, 2)}"), "byte 26: found '''; expected ',' or '}'"},
      {with_dictionary("{'descr': '<f4',, 'shape': (3, 2)}"), "byte 26: found ','; expected a key in quotes"},
      {with_dictionary("{'descr': '<f4'"), "byte 63: found '\\n'; expected ',' or '}'"},
      {with_dictionary("{'descr': '<f4',\t'shape': (3, 2)}"),
       "byte 26: found '\\t'; expected a key in quotes"},
      {with_dictionary("{'descr': '<f4"),
       "byte 20: text that starts with a quote and does not end; expected at most 64 characters and a second "
       "quote"},
      {with_dictionary("{'descr': __import__('os')}"),
       "byte 20: found '_'; expected a type in quotes, '<f4' or '<f8'"},
      {with_dictionary(make_npy({}).substr(10, 59) + " # comment"),
       "byte 70: found '#'; expected spaces and one newline at the end of the header"},
      {with_dictionary(make_npy({}).substr(10, 59) + "{}"),
       "byte 69: found '{'; expected spaces and one newline at the end of the header"},
      {with_dictionary(make_npy({}).substr(10, 59) + "\n"),
       "byte 70: found ' '; expected spaces and one newline at the end of the header"},
      {patched(127, ' '),
       "byte 128: the header ends; expected spaces and one newline at the end of the header"},
  });
}

TEST(NpyHeader, RefusesOtherTypes) {
  const std::vector<std::pair<const char*, const char*>> rows = {
      {">f4", "numbers with the largest byte first"},
      {">f8", "numbers with the largest byte first"},
      {"|O", "Python objects, which are pickles and never read"},
      {"<i4", "whole numbers"},
      {"<i8", "whole numbers"},
      {"|u1", "whole numbers"},
      {"|b1", "true or false"},
      {"<c8", "complex numbers"},
      {"<U3", "text"},
      {"|S5", "text"},
      {"<M8[ns]", "times"},
      {"|V8", "bytes without a type"},
      {"<f2", "another type"},
      {"<f16", "another type"},
      {"f4", "another type"},
      {"=f4", "another type"},
      {"<f4 ", "another type"},
      {"", "another type"},
  };
  for (const auto& [descr, kind] : rows) {
    expect_refused({{with_descr("'"s + descr + "'"),
                     fmt::format("byte 20: descr is '{}' ({}); expected '<f4' or '<f8'", descr, kind),
                     "npy-unsupported"}});
  }
  const char* named = "byte 20: descr is a list: the array has named fields; expected '<f4' or '<f8'";
  expect_refused({
      {with_descr("[('x', '<f4')]"), named, "npy-unsupported"},
      {with_descr("('<f4', (2,))"), named, "npy-unsupported"},
      {with_descr("5"), "byte 20: found '5'; expected a type in quotes, '<f4' or '<f8'"},
      {with_descr("None"), "byte 20: found 'N'; expected a type in quotes, '<f4' or '<f8'"},
      {with_descr("b'<f4'"), "byte 20: found 'b'; expected a type in quotes, '<f4' or '<f8'"},
  });
}

TEST(NpyHeader, RefusesOtherOrders) {
  expect_refused({
      {with_order("True"),
       "byte 44: fortran_order is True: the file holds column after column; expected row after row (False)",
       "npy-unsupported"},
      {with_order("1"), "byte 44: found '1'; expected True or False"},
      {with_order("false"), "byte 44: found 'f'; expected True or False"},
      {with_order("'False'"), "byte 44: found '''; expected True or False"},
      {with_order("Falsehood"), "byte 49: found 'h'; expected ',' or '}'"},
  });
}

TEST(NpyHeader, RefusesOtherShapes) {
  const std::string dimensions = "; expected 1 or 2: rows, or rows and columns";
  expect_refused({
      {with_shape("()"), "byte 60: the array has 0 dimensions" + dimensions, "npy-unsupported"},
      {with_shape("(1, 3, 2)"), "byte 60: the array has 3 dimensions" + dimensions, "npy-unsupported"},
      {with_shape("(6)"), "byte 62: found ')'; expected ',' (one size is written (3,))"},
      {with_shape("6"), "byte 60: found '6'; expected '(' and the sizes, for example (3, 4)"},
      {with_shape("[3, 2]"), "byte 60: found '['; expected '(' and the sizes, for example (3, 4)"},
      {with_shape("(-3, 2)"), "byte 61: found '-'; expected a size, a whole number from 0"},
      {with_shape("(+3, 2)"), "byte 61: found '+'; expected a size, a whole number from 0"},
      {with_shape("(,)"), "byte 61: found ','; expected a size, a whole number from 0"},
      {with_shape("(3,, 2)"), "byte 63: found ','; expected a size, a whole number from 0"},
      {with_shape("(3 2)"), "byte 63: found '2'; expected ',' (one size is written (3,))"},
      {with_shape("(3, 2 2)"), "byte 66: found '2'; expected ',' or ')'"},
      {with_shape("(3, 2"), "byte 67: found '}'; expected a size, a whole number from 0"},
      {with_shape("(3L, 2L)"), "byte 62: found 'L'; expected ',' (one size is written (3,))"},
      {with_shape("(3.0, 2)"), "byte 62: found '.'; expected ',' (one size is written (3,))"},
      {with_shape("(3, 1_0)"), "byte 65: found '_'; expected ',' or ')'"},
      {with_shape("(0x3, 2)"), "byte 62: found 'x'; expected ',' (one size is written (3,))"},
      {with_shape("(1e9, 2)"), "byte 62: found 'e'; expected ',' (one size is written (3,))"},
      {with_shape("(03, 2)"),
       "byte 61: the size 03; expected a whole number below 2^63 without zeros before it"},
      {with_shape("(9223372036854775808, 2)"),
       "byte 61: the size 9223372036854775808; expected a whole number below 2^63 without zeros before it"},
      {with_shape("(" + std::string(50, '9') + ", 2)"),
       "byte 61: the size " + std::string(40, '9') +
           "...; expected a whole number below 2^63 without zeros before it"},
  });
}

TEST(NpyHeader, RefusesLengthsThatDoNotFit) {
  const auto message = [](const std::string& promised) {
    return "byte 128: 24 bytes of data follow; expected " + promised;
  };
  const char* short_name = "npy-length";
  expect_refused({
      {make_npy({.data = std::string(23, 'x')}),
       "byte 128: 23 bytes of data follow; expected 3 x 2 numbers of 4 bytes", short_name},
      {make_npy({.data = std::string(25, 'x')}),
       "byte 128: 25 bytes of data follow; expected 3 x 2 numbers of 4 bytes and then the end of the file",
       short_name},
      {make_npy({.data = ""}), "byte 128: 0 bytes of data follow; expected 3 x 2 numbers of 4 bytes",
       short_name},
      {with_descr("'<f8'"), message("3 x 2 numbers of 8 bytes"), short_name},
      {with_shape("(2, 2)"), message("2 x 2 numbers of 4 bytes and then the end of the file"), short_name},
      {with_shape("(5,)"), message("5 x 1 numbers of 4 bytes and then the end of the file"), short_name},
      {with_shape("(7,)"), message("7 x 1 numbers of 4 bytes"), short_name},
      {with_shape("(0, 2)"), message("0 x 2 numbers of 4 bytes and then the end of the file"), short_name},
      // Products that wrap to 24 bytes or to nothing in 64 bits.
      {with_shape("(4611686018427387910, 1)"), message("4611686018427387910 x 1 numbers of 4 bytes"),
       short_name},
      {with_shape("(4294967296, 4294967296)"), message("4294967296 x 4294967296 numbers of 4 bytes"),
       short_name},
      {with_shape("(9223372036854775807, 9223372036854775807)"),
       message("9223372036854775807 x 9223372036854775807 numbers of 4 bytes"), short_name},
      {with_shape("(2147483648, 2)"), message("2147483648 x 2 numbers of 4 bytes"), short_name},
  });
  const std::string empty = "; expected at least one column, and at most 1048576 where there are no rows";
  expect_refused({
      {with_shape("(9223372036854775807, 0)"),
       "byte 60: an empty array of 9223372036854775807 rows and 0 columns" + empty, "npy-unsupported"},
      {with_shape("(3, 0)"), "byte 60: an empty array of 3 rows and 0 columns" + empty, "npy-unsupported"},
      {with_shape("(0, 1048577)"), "byte 60: an empty array of 0 rows and 1048577 columns" + empty,
       "npy-unsupported"},
  });
}

TEST(NpyHeader, AcceptsWhatPythonWritesDifferently) {
  for (const char* dictionary : {
           "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }",
           "{'descr':'<f4','fortran_order':False,'shape':(3,2)}",
           "  { 'shape' : ( 3 , 2 , ) , 'fortran_order' : False , 'descr' : '<f4' }",
           "{\"descr\": \"<f4\", \"fortran_order\": False, \"shape\": (3, 2)}",
       }) {
    const NpyHeader header = parse(with_dictionary(dictionary));
    EXPECT_EQ(header.rows, 3) << dictionary;
    EXPECT_EQ(header.cols, 2) << dictionary;
    EXPECT_EQ(header.element, NpyElement::float32);
    EXPECT_EQ(header.data_offset % 64, 0u) << dictionary;
  }
}

TEST(NpyHeader, AcceptsEveryVersionAndShape) {
  const NpyHeader second = parse(make_npy({.major = 2}));
  EXPECT_EQ(second.data_offset, 128u);
  EXPECT_EQ(parse(make_npy({.major = 3})).rows, 3);
  const NpyHeader line = parse(with_shape("(6,)"));
  EXPECT_EQ(line.rows, 6);
  EXPECT_EQ(line.cols, 1);
  const NpyHeader wide =
      parse(make_npy({.dictionary = "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 3), }"}));
  EXPECT_EQ(wide.element, NpyElement::float64);
  EXPECT_EQ(wide.cols, 3);
  const NpyHeader empty = parse(make_npy(
      {.dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 1048576), }", .data = ""}));
  EXPECT_EQ(empty.rows, 0);
  EXPECT_EQ(empty.cols, 1048576);
}

TEST(NpyHeader, AcceptsFortranOrderWhereItMeansTheSame) {
  for (const char* shape : {"(6,)", "(6, 1)", "(1, 6)"}) {
    const std::string bytes =
        with_dictionary(fmt::format("{{'descr': '<f4', 'fortran_order': True, 'shape': {}, }}", shape));
    EXPECT_EQ(parse(bytes).rows * parse(bytes).cols, 6) << shape;
  }
}

TEST(NpyHeader, NeedsOnlyTheStartOfTheFile) {
  const std::string bytes = make_npy({});
  EXPECT_EQ(parse_npy_header(bytes.substr(0, 128), bytes.size(), "x.npy").rows, 3);
  EXPECT_EQ(refusal_of([&] { parse_npy_header(bytes, 60, "x.npy"); }).message,
            "x.npy: error: byte 60: the file ends; expected a header of 118 bytes [npy-malformed]");
}

TEST(NpyHeader, AcceptsTheLongestHeader) {
  std::string dictionary = NpyParts{}.dictionary;
  dictionary.resize(65535, ' ');
  dictionary += '\n';
  std::string bytes = "\x93NUMPY\x02\x00\x00\x00\x01\x00"s + dictionary + std::string(24, '\0');
  EXPECT_EQ(parse(bytes).data_offset, 65548u);
}

TEST(NpyHeader, EveryTruncationIsRefused) {
  const std::string bytes = make_npy({});
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_TRUE(refusal_of([&] { parse(bytes.substr(0, length)); }).thrown) << length;
  }
}

RC_GTEST_PROP(NpyHeader, WhatIsAcceptedKeepsItsPromise, ()) {
  std::string bytes = make_npy({});
  const auto flips = *rc::gen::container<std::vector<std::pair<std::uint8_t, char>>>(
      rc::gen::pair(rc::gen::inRange<std::uint8_t>(0, 152), rc::gen::arbitrary<char>()));
  for (const auto& [at, byte] : flips) {
    bytes[at] = byte;
  }
  try {
    const NpyHeader header = parse(bytes);
    const std::uint64_t item = element_bytes(header.element);
    RC_ASSERT(header.data_offset + static_cast<std::uint64_t>(header.rows * header.cols) * item ==
              bytes.size());
  } catch (const Error& error) {
    RC_ASSERT(error.kind() == ErrorKind::bad_data);
  }
}

}  // namespace
}  // namespace moesim
