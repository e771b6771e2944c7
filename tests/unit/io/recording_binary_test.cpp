// The compact binary form: what is written is read again, and each kind of damage has its message. Packed
// files and arrays.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>

#include "core/hash.h"
#include "io/recording_write.h"
#include "npy_fixture.h"
#include "recording_reading.h"
#include "temporary_folder.h"

namespace moesim {
namespace {

using testing::ElementsAre;

template <class T>
std::string le(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

std::string text(const std::string& bytes) {
  return le(static_cast<std::uint32_t>(bytes.size())) + bytes;
}

std::string with_checksum(const std::string& bytes) {
  return bytes + le(hash64(bytes));
}

// Written here byte by byte, from docs/formats.md alone.
std::string header(std::uint32_t parts, const std::vector<std::string>& columns = {},
                   std::uint32_t version = 1) {
  std::string texts = text("by hand");
  for (const std::string& column : columns) {
    texts += text(column);
  }
  return with_checksum("\x89MOER\r\n\x1a" + le(version) + le(parts) +
                       le(static_cast<std::uint32_t>(columns.size())) +
                       le(static_cast<std::uint32_t>(texts.size())) + texts);
}

std::string record(std::uint32_t kind, const std::string& payload, std::uint32_t flags = 0) {
  return with_checksum(le(kind) + le(flags) + le(static_cast<std::uint64_t>(payload.size())) + payload);
}

std::string end(std::uint64_t records, std::uint64_t choices, std::uint64_t tokens,
                std::uint64_t counted = 0) {
  return record(4, le(records) + le(choices) + le(tokens) + le(counted));
}

struct Place {
  std::uint32_t group = 0, layer = 0;
  std::uint64_t step = 0, first = 0;
  std::uint32_t tokens = 2, k = 2;
};

std::string choices(const Place& p, const std::string& rest) {
  return le(p.group) + le(p.layer) + le(p.step) + le(p.first) + le(p.tokens) + le(p.k) + rest;
}

const std::string kIds("\x01\x03\x00\x02", 4);

class RecordingBinary : public TemporaryFolder {
 protected:
  void expect_refused(const std::vector<std::pair<std::string, std::string>>& rows) {
    for (const auto& [bytes, message] : rows) {
      const std::string path = put("x.moer", bytes);
      const Refusal refusal = refusal_of([&] { read_recording(path); });
      EXPECT_EQ(refusal.message, path + ": error: " + message + " [recording-malformed]");
    }
  }
  static void expect_same(const ReadRecording& a, const ReadRecording& b) {
    ASSERT_EQ(a.blocks.size(), b.blocks.size());
    for (std::size_t i = 0; i < a.blocks.size(); ++i) {
      const ChoiceBlock &x = a.blocks[i], &y = b.blocks[i];
      EXPECT_EQ(std::tie(x.group, x.layer, x.step, x.first_token, x.begin, x.expert, x.weight, x.kept,
                         x.sequence, x.token_id, x.text),
                std::tie(y.group, y.layer, y.step, y.first_token, y.begin, y.expert, y.weight, y.kept,
                         y.sequence, y.token_id, y.text));
    }
    ASSERT_EQ(a.counts.size(), b.counts.size());
    for (std::size_t i = 0; i < a.counts.size(); ++i) {
      const RecordedCounts &x = a.counts[i], &y = b.counts[i];
      EXPECT_EQ(std::tie(x.group, x.layer, x.step, x.token_id, x.count),
                std::tie(y.group, y.layer, y.step, y.token_id, y.count));
    }
    ASSERT_EQ(a.info.groups.size(), b.info.groups.size());
    for (std::size_t i = 0; i < a.info.groups.size(); ++i) {
      const RecordingGroup &x = a.info.groups[i], &y = b.info.groups[i];
      EXPECT_EQ(std::tie(x.model, x.domain, x.labels, x.num_experts, x.top_k),
                std::tie(y.model, y.domain, y.labels, y.num_experts, y.top_k));
    }
  }
  std::string converted(const std::string& from, const std::string& to) {
    RecordingOptions options;
    options.text = true;
    const std::unique_ptr<Recording> recording = open_recording(from, options);
    const std::string path = in_folder(to);
    const std::unique_ptr<RecordingWriter> writer = write_recording(path, recording->info());
    copy_recording(*recording, *writer);
    writer->close();
    return path;
  }
  ReadRecording read_with_text(const std::string& path) {
    return read_recording(path, {.where = {}, .form = "", .model = "", .text = true});
  }
};

TEST_F(RecordingBinary, WrittenByHand) {
  const std::string bytes =
      header(1 + 2 + 4 + 8 + 16 + 32 + 64, {"model", "num_experts"}) + record(1, text("m") + text("300")) +
      record(2,
             choices({.layer = 5, .step = 9, .first = 40, .tokens = 3, .k = 0},
                     le(2U) + le(0U) + le(1U) +  // experts of each
                         le(std::uint16_t{299}) + le(std::uint16_t{1}) + le(std::uint16_t{7}) + le(0.5F) +
                         le(0.25F) + le(1.0F) +                        // weights
                         "\x05" +                                      // kept: 1, 0, 1
                         le(2U) + le(0U) + le(8U) + le(2U) + le(9U) +  // sequences
                         le(77U) + le(0xffffffffU) + le(78U) +         // vocabulary ids
                         le(1U) + le(0U) + le(2U) + "abc"),
             1) +
      end(2, 3, 3);
  const ReadRecording read = read_with_text(put("hand.moer", bytes));
  ASSERT_EQ(read.blocks.size(), 1U);
  const ChoiceBlock& b = read.blocks[0];
  EXPECT_EQ(read.info.groups[0].model, "m");
  EXPECT_EQ(read.info.groups[0].num_experts, 300);
  EXPECT_EQ(b.layer, 5);
  EXPECT_EQ(b.step, 9);
  EXPECT_EQ(b.first_token, 40U);
  EXPECT_THAT(b.begin, ElementsAre(0, 2, 2, 3));
  EXPECT_THAT(b.expert, ElementsAre(299, 1, 7));
  EXPECT_THAT(b.weight, ElementsAre(0.5F, 0.25F, 1.0F));
  EXPECT_THAT(b.kept, ElementsAre(1, 0, 1));
  EXPECT_THAT(b.sequence, ElementsAre(8, 8, 9));
  EXPECT_THAT(b.token_id, ElementsAre(77, -1, 78));
  EXPECT_THAT(b.text, ElementsAre("a", "", "bc"));
  EXPECT_EQ(contents(converted(in_folder("hand.moer"), "again.moer")).size(),
            bytes.size() + in_folder("hand.moer").size() + 3);  // the source names the file it came from
  expect_same(read, read_with_text(in_folder("again.moer")));
}

TEST_F(RecordingBinary, AllFormsHoldTheSame) {
  const std::string csv =
      "model,domain,place,num_experts,top_k,step,layer,token,text,expert,weight,kept,sequence,token_id\n";
  std::string lines = csv;
  for (int token = 0; token < 20; ++token) {
    for (int i = 0; i < 2; ++i) {
      lines += fmt::format("m,d,\"a,b\",8,2,0,3,{},\"w {}\",{},0.{},{},{},{}\n", token, token,
                           (token + 3 * i) % 8, token + i + 1, token % 2, token / 7, 100 + token);
    }
  }
  const std::string start = put("start.csv", lines);
  const ReadRecording read = read_with_text(start);
  EXPECT_EQ(read.info.groups[0].labels[0].second, "a,b");
  expect_same(read, read_with_text(converted(start, "a.moer")));
  expect_same(read, read_with_text(converted(in_folder("a.moer"), "b.jsonl")));
  expect_same(read, read_with_text(converted(in_folder("b.jsonl"), "c.moer.zst")));
  expect_same(read, read_with_text(converted(in_folder("c.moer.zst"), "d.csv.zst")));
  expect_same(read, read_with_text(converted(in_folder("d.csv.zst"), "e.csv")));
  const ReadRecording counts = read_recording(converted(start, "counts.csv"));
  ASSERT_EQ(counts.counts.size(), 1U);
  EXPECT_THAT(counts.counts[0].count,
              ElementsAre(5, 5, 5, 6, 5, 5, 5, 4));  // 20 tokens, two of eight in turn
  expect_same(counts, read_recording(converted(in_folder("e.csv"), "of-text-counts.csv")));
  expect_same(counts, read_recording(converted(in_folder("counts.csv"), "of-counts.moer")));
}

TEST_F(RecordingBinary, CountsByVocabularyIdAndStep) {
  const std::string ids = put("ids.csv", "layer,token_id,expert,count\n0,5,1,2\n0,5,200,3\n1,9,0,1\n");
  EXPECT_EQ(contents(converted(converted(ids, "i.moer"), "i.csv")), contents(ids));
  const std::string steps = put("steps.csv", "step,layer,expert,count\n0,0,0,2\n0,0,1,3\n4,0,0,1\n4,0,1,0\n");
  EXPECT_EQ(contents(converted(converted(steps, "s.moer"), "s.csv")), contents(steps));
}

TEST_F(RecordingBinary, Corruptions) {
  const std::string start = header(1) + record(1, "");
  const auto one = [&](const Place& place, const std::string& rest, std::uint32_t flags = 0) {
    return start + record(2, choices(place, rest), flags) + end(2, 4, 2);
  };
  const std::string good = one({}, kIds);
  const std::size_t payload = start.size() + 16;  // of the choices
  ASSERT_EQ(read_recording(put("good.moer", good)).blocks.size(), 1U);
  std::string flipped = good;
  flipped[payload + 2] ^= 1;
  std::string bad_version = header(1, {}, 2);
  const std::size_t before_sum = good.size() - end(2, 4, 2).size() - 8;
  expect_refused({
      {bad_version, "byte 8: version 2 of the form; expected version 1"},
      {header(128), "byte 12: the parts are 0x80; expected bits of 0x60 alone"},
      {header(2), "byte 12: the parts are 0x2; expected bits of 0x60 alone"},
      {header(1).substr(0, 20), "byte 20: the file ends; expected a header of 24 bytes"},
      {header(1).substr(0, 30), "byte 30: the file ends; expected texts and a checksum of 19 bytes"},
      {header(1, {"a", "a"}) + end(0, 0, 0), "byte 45: two columns have one name; expected each column once"},
      {start,
       fmt::format("byte {}: the file ends; expected a record, or the last one, of 16 bytes", start.size())},
      {good.substr(0, payload + 10),
       fmt::format("byte {}: the file ends; expected the record and a checksum of 44 bytes", payload + 10)},
      {good + "x",
       fmt::format("byte {}: bytes stand behind the last record; expected the end of the file", good.size())},
      {start + end(1, 4, 2),
       fmt::format(
           "byte {}: 1 records, 4 choices, 2 tokens and a sum of 0 are promised; expected 1, 0, 0 and 0, as "
           "there are",
           start.size() + 16)},
      {start + record(9, ""), fmt::format("byte {}: a record of kind 9; expected 1 to 4", start.size())},
      {start + record(2, "", 2),
       fmt::format("byte {}: the flags are 0x2; expected 0 or 1", start.size() + 4)},
      {start + le(2U) + le(0U) + le(std::uint64_t{1} << 40),
       fmt::format("byte {}: the record has 1099511627776 bytes; expected at most 67108864",
                   start.size() + 8)},
      {start + record(3, ""),
       fmt::format("byte {}: a record of counts; expected choices, as the header says", start.size())},
      {start + record(1, ""),
       fmt::format("byte {}: the group stands a second time; expected each group once", start.size() + 16)},
      {one({.group = 1}, kIds), fmt::format("byte {}: group 1; expected one of the 1 before it", payload)},
      {one({.layer = 4096}, kIds), fmt::format("byte {}: layer 4096; expected 0 to 4095", payload + 4)},
      {one({.step = ~std::uint64_t{0}}, kIds),
       fmt::format("byte {}: the step is 18446744073709551615; expected a number below 2^63", payload + 8)},
      {one({.tokens = 0}, kIds), fmt::format("byte {}: 0 tokens; expected 1 to 65536", payload + 24)},
      {one({.tokens = 65537}, kIds), fmt::format("byte {}: 65537 tokens; expected 1 to 65536", payload + 24)},
      {one({.k = 65537}, kIds),
       fmt::format("byte {}: 65537 experts of a token; expected at most 65536", payload + 28)},
      {one({.tokens = 3}, kIds),
       fmt::format("byte {}: the record ends after 4 bytes; expected 2 experts of each of 3 tokens",
                   payload + 32)},
      {one({.tokens = 1}, kIds),
       fmt::format("byte {}: 2 bytes are left; expected the end of the record", payload + 34)},
      {one({}, std::string("\x01\x03\x02\x02", 4)),
       fmt::format(
           "byte {}: token 1 of the record has the expert 2 twice; expected different experts of a token",
           payload + 35)},
      {one({.k = 0}, le(2U) + le(9U) + kIds),
       fmt::format("byte {}: token 1 has 9 experts; expected as many as the 4 bytes behind hold",
                   payload + 36)},
      {start + record(2, choices({.first = 9}, kIds)) + record(2, choices({.first = 10}, kIds)) +
           end(3, 8, 4),
       fmt::format(
           "byte {}: layer 0: token 10 of step 0 comes after token 10 of step 0; expected the tokens of a "
           "layer in ascending order",
           payload + 60 + 16)},
      {header(1, {"num_experts"}) + record(1, text("3")) + record(2, choices({}, kIds)) + end(2, 4, 2),
       fmt::format("byte {}: expert 3; expected 0 to 2", payload + 15 + 5 + 32 + 1)},
      {header(1, {"top_k"}) + record(1, text("1")) + record(2, choices({}, kIds)) + end(2, 4, 2),
       fmt::format("byte {}: token 0 has 2 experts; expected 1, the top_k of its group",
                   payload + 9 + 5 + 32)},
      {header(3) + record(1, "") + record(2, choices({.tokens = 1}, kIds.substr(0, 2) + le(1.0F) + le(NAN))) +
           end(2, 2, 1),
       fmt::format("byte {}: the weight is nan; expected a finite number", payload + 32 + 2 + 4)},
      {header(17) + record(1, "") +
           record(2, choices({.tokens = 1}, kIds.substr(0, 2) + le(1U) + le(1U) + le(0U))) + end(2, 2, 1),
       fmt::format("byte {}: a sequence starts at token 1; expected the first at 0", payload + 38)},
      {header(33) + record(1, "") + record(2, choices({.tokens = 1}, kIds.substr(0, 2) + le(~0U))) +
           end(2, 2, 1),
       fmt::format(
           "byte {}: token 0 of the record has experts and no vocabulary id; expected ids of all tokens that "
           "have experts",
           payload + 34)},
      {header(0) + record(1, "") +
           record(3, le(0U) + le(0U) + le(std::uint64_t{0}) + le(std::int64_t{-1}) + le(2U) + le(3U)),
       fmt::format("byte {}: 3 counts; expected 2, one for each expert", payload + 28)},
      {header(0) + record(1, "") +
           record(3,
                  le(0U) + le(0U) + le(std::uint64_t{0}) + le(std::int64_t{-1}) + le(4U) + le(2U) + le(3U) +
                      le(3U) + le(std::uint64_t{1}) + le(std::uint64_t{1}),
                  1),
       fmt::format("byte {}: expert 3; expected 4 to 3, in ascending order", payload + 36)},
      {header(1, {"model"}) + record(1, text("\xff")),
       fmt::format("byte {}: a value is not UTF-8; expected UTF-8", header(1, {"model"}).size() + 20)},
  });
  const std::string path = put("x.moer", flipped);
  const std::string message = refusal_of([&] { read_recording(path); }).message;
  EXPECT_TRUE(message.starts_with(fmt::format("{}: error: byte {}: the checksum is ", path, before_sum)))
      << message;
}

std::string gzipped(const std::string& bytes) {
  std::string out(bytes.size() + 100, '\0');
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST_F(RecordingBinary, PackedFiles) {
  const std::string plain = "layer,expert,count\n0,0,7\n0,1,9\n";
  const std::string packed = gzipped(plain);
  EXPECT_THAT(read_recording(put("c.csv.gz", packed)).counts.at(0).count, ElementsAre(7, 9));
  EXPECT_THAT(read_recording(put("two.gz", packed + gzipped("1,0,3\n"))).counts.at(1).count, ElementsAre(3));
  const auto message = [&](const std::string& bytes) {
    const std::string path = put("p.gz", bytes);
    const std::string whole = refusal_of([&] { read_recording(path); }).message;
    return whole.starts_with(path) ? whole.substr(path.size()) : whole;
  };
  EXPECT_EQ(
      message(packed.substr(0, packed.size() - 3)),
      fmt::format(": error: byte {} of the packed file: the packed data end; expected gzip data to their end "
                  "[recording-packed]",
                  packed.size() - 3));
  EXPECT_EQ(
      message(packed + "junk"),
      fmt::format(": error: byte {} of the packed file: incorrect header check; expected gzip data to their "
                  "end [recording-packed]",
                  packed.size() + 2));
  std::string damaged = packed;
  damaged[damaged.size() - 6] ^= 1;
  EXPECT_NE(message(damaged).find("incorrect data check"), std::string::npos);
  const std::string bomb = gzipped("layer,expert,count\n" + std::string(std::size_t{30} << 20, '\n'));
  EXPECT_EQ(message(bomb),
            fmt::format(": error: {0} bytes packed unfold to more than {0}000; expected at most 1,000 "
                        "times the packed length and 64 GiB [recording-packed]",
                        bomb.size()));
  // A frame that asks for 2 GiB of memory to unpack a few bytes.
  EXPECT_NE(message(std::string("\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00", 9)).find("recording-packed"),
            std::string::npos);
}

std::string array(const std::string& shape, const std::vector<std::int32_t>& values) {
  return make_npy({.dictionary = "{'descr': '<i4', 'fortran_order': False, 'shape': " + shape + ", }",
                   .data = bytes_of(values)});
}

TEST_F(RecordingBinary, ArraysThatMayBeChoicesOfAllExperts) {
  std::vector<std::int32_t> orders;
  for (int row = 0; row < 60; ++row) {
    for (int i = 0; i < 8; ++i) {
      orders.push_back(row % 2 == 0 && row < 20 ? 0 : (row * 3 + 5 * i) % 8);  // zeros: layer 0 is dense
    }
  }
  const std::string whole = put("whole.npy", array("(30, 2, 8)", orders));
  const Refusal refusal = refusal_of([&] { read_recording(whole); });
  EXPECT_NE(refusal.message.find("expected --form choices-npy or --form counts-npy [recording-form]"),
            std::string::npos)
      << refusal.message;
  for (int row = 0; row < 20; row += 2) {
    for (int i = 0; i < 8; ++i) {
      orders[static_cast<std::size_t>(row * 8 + i)] = i;
    }
  }
  const std::string all = put("all.npy", array("(30, 2, 8)", orders));
  EXPECT_THROW(read_recording(all), Error);
  const ReadRecording read = read_recording(all, {.where = {}, .form = "choices-npy", .model = ""});
  EXPECT_EQ(read.info.groups[0].top_k, 8);
  EXPECT_EQ(read_recording(all, {.where = {}, .form = "counts-npy", .model = ""}).counts.size(), 60U);
}

TEST_F(RecordingBinary, ArraysOfOtherKindsGetAdvice) {
  const auto help = [&](const std::string& dictionary) {
    const std::string path =
        put("a.npy", make_npy({.dictionary = dictionary, .data = std::string(96, '\0')}));
    return refusal_of([&] { read_recording(path); }).help;
  };
  for (const char* descr : {"<f4", "<f8", "<f2"}) {
    EXPECT_NE(help(std::string("{'descr': '") + descr + "', 'fortran_order': False, 'shape': (2, 3, 4), }")
                  .find("--router PRESET"),
              std::string::npos)
        << descr;
  }
  EXPECT_EQ(help("{'descr': '<i4', 'fortran_order': False, 'shape': (1, 2, 3, 4), }"),
            "np.save(\"array.npy\", a.reshape(-1, *a.shape[-2:]).astype(\"<i4\"))");
  EXPECT_EQ(help("{'descr': '<i4', 'fortran_order': False, 'shape': (24,), }"),
            "np.save(\"array.npy\", a.reshape(1, -1).astype(\"<i4\"))");
  EXPECT_EQ(help("{'descr': '<i4', 'fortran_order': True, 'shape': (2, 3, 4), }"),
            "np.save(\"array.npy\", np.ascontiguousarray(a, dtype=\"<i4\"))");
}

TEST_F(RecordingBinary, CountsOfAnArrayMustHaveASum) {
  const std::string most("\xff\xff\xff\xff\xff\xff\xff\x7f", 8);
  const std::string path =
      put("sum.npy", make_npy({.dictionary = "{'descr': '<i8', 'fortran_order': False, 'shape': (1, 4), }",
                               .data = most + most + most + most}));
  const Refusal refusal =
      refusal_of([&] { read_recording(path, {.where = {}, .form = "counts-npy", .model = ""}); });
  EXPECT_EQ(refusal.kind, ErrorKind::bad_data);
  EXPECT_EQ(refusal.message, path +
                                 ": error: row 0, column 2 (from 0): with this count the sum of all "
                                 "passes 64 bits; expected counts whose sum is at most "
                                 "18446744073709551615 [recording-malformed]");
}

TEST_F(RecordingBinary, Arrays) {
  std::vector<std::int32_t> ids;
  for (int t = 0; t < 40; ++t) {
    for (int l = 0; l < 3; ++l) {
      ids.push_back(l == 0 ? 0 : (t * 5 + l) % 7);
      ids.push_back(l == 0 ? 0 : (t * 3 + 2 * l + 1) % 7 == (t * 5 + l) % 7 ? 7 : (t * 3 + 2 * l + 1) % 7);
    }
  }
  const ReadRecording choices = read_recording(put("ids.npy", array("(40, 3, 2)", ids)));
  EXPECT_EQ(choices.info.form, "choices-npy");
  ASSERT_EQ(choices.blocks.size(), 2U);  // layer 0 holds zeros alone
  EXPECT_EQ(choices.blocks[0].layer, 1);
  EXPECT_EQ(choices.blocks[0].num_tokens(), 40);
  EXPECT_EQ(choices.info.groups[0].top_k, 2);
  EXPECT_EQ(choices.info.notes.size(), 2U);

  const ReadRecording counts = read_recording(
      put("counts.npy", array("(2, 3, 3)", {1, 2, 3, 3, 2, 1, 2, 2, 2, 4, 4, 1, 0, 9, 0, 3, 3, 3})));
  EXPECT_EQ(counts.info.form, "counts-npy");
  ASSERT_EQ(counts.counts.size(), 6U);
  EXPECT_EQ(counts.counts[4].step, 1);
  EXPECT_EQ(counts.counts[4].layer, 1);
  EXPECT_THAT(counts.counts[4].count, ElementsAre(0, 9, 0));
  EXPECT_EQ(counts.info.groups[0].num_experts, 3);

  const auto message = [&](const std::string& bytes, const std::string& form = "") {
    const std::string path = put("a.npy", bytes);
    const std::string whole =
        refusal_of([&] { read_recording(path, {.where = {}, .form = form, .model = ""}); }).message;
    return whole.starts_with(path) ? whole.substr(path.size()) : whole;
  };
  EXPECT_EQ(
      message(array("(2, 2, 2)", {0, 1, 1, 0, 3, 2, 2, 3})),
      ": error: the numbers may be choices [tokens, layers, k] or counts [steps, layers, experts]; expected "
      "--form choices-npy or --form counts-npy [recording-form]");
  EXPECT_EQ(message(array("(2, 2, 2)", {0, 1, 1, 0, 2, 2, 2, 3}), "choices-npy"),
            ": error: [1, 0, 1] (from 0): the expert 2 stands twice; expected different experts of a token "
            "[recording-malformed]");
  EXPECT_EQ(message(array("(2, 2, 2)", {0, 1, 1, 0, 2, -1, 2, 3}), "choices-npy"),
            ": error: [1, 0, 1] (from 0): expert -1; expected 0 to 65535 [recording-malformed]");
  EXPECT_EQ(
      message(array("(2, 2, 2)", {0, 1, 1, 0, 2, -1, 2, 3}), "counts-npy"),
      ": error: [1, 0, 1] (from 0): a count of -1; expected 0 to 9223372036854775807 [recording-malformed]");
  EXPECT_EQ(
      message(array("(1, 2, 2, 2)", {0, 1, 1, 0, 2, 1, 2, 3})),
      ": error: byte 60: the array has 4 dimensions; expected 2 or 3: [layers, experts], [steps, layers, "
      "experts], [tokens, layers, k] [npy-unsupported]");
  EXPECT_EQ(message(array("(1073741824, 1073741824, 16)", {0, 1})),
            ": error: byte 128: 8 bytes of data follow; expected 1073741824 x 1073741824 x 16 numbers, none "
            "of them "
            "0 [npy-length]");
  EXPECT_EQ(message(array("(1, 2, 2)", {0, 1, 2})),
            ": error: byte 128: 12 bytes of data follow; expected 2 x 2 numbers of 4 bytes [npy-length]");
  EXPECT_EQ(message(array("(0, 2, 2)", {})),
            ": error: the array is empty; expected at least one token or layer [recording-malformed]");
}

}  // namespace
}  // namespace moesim
