// Damaged recordings that are text, each with the message it must give.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "recording_reading.h"
#include "temporary_folder.h"

namespace moesim {
namespace {

struct Corruption {
  std::string bytes;
  std::string message;  // behind the folder, without the short name
  const char* short_name = "recording-malformed";
};

class RecordingCorruptions : public TemporaryFolder {
 protected:
  void expect_refused(const std::string& name, const std::vector<Corruption>& rows,
                      const RecordingOptions& options = {}) {
    for (const Corruption& row : rows) {
      const std::string path = put(name, row.bytes);
      const Refusal refusal = refusal_of([&] { read_recording(path, options); });
      EXPECT_EQ(refusal.message, fmt::format("{}{} [{}]", path, row.message, row.short_name))
          << row.bytes.substr(0, 300);
      EXPECT_EQ(refusal.kind, ErrorKind::bad_data);
    }
  }
};

constexpr const char* kRouting = "num_experts,step,layer,token,expert,weight,kept\n";

std::string routing(const std::string& lines) {
  return kRouting + lines;
}

TEST_F(RecordingCorruptions, RoutingCsv) {
  const std::string long_line(std::size_t{2} << 20, '1');
  expect_refused(
      "r.csv",
      {
          {routing("8,0,0,0,8,1,1\n"), ":2: error: expert is '8'; expected a whole number from 0 to 7"},
          {routing("8,0,0,0,-1,1,1\n"), ":2: error: expert is '-1'; expected a whole number from 0 to 7"},
          {routing("8,0,0,0,1.5,1,1\n"), ":2: error: expert is '1.5'; expected a whole number from 0 to 7"},
          {routing("8,0,0,0,,1,1\n"), ":2: error: expert is ''; expected a whole number from 0 to 7"},
          {routing("8,0,0,0, 1,1,1\n"), ":2: error: expert is ' 1'; expected a whole number from 0 to 7"},
          {routing("8,0,0,0,1,1,1\n8,0,0,0,1,1,1\n"),
           ":3: error: token 0 of layer 0 has the expert 1 twice; expected different experts of a token"},
          {routing("8,0,0,0,1,nan,1\n"), ":2: error: weight is 'nan'; expected a finite number"},
          {routing("8,0,0,0,1,inf,1\n"), ":2: error: weight is 'inf'; expected a finite number"},
          {routing("8,0,0,0,1,1e99,1\n"), ":2: error: weight is '1e99'; expected a finite number"},
          {routing("8,0,0,0,1,0.5x,1\n"), ":2: error: weight is '0.5x'; expected a finite number"},
          {routing("8,0,0,0,1,1,2\n"), ":2: error: kept is '2'; expected a whole number from 0 to 1"},
          {routing("8,0,4096,0,1,1,1\n"),
           ":2: error: layer is '4096'; expected a whole number from 0 to 4095"},
          {routing("8,0,0,99999999999999999999999,1,1,1\n"),
           ":2: error: token is '99999999999999999999999'; expected a whole number from 0 to "
           "9223372036854775807"},
          {routing("8,-1,0,0,1,1,1\n"),
           ":2: error: step is '-1'; expected a whole number from 0 to 9223372036854775807"},
          {routing("8,0,0,0,1,1\n"), ":2: error: the line has 6 fields; expected 7, as the first line names"},
          {routing("8,0,0,0,1,1,1,1\n"),
           ":2: error: the line has 8 fields; expected 7, as the first line names"},
          {routing("8,0,0,5,1,1,1\n8,0,0,4,1,1,1\n"),
           ":3: error: step 0, layer 0: token 4 comes after token 5 of step 0; expected the tokens of a "
           "layer "
           "in ascending order, the lines of one next to each other"},
          {routing("8,0,0,5,1,1,1\n8,0,1,5,1,1,1\n8,0,0,5,2,1,1\n"),
           ":4: error: step 0, layer 0: token 5 comes after token 5 of step 0; expected the tokens of a "
           "layer "
           "in ascending order, the lines of one next to each other"},
          {routing("8,3,0,5,1,1,1\n8,2,0,6,1,1,1\n"),
           ":3: error: step 2, layer 0: token 6 comes after token 5 of step 3; expected the tokens of a "
           "layer "
           "in ascending order, the lines of one next to each other"},
          {routing("65537,0,0,5,1,1,1\n"),
           ":2: error: num_experts is '65537'; expected a whole number from 0 (not known) to 65536"},
          {routing("x,0,0,5,1,1,1\n"),
           ":2: error: num_experts is 'x'; expected a whole number from 0 (not known) to 65536"},
          {routing("8,0,0,0,\"1,1,1\n"),
           ":2: error: a quote is not closed before the end of the file; expected a second quote"},
          {routing("8,0,0,0,\"1\"1,1,1\n"), ":2: error: '1' stands behind a closing quote; expected a comma"},
          {routing("8,0,0,0,1,1,1\n" + long_line + "\n"),
           ":3: error: the line is longer than 1048576 bytes; expected lines of at most 1 MiB"},
          {routing("8,0,0,0,1,1,1\n8,0,0,1,1,1,\"" + long_line + "\"\n"),
           ":3: error: the line is longer than 1048576 bytes; expected lines of at most 1 MiB"},
          {"layer,token,expert,layer\n",
           ":1: error: the column 'layer' stands twice; expected each column once"},
          {"layer,top_k,token,expert\n0,2,0,1\n0,2,1,1\n",
           ":2: error: token 0 of layer 0 has 1 experts; expected 2, the top_k of its group"},
          {"layer,top_k,token,expert\n0,1,0,1\n0,1,0,2\n0,1,1,1\n",
           ":3: error: token 0 of layer 0 has 2 experts; expected 1, the top_k of its group"},
          {"layer,top_k,num_experts,token,expert\n0,3,2,0,1\n",
           ":2: error: top_k is 3 of 2 experts; expected no more chosen than there are"},
          {"layer,token,expert\n0,0,65536\n",
           ":2: error: expert is '65536'; expected a whole number from 0 to 65535"},
          {std::string("layer,token,expert\n0,0,1\0\n", 26),
           ":2: error: expert is '1\\x00'; expected a whole number from 0 to 65535"},
          {"layer,token,expert\n0,0,\x1b[31m\n",
           ":2: error: expert is '\\x1b[31m'; expected a whole number from 0 to 65535"},
      });
}

TEST_F(RecordingCorruptions, SumOfCounts) {
  const std::string most = "9223372036854775807\n";
  expect_refused("c.csv", {{"layer,expert,count\n0,0," + most + "0,1," + most + "0,2,1\n0,3,1\n",
                            ":5: error: with this count the sum of all passes 64 bits; expected counts whose "
                            "sum is at most 18446744073709551615"}});
}

TEST_F(RecordingCorruptions, FirstLineOfJson) {
  const std::string object = "; expected one JSON object on the line";
  const std::string text = ":1: error: the JSON cannot be read: Problem while parsing a string";
  expect_refused("j.jsonl", {{R"({"layer":0,"layer":0,"token":0,"expert":1})",
                              ":1: error: the key 'layer' stands twice; expected each key once"},
                             {R"({"layer":0,"token":0,"expert":1,"text":"\ud800"})", text + object},
                             {"{\"layer\":0,\"token\":0,\"expert\":1,\"text\":\"\\ud800\"}\n{\"layer\":0}\n",
                              text + object}});
  const std::string path = put("j.jsonl", "{\"layer\":0,\"token\":0,\"expert\":1");
  const Refusal refusal = refusal_of([&] { read_recording(path); });
  EXPECT_EQ(refusal.message.rfind(path + ":1: error: the JSON cannot be read: ", 0), 0U) << refusal.message;
}

TEST_F(RecordingCorruptions, RoutingJsonLines) {
  const std::string good = R"({"layer":0,"token":0,"expert":1,"weight":1})";
  const auto second = [&](const std::string& line) { return good + "\n" + line + "\n"; };
  const std::string keys = "; expected the keys of the first line";
  const std::string object = "; expected one JSON object on the line";
  const std::string deep = std::string(5000, '[') + std::string(5000, ']') + "}";
  expect_refused(
      "r.jsonl",
      {
          {second(R"({"layer":0,"token":1,"expert":1})"), ":2: error: there is no key 'weight'" + keys},
          {second(R"({"layer":0,"token":1,"expert":1,"weight":1,"more":2})"),
           ":2: error: the first line has no key 'more'" + keys},
          {second(R"({"layer":0,"token":1,"expert":1,"expert":2})"),
           ":2: error: the key 'expert' stands twice; expected each key once"},
          {second(R"({"layer":0,"token":1,"expert":-1,"weight":1})"),
           ":2: error: 'expert' is '-1'; expected a whole number from 0 to 65535"},
          {second(R"({"layer":0,"token":1,"expert":1.5,"weight":1})"),
           ":2: error: 'expert' is '1.5'; expected a whole number from 0 to 65535"},
          {second(R"({"layer":0,"token":1,"expert":"1","weight":1})"),
           ":2: error: 'expert' is '\"1\"'; expected a whole number from 0 to 65535"},
          {second(R"({"layer":0,"token":1,"expert":[1],"weight":1})"),
           ":2: error: 'expert' is a list; expected a whole number from 0 to 65535"},
          {second(R"({"layer":0,"token":1,"expert":1,"weight":null})"),
           ":2: error: 'weight' is 'null'; expected a finite number"},
          {second(R"({"layer":0,"token":1,"expert":1,"weight":1e60})"),
           ":2: error: 'weight' is '1e+60'; expected a finite number"},
          {second(R"({"layer":0,"token":1,"expert":1,"weight":NaN})"),
           ":2: error: the JSON cannot be read: The JSON document has an improper structure: missing or "
           "superfluous commas, braces, missing keys, etc." +
               object},
          {second("[]"), ":2: error: the line is no object" + object},
          {second(good.substr(0, 20)),
           ":2: error: the JSON cannot be read: The JSON document has an improper structure: missing or "
           "superfluous commas, braces, missing keys, etc." +
               object},
          {second(R"({"layer":0,"token":1,"expert":1,"weight":)" + deep),
           ":2: error: the JSON cannot be read: The JSON document was too deep (too many nested objects and "
           "arrays)" +
               object},
          {second(good),
           ":2: error: token 0 of layer 0 has the expert 1 twice; expected different experts of a token"},
      });
}

TEST_F(RecordingCorruptions, Counts) {
  expect_refused(
      "c.csv",
      {
          {"layer,expert,count\n0,0,1\n0,0,2\n",
           ":3: error: layer 0, expert 0 stands a second time; expected one line for each expert of a layer"},
          {"layer,expert,count\n0,0,1\n1,0,2\n0,0,2\n",
           ":4: error: layer 0, expert 0 stands a second time; expected one line for each expert of a layer"},
          {"layer,expert,count\n0,0,-1\n",
           ":2: error: count is '-1'; expected a whole number from 0 to 9223372036854775807"},
          {"layer,expert,count\n0,0,0.5\n",
           ":2: error: count is '0.5'; expected a whole number from 0 to 9223372036854775807"},
          {"layer,expert,count\n0,0\n",
           ":2: error: the line has 2 fields; expected 3, as the first line names"},
          {"num_experts,layer,expert,count\n4,0,4,1\n",
           ":2: error: expert is '4'; expected a whole number from 0 to 3"},
          {"layer,token_id,expert,count\n0,1,0,1\n0,1,0,1\n",
           ":3: error: layer 0, expert 0 stands a second time; expected one line for each expert of a layer"},
          {"layer,token_id,expert,count\n0,-1,0,1\n",
           ":2: error: token_id is '-1'; expected a whole number from 0 to 4294967294"},
          {"layer,expert\n0,1\n0,x\n", ":3: error: expert is 'x'; expected a whole number from 0 to 65535"},
      });
  const std::string path = put("sum.csv",
                               "layer,expert,count\n0,0,9223372036854775807\n0,1,9223372036854775807\n"
                               "0,2,9223372036854775807\n");
  EXPECT_NE(refusal_of([&] { read_recording(path); }).message.find("the sum of all passes 64 bits"),
            std::string::npos);
}

TEST_F(RecordingCorruptions, GptOss) {
  const std::string head = "token,layer,e0,e1,p0,p1\n";
  expect_refused(
      "g.csv",
      {
          {head + "0,0,1,1,0.5,0.5\n",
           ":2: error: the expert 1 stands twice; expected different experts of a token"},
          {head + "0,0,1,2,0.5,inf\n", ":2: error: p1 is 'inf'; expected a finite number"},
          {head + "0,0,1,2,1,0\n0,1,1,2,1,0\n1,0,1,2,1,0\n2,0,1,2,1,0\n2,1,1,2,1,0\n",
           ":5: error: token 1 ends after 1 layers; expected 2, as of the first token"},
          {head + "0,0,1,2,1,0\n0,1,1,2,1,0\n1,0,1,2,1,0\n",
           ": error: token 1 ends after 1 layers; expected 2, as of the first token"},
          {head + "0,0,1,2,1,0\n1,1,1,2,1,0\n",
           ":3: error: token 1: layer 1; expected layer 0, as of the first token"},
          {head + "0,0,1,2,1,0\n1,0,1,2,1,0\n1,1,1,2,1,0\n",
           ":4: error: token 1: layer 1; expected no more layers than the first token has"},
          {head + "0,0,1,2,1,0\n0,0,1,2,1,0\n",
           ":3: error: layer 0 stands twice; expected each layer of a token once"},
          {head + "5,0,1,2,1,0\n4,0,1,2,1,0\n",
           ":3: error: token 4 comes after token 5; expected tokens in ascending order, the layers of "
           "one next to each other"},
      });
}

constexpr const char* kProvenance =
    R"({"provenance":{"expert_count":4,"model_id":"m","moe_layer_indices":[0,2],"top_k":2},"row_type":"header","schema":"simllm-preplay-trace-v1"})"
    "\n";
constexpr const char* kRequest = R"({"request_id":"a","row_type":"request"})"
                                 "\n";
constexpr const char* kFooter =
    R"({"decode_forward_token_count":0,"prefill_forward_token_count":1,"request_count":1,"row_type":"footer"})"
    "\n";

std::string token_row(const std::string& routing,
                      const std::string& rest = R"("token_id":7,"token_index":0)") {
  return R"({"phase":"prefill","request_id":"a","routing":[)" + routing + R"(],"row_type":"forward-token",)" +
         rest + "}\n";
}

const std::string kLayer0 = R"({"expert_ids":[1,3],"gate_weights":[0.5,0.25],"layer_index":0})";
const std::string kLayer2 = R"({"expert_ids":[0,1],"gate_weights":[0.5,0.25],"layer_index":2})";

TEST_F(RecordingCorruptions, SimLlm) {
  const std::string head = std::string(kProvenance) + kRequest;
  const std::string both = kLayer0 + "," + kLayer2;
  const ReadRecording good = read_recording(put("good.jsonl", head + token_row(both) + kFooter));
  ASSERT_EQ(good.blocks.size(), 2U);
  EXPECT_EQ(good.blocks[1].layer, 2);
  EXPECT_EQ(good.blocks[1].token_id, std::vector<std::int64_t>{7});
  expect_refused(
      "s.jsonl",
      {
          {head + token_row(both), ": error: the file ends without a footer; expected a row of 'footer'"},
          {head + token_row(both) + token_row(both, R"("token_id":7,"token_index":2)") + kFooter,
           ":4: error: token_index is 2; expected 1, the next of its request"},
          {head + kFooter, ":3: error: prefill_forward_token_count is 1; expected 0, as there are"},
          {head + token_row(kLayer0) + kFooter,
           ":3: error: the routing of 1 layers; expected of 2, as the header has"},
          {head + token_row(kLayer2 + "," + kLayer0) + kFooter, ":3: error: layer_index is 2; expected 0"},
          {head + token_row(both + "," + kLayer2) + kFooter,
           ":3: error: layer_index is 2; expected no more layers than the header has"},
          {head + token_row(R"({"expert_ids":[1,1],"gate_weights":[0.5,0.25],"layer_index":0})") + kFooter,
           ":3: error: layer 0: the expert 1 stands twice; expected different experts of a token"},
          {head + token_row(R"({"expert_ids":[1,4],"gate_weights":[0.5,0.25],"layer_index":0})") + kFooter,
           ":3: error: 'expert_ids' is '4'; expected a whole number from 0 to 3"},
          {head + token_row(R"({"expert_ids":[1,2],"gate_weights":[0.5],"layer_index":0})") + kFooter,
           ":3: error: layer 0: 2 experts and 1 weights; expected 2 of each, the top_k of the header"},
          {std::string(kProvenance) + token_row(both) + kFooter,
           ":2: error: the request 'a' has no row; expected its row before its tokens"},
          {head + kRequest + kFooter, ":3: error: the request 'a' stands twice; expected each request once"},
          {head + token_row(both) + kFooter + kRequest,
           ":5: error: a row of 'request' behind the footer; expected the end of the file"},
          {R"({"provenance":{},"row_type":"header","schema":"simllm-preplay-trace-v9"})"
           "\n",
           ":1: error: the schema is 'simllm-preplay-trace-v9'; expected simllm-preplay-trace-v1"},
      });
}

TEST_F(RecordingCorruptions, VllmWindows) {
  const auto with = [](const std::string& load, const std::string& map) {
    return R"({"num_logical_experts":2,"window_size":5,"snapshots":[{"step":1,"window_expert_load":)" + load +
           R"(,"physical_to_logical_map":)" + map + "}]}";
  };
  expect_refused(
      "v.json",
      {
          {with("[[1,2,3]]", "[[0,1,2]]"),
           ": error: snapshot 0: layer 0: physical expert 2 is the logical expert 2; expected 0 to 1"},
          {with("[[1,2,3]]", "[[0,1]]"),
           ": error: snapshot 0: layer 0: the map has another shape than the load of 3 experts; expected one "
           "logical expert for each physical one"},
          {with("[[1,-2,3]]", "[[0,1,1]]"),
           ": error: snapshot 0: window_expert_load, layer 0: a negative number; expected lists of whole "
           "numbers "
           "from 0"},
          {with("[[1,2.5,3]]", "[[0,1,1]]"),
           ": error: snapshot 0: window_expert_load, layer 0: '2.5'; expected lists of whole numbers from 0"},
          {with("[1,2,3]", "[[0,1,1]]"),
           ": error: snapshot 0: window_expert_load, layer 0: a number among the layers; expected lists of "
           "whole "
           "numbers from 0"},
          {with("[[[1,2,3]]]", "[[0,1,1]]"),
           ": error: snapshot 0: window_expert_load has more than two dimensions; expected [layers, "
           "experts]"},
          {R"({"num_physical_experts":2,"snapshots":[]})",
           ": error: there is no window_expert_load; expected snapshots with it"},
          {with("[[1,2,3]]", "[[0,1,1]]").substr(0, 90),
           ": error: byte 91: the JSON breaks at '2'; expected one JSON object"},
      });
}

TEST_F(RecordingCorruptions, FilesOfOtherKinds) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"PK\x03\x04", "this is a zip archive, as .pt, .bin and .npz files are"},
      {"\x80\x02}q", "this is a Python pickle"},
      {"\x80\x04\x95", "this is a Python pickle"},
      {"\x89HDF\r\n", "this is an HDF5 file"},
      {"GGUF\x03", "this is a GGUF file: a model, not its routing"},
      {"", "the file is empty"},
      {"\x89PNG\r\n\x1a\n", "it is no recorded routing that is known"},
      {"model,domain,layer_a,expert_a,layer_b,expert_b,count\n", "it is no recorded routing that is known"},
      {"benchmark,topic,samples,layer,expert,freq_per_token\n", "it is no recorded routing that is known"},
      {"file,benchmark,rows\n", "it is no recorded routing that is known"},
      {"{\"a\": 1}\n", "it is no recorded routing that is known"},
  };
  for (const auto& [bytes, what] : rows) {
    const std::string path = put("other", bytes);
    const Refusal refusal = refusal_of([&] { read_recording(path); });
    EXPECT_EQ(refusal.message.substr(0, refusal.message.find(';')), path + ": error: " + what);
    EXPECT_NE(refusal.message.find("counts-csv"), std::string::npos);
    EXPECT_TRUE(refusal.message.ends_with("[recording-form]")) << refusal.message;
  }
  EXPECT_NE(refusal_of([&] { read_recording(put("x.pt", "PK\x03\x04")); }).help.find("weights_only=True"),
            std::string::npos);
}

}  // namespace
}  // namespace moesim
