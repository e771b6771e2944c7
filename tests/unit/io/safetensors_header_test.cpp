// Corruptions of .safetensors files, each with the message it must give.
#include "io/safetensors_header.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "safetensors_fixture.h"
#include "temporary_folder.h"

namespace moesim {
namespace {

using namespace std::string_literals;

SafetensorsHeader parse(const std::string& bytes) {
  return parse_safetensors_header(bytes, bytes.size(), "x.safetensors");
}

// One F32 tensor "a" of two numbers, with one part of it replaced.
std::string with_dtype(const std::string& dtype) {
  return make_safetensors("{\"a\":{\"dtype\":" + dtype + ",\"shape\":[2],\"data_offsets\":[0,8]}}", 8);
}
std::string with_shape(const std::string& shape) {
  return make_safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":" + shape + ",\"data_offsets\":[0,8]}}", 8);
}
std::string with_offsets(const std::string& offsets) {
  return make_safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":" + offsets + "}}", 8);
}
std::string with_metadata(const std::string& metadata) {
  return make_safetensors("{\"__metadata__\":" + metadata + "}");
}
std::string two(const std::string& first, const std::string& second, std::size_t payload) {
  return make_safetensors(
      "{" + tensor_entry("a", "U8", "[4]", first) + "," + tensor_entry("b", "U8", "[4]", second) + "}",
      payload);
}

struct Corruption {
  std::string bytes;
  std::string message;  // between "x.safetensors: error: " and the short name
};

void expect_refused(const std::vector<Corruption>& rows) {
  for (const Corruption& row : rows) {
    const Refusal refusal = refusal_of([&] { parse(row.bytes); });
    EXPECT_EQ(refusal.message, fmt::format("x.safetensors: error: {} [safetensors-malformed]", row.message));
    EXPECT_EQ(refusal.kind, ErrorKind::bad_data) << row.message;
  }
}

TEST(SafetensorsHeader, RefusesALengthThatCannotBe) {
  expect_refused({
      {"", "byte 0: the file is empty; expected 8 bytes with the header's length"},
      {"\x10\0\0"s, "byte 3: the file ends; expected 8 bytes with the header's length"},
      {length_field(2),
       "byte 0: the header calls itself 2 bytes long; expected at most 0, to the end of the file"},
      {length_field(0) + "{}", "byte 0: the header calls itself 0 bytes long; expected at least 2"},
      {length_field(1) + "{}", "byte 0: the header calls itself 1 bytes long; expected at least 2"},
      {length_field(3) + "{}",
       "byte 0: the header calls itself 3 bytes long; expected at most 2, to the end of the file"},
      {length_field(~std::uint64_t{0}) + "{}",
       "byte 0: the header calls itself 18446744073709551615 bytes long; expected at most 2, to the end of "
       "the "
       "file"},
      {length_field(std::uint64_t{1} << 63) + "{}",
       "byte 0: the header calls itself 9223372036854775808 bytes long; expected at most 2, to the end of "
       "the "
       "file"},
      {length_field(~std::uint64_t{0} - 7) + "{}",
       "byte 0: the header calls itself 18446744073709551608 bytes long; expected at most 2, to the end of "
       "the "
       "file"},
  });
  // A file that really is so long, of which only the start is looked at.
  const std::string start = length_field(100'000'001) + "{";
  const Refusal refusal =
      refusal_of([&] { safetensors_payload_offset(start, std::uint64_t{1} << 40, "x.safetensors"); });
  EXPECT_EQ(refusal.message,
            "x.safetensors: error: byte 0: the header calls itself 100000001 bytes long; expected at most "
            "100000000 [safetensors-malformed]");
  EXPECT_EQ(safetensors_payload_offset(length_field(100'000'000) + "{", std::uint64_t{1} << 40, "x"),
            100'000'008u);
}

TEST(SafetensorsHeader, RefusesWhatIsNoJson) {
  expect_refused({
      {make_safetensors(" {}"), "byte 8: found ' '; expected '{'"},
      {make_safetensors("[]"), "byte 8: found '['; expected '{'"},
      {make_safetensors("\xef\xbb\xbf{}"), "byte 8: found '\\ufeff'; expected '{'"},
      {make_safetensors("\0\0"s), "byte 8: found '\\x00'; expected '{'"},
      {make_safetensors("{ "), "byte 10: the text ends; expected a tensor's name in quotes"},
      {make_safetensors("{a:1}"), "byte 9: found 'a'; expected a tensor's name in quotes"},
      {make_safetensors("{'a':1}"), "byte 9: found '''; expected a tensor's name in quotes"},
      {make_safetensors("{\"a\"}"), "byte 12: found '}'; expected ':'"},
      {make_safetensors("{\"a\":1}"),
       "byte 13: found '1'; expected '{' and a tensor's dtype, shape and data_offsets"},
      {make_safetensors("{\"a\":[[[[[[]}"),
       "byte 13: found '['; expected '{' and a tensor's dtype, shape and data_offsets"},
      {make_safetensors("{\"a"), "byte 11: the text ends inside quotes; expected a closing '\"'"},
      {make_safetensors("{\"a\\"),
       "byte 11: an unknown escape; expected \\\" \\\\ \\/ \\b \\f \\n \\r \\t or \\u"},
      {make_safetensors("{\"\\x\":1}"),
       "byte 10: an unknown escape; expected \\\" \\\\ \\/ \\b \\f \\n \\r \\t or \\u"},
      {make_safetensors("{\"\\u12\":1}"),
       "byte 12: an escape \\u that is cut short; expected four hexadecimal digits"},
      {make_safetensors("{\"\\u-001\":1}"),
       "byte 12: an escape \\u that is cut short; expected four hexadecimal digits"},
      {make_safetensors("{\"\\ud800\":1}"),
       "byte 10: half of a pair of UTF-16; expected both halves, or the character itself"},
      {make_safetensors("{\"\\ud800\\ud800\":1}"),
       "byte 10: half of a pair of UTF-16; expected both halves, or the character itself"},
      {make_safetensors("{\"\\udc00\":1}"),
       "byte 10: half of a pair of UTF-16; expected both halves, or the character itself"},
      {make_safetensors("{\"a\n\":1}"), "byte 11: found '\\n'; expected no control character in quotes"},
      {make_safetensors("{\"a\0b\":1}"s), "byte 11: found '\\x00'; expected no control character in quotes"},
      {make_safetensors("{\"\xff\":1}"), "byte 10: found '\\xff'; expected UTF-8 text"},
      {make_safetensors("{\"\xc0\xaf\":1}"), "byte 10: found '\\xc0'; expected UTF-8 text"},
      {make_safetensors("{\"\xed\xa0\x80\":1}"), "byte 10: found '\\xed'; expected UTF-8 text"},
      {make_safetensors("{\"\xe4\xb8"), "byte 10: found '\\xe4'; expected UTF-8 text"},
      {make_safetensors("{,}"), "byte 9: found ','; expected a tensor's name in quotes"},
      {make_safetensors("{" + tensor_entry("a", "U8", "[0]", "[0,0]") + ",}"),
       "byte 61: found '}'; expected a tensor's name in quotes"},
      {make_safetensors("{" + tensor_entry("a", "U8", "[0]", "[0,0]") + " "),
       "byte 61: the text ends; expected ',' or '}'"},
      {make_safetensors("{}\n"),
       "byte 10: found '\\n' behind the header's last bracket; expected spaces up to the "
       "payload"},
      {make_safetensors("{}  \0"s),
       "byte 12: found '\\x00' behind the header's last bracket; expected spaces up to "
       "the payload"},
      {make_safetensors("{}{}"),
       "byte 10: found '{' behind the header's last bracket; expected spaces up to the "
       "payload"},
  });
}

TEST(SafetensorsHeader, RefusesTensorsThatAreNotDescribedExactly) {
  const char* keys = "; expected dtype, shape and data_offsets, each once";
  expect_refused({
      {make_safetensors("{\"a\":{}}"), "byte 9: tensor 'a': dtype is missing"s + keys},
      {make_safetensors("{\"a\":{\"dtype\":\"F32\"}}"), "byte 9: tensor 'a': shape is missing"s + keys},
      {make_safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}"),
       "byte 9: tensor 'a': data_offsets is missing"s + keys},
      {make_safetensors("{\"a\":{\"shape\":[0],\"data_offsets\":[0,0]}}"),
       "byte 9: tensor 'a': dtype is missing"s + keys},
      {make_safetensors("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}"),
       "byte 28: tensor 'a': dtype stands twice"s + keys},
      {make_safetensors("{\"a\":{\"shape\":[1],\"dtype\":\"F32\",\"sh\\u0061pe\":[1]}}"),
       "byte 40: tensor 'a': shape stands twice"s + keys},
      {make_safetensors("{\"a\":{\"data_offsets\":[0,4],\"data_offsets\":[0,4]}}"),
       "byte 35: tensor 'a': data_offsets stands twice"s + keys},
      {make_safetensors("{\"a\":{\"strides\":[1]}}"), "byte 14: tensor 'a': the key 'strides'"s + keys},
      {make_safetensors("{\"a\":{\"\x1b[31m\":1}}"),
       "byte 15: found '\\x1b'; expected no control character in quotes"},
      {make_safetensors("{\"a\":{\"dtype\":\"F32\" \"shape\":[1]}}"),
       "byte 28: found '\"'; expected ',' or '}'"},
      {make_safetensors("{\"a\":{\"dtype\" \"F32\"}}"), "byte 22: found '\"'; expected ':'"},
  });
}

TEST(SafetensorsHeader, RefusesTypesShapesAndOffsets) {
  const std::string types =
      "expected one of U64, I64, F64, C64, F32, U32, I32, BF16, F16, U16, I16, F8_E5M2FNUZ, F8_E4M3FNUZ, "
      "F8_E8M0, F8_E4M3, F8_E5M2, I8, U8, F6_E3M2, F6_E2M3, F4, BOOL";
  const char* number = "; expected a whole number from 0 to 2^64-1";
  expect_refused({
      {with_dtype("\"f32\""), "byte 22: tensor 'a': the dtype 'f32'; " + types},
      {with_dtype("\"\""), "byte 22: tensor 'a': the dtype ''; " + types},
      {with_dtype("\"F32 \""), "byte 22: tensor 'a': the dtype 'F32 '; " + types},
      {with_dtype("\"\\u202eF32\""), "byte 22: tensor 'a': the dtype '\\u202eF32'; " + types},
      {with_dtype("4"), "byte 22: found '4'; expected a dtype in quotes"},
      {with_dtype("null"), "byte 22: found 'n'; expected a dtype in quotes"},
      {with_shape("2"), "byte 36: found '2'; expected '[' and a shape"},
      {with_shape("{}"), "byte 36: found '{'; expected '[' and a shape"},
      {with_shape("[-2]"), "byte 37: found '-'"s + number},
      {with_shape("[+2]"), "byte 37: found '+'"s + number},
      {with_shape("[2.0]"), "byte 37: found 2.0"s + number},
      {with_shape("[2e0]"), "byte 37: found 2e0"s + number},
      {with_shape("[02]"), "byte 37: found 02"s + number},
      {with_shape("[0x2]"), "byte 38: found 'x'; expected ',' or ']'"},
      {with_shape("[\"2\"]"), "byte 37: found '\"'"s + number},
      {with_shape("[true]"), "byte 37: found 't'"s + number},
      {with_shape("[18446744073709551616]"), "byte 37: found 18446744073709551616"s + number},
      {with_shape("[99999999999999999999999999999999999999999999999999]"),
       "byte 37: found 9999999999999999999999999999999999999999"s + number},
      {with_shape("[2,]"), "byte 39: found ']'"s + number},
      {with_shape("[,2]"), "byte 37: found ','"s + number},
      {with_shape("[[2]]"), "byte 37: found '['"s + number},
      {with_shape("[2"), "byte 39: found '\"'"s + number},
      {with_shape("[1,1,1,1,1,1,1,1,2]"), "byte 36: tensor 'a': more than 8 dimensions; expected fewer"},
      {with_shape("[]"), "byte 9: tensor 'a': F32 [] is 4 bytes; expected the 8 bytes of its data_offsets"},
      {with_shape("[3]"),
       "byte 9: tensor 'a': F32 [3] is 12 bytes; expected the 8 bytes of its data_offsets"},
      {with_shape("[0,2]"),
       "byte 9: tensor 'a': F32 [0, 2] is 0 bytes; expected the 8 bytes of its data_offsets"},
      // 2^62 · 4 + 2 numbers of 4 bytes are 8 bytes in 64 bits
      {with_shape("[4611686018427387906]"),
       "byte 9: tensor 'a': F32 [4611686018427387906] is more than any file holds; expected 8 bytes"},
      {with_shape("[4294967296,4294967296]"),
       "byte 9: tensor 'a': F32 [4294967296, 4294967296] is more than any file holds; expected 8 bytes"},
      {with_shape("[18446744073709551615,2]"),
       "byte 9: tensor 'a': F32 [18446744073709551615, 2] is more than any file holds; expected 8 bytes"},
      {with_shape("[0,18446744073709551615]"),
       "byte 9: tensor 'a': F32 [0, 18446744073709551615] is more than any file holds; expected 8 bytes"},
      {with_offsets("[0]"), "byte 57: found ']'; expected ',' and a second offset"},
      {with_offsets("[]"), "byte 56: found ']'; expected a whole number of bytes"},
      {with_offsets("[0,4,8]"), "byte 59: found ','; expected ']' behind two offsets"},
      {with_offsets("[0,-8]"), "byte 58: found '-'; expected a whole number of bytes"},
      {with_offsets("[0,8.5]"), "byte 58: found 8.5; expected a whole number of bytes"},
      {with_offsets("[8,0]"),
       "byte 55: tensor 'a': the offsets 8 to 0 of a payload of 8 bytes; expected the first not above the "
       "second"},
      {with_offsets("[0,16]"),
       "byte 55: tensor 'a': the offsets 0 to 16 of a payload of 8 bytes; expected both inside it"},
      {with_offsets("[18446744073709551608,18446744073709551615]"),
       "byte 55: tensor 'a': the offsets 18446744073709551608 to 18446744073709551615 of a payload of 8 "
       "bytes; "
       "expected both inside it"},
      {with_offsets("[0,4]"),
       "byte 9: tensor 'a': F32 [2] is 8 bytes; expected the 4 bytes of its data_offsets"},
      {make_safetensors("{" + tensor_entry("a", "F4", "[3]", "[0,2]") + "}", 2),
       "byte 9: tensor 'a': F4 [3] is 12 bits; expected whole bytes"},
      {make_safetensors("{" + tensor_entry("a", "F6_E2M3", "[2]", "[0,2]") + "}", 2),
       "byte 9: tensor 'a': F6_E2M3 [2] is 12 bits; expected whole bytes"},
      {make_safetensors("{" + tensor_entry("\\u001b[2Ja", "F4", "[3]", "[0,2]") + "}", 2),
       "byte 9: tensor '\\x1b[2Ja': F4 [3] is 12 bits; expected whole bytes"},
  });
}

TEST(SafetensorsHeader, RefusesHolesOverlapsAndRests) {
  expect_refused({
      {two("[0,4]", "[5,9]", 9),
       "byte 106: tensor 'b': it begins at byte 5 of the payload; expected 4, where the tensor before it "
       "ends"},
      {two("[0,4]", "[3,7]", 7),
       "byte 106: tensor 'b': it begins at byte 3 of the payload; expected 4, where the tensor before it "
       "ends"},
      {two("[0,4]", "[0,4]", 4),
       "byte 106: tensor 'b': it begins at byte 0 of the payload; expected 4, where the tensor before it "
       "ends"},
      {two("[5,9]", "[1,5]", 9),
       "byte 106: tensor 'b': it begins at byte 1 of the payload; expected 0, where the tensor before it "
       "ends"},
      {two("[0,4]", "[4,8]", 9),
       "byte 121: no tensor has the bytes from here on; expected the end of the file"},
      {make_safetensors("{}", 5),
       "byte 10: no tensor has the bytes from here on; expected the end of the file"},
      {make_safetensors("{" + tensor_entry("a", "U8", "[0]", "[2,2]") + "," +
                            tensor_entry("b", "U8", "[4]", "[0,4]") + "}",
                        4),
       "byte 54: tensor 'a': it begins at byte 2 of the payload; expected 4, where the tensor before it "
       "ends"},
  });
}

TEST(SafetensorsHeader, RefusesNamesThatStandTwiceAndOtherMetadataThanTexts) {
  const std::string a = tensor_entry("a", "U8", "[0]", "[0,0]");
  expect_refused({
      {make_safetensors("{" + a + "," + a + "}"),
       "byte 61: tensor 'a' stands twice; expected each name once"},
      {make_safetensors("{" + a + "," + tensor_entry("\\u0061", "U8", "[0]", "[0,0]") + "}"),
       "byte 61: tensor 'a' stands twice; expected each name once"},
      {with_metadata("1"), "byte 24: found '1'; expected '{': __metadata__ is an object of texts"},
      {with_metadata("[]"), "byte 24: found '['; expected '{': __metadata__ is an object of texts"},
      {with_metadata("null"), "byte 24: found 'n'; expected '{': __metadata__ is an object of texts"},
      {with_metadata("{\"a\":1}"),
       "byte 29: found '1'; expected a text in quotes: __metadata__ holds texts only"},
      {with_metadata("{\"a\":{}}"),
       "byte 29: found '{'; expected a text in quotes: __metadata__ holds texts only"},
      {with_metadata("{\"a\":null}"),
       "byte 29: found 'n'; expected a text in quotes: __metadata__ holds texts only"},
      {with_metadata("{\"a\":\"b\",\"a\":\"c\"}"),
       "byte 33: __metadata__ has 'a' twice; expected each key once"},
      {with_metadata("{\"a\":\"b\",}"), "byte 33: found '}'; expected a key of __metadata__ in quotes"},
      {with_metadata("{},\"__metadata__\":{}"), "byte 27: __metadata__ stands twice; expected each key once"},
  });
}

TEST(SafetensorsHeader, ReadsWhatTheFormatAllows) {
  EXPECT_TRUE(parse(make_safetensors("{}")).tensors.empty());
  EXPECT_TRUE(parse(make_safetensors("{}      ")).tensors.empty());
  const SafetensorsHeader header =
      parse(make_safetensors("{ \"__metadata__\" :\n{\"format\":\"pt\",\"\":\"\\u00e9\\n\"} ,\t" +
                                 tensor_entry("", "F32", "[2]", "[1,9]") + "," +
                                 tensor_entry("\\ud83d\\ude00", "F6_E3M2", "[4, 1]", "[9, 12]") + "," +
                                 tensor_entry("b", "BOOL", "[]", "[0,1]") + "," +
                                 tensor_entry("none", "C64", "[7,0,9]", "[9,9]") + "}  ",
                             12));
  ASSERT_EQ(header.tensors.size(), 4u);
  EXPECT_EQ(header.tensors[0].name, "");
  EXPECT_EQ(header.tensors[0].begin, header.payload_offset + 1);
  EXPECT_EQ(header.tensors[1].name, "b");
  EXPECT_EQ(header.tensors[1].elements(), 1u);
  EXPECT_EQ(header.tensors[1].begin, header.payload_offset);
  EXPECT_EQ(header.tensors[2].name, "none");
  EXPECT_EQ(header.tensors[2].elements(), 0u);
  EXPECT_EQ(header.tensors[3].name, "😀");
  EXPECT_EQ(header.tensors[3].bits, 6u);
  EXPECT_EQ(header.tensors[3].type, TensorType::other);
  EXPECT_EQ(header.tensors[3].end, header.payload_offset + 12);
  EXPECT_EQ(header.metadata, (TensorMetadata{{"format", "pt"}, {"", "é\n"}}));
}

TEST(SafetensorsHeader, KnowsTheSizeOfEveryType) {
  const std::vector<std::pair<const char*, unsigned>> bits = {
      {"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"U8", 8},   {"I8", 8},
      {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"I16", 16}, {"F8_E5M2FNUZ", 8},
      {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"I32", 32},        {"U32", 32}, {"F32", 32},
      {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64},
  };
  EXPECT_EQ(bits.size(), 22u);
  for (const auto& [name, size] : bits) {
    const std::string bytes = std::to_string(size);  // of eight elements
    const SafetensorsHeader header =
        parse(make_safetensors("{" + tensor_entry("a", name, "[2,4]", "[0," + bytes + "]") + "}", size));
    EXPECT_EQ(header.tensors[0].bits, size) << name;
    EXPECT_EQ(header.tensors[0].type_name, name);
  }
}

}  // namespace
}  // namespace moesim
