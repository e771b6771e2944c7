// Forms of recorded routing: what each importer makes of a small file.
#include "io/recording.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recording_reading.h"
#include "temporary_folder.h"

namespace moesim {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Recordings = TemporaryFolder;

TEST_F(Recordings, RoutingCsv) {
  const std::string path = put("routing.csv",
                               "step,layer,token,text,expert,weight,kept\n"
                               "0,0,0,\"a \"\"b\"\", c\",3,0.75,1\n"
                               "0,0,0,\"a \"\"b\"\", c\",1,0.25,0\n"
                               "0,0,2,\"two\nlines\",0,1,1\n"
                               "0,1,0,\"a\",5,0.5,1\n"
                               "1,0,3,\"d\",2,0.125,1\n");
  const ReadRecording read = read_recording(path, {.where = {}, .form = "", .model = "", .text = true});
  EXPECT_EQ(read.info.form, "routing-csv");
  EXPECT_TRUE(read.info.by_token);
  ASSERT_THAT(read.info.groups, SizeIs(1));
  EXPECT_EQ(read.info.groups[0].num_experts, 6);
  EXPECT_EQ(read.info.groups[0].top_k, 0);  // tokens differ
  EXPECT_THAT(read.info.notes, SizeIs(1));
  ASSERT_THAT(read.blocks, SizeIs(3));
  const ChoiceBlock& first = read.blocks[0];
  EXPECT_EQ(first.first_token, 0U);
  EXPECT_THAT(first.begin, ElementsAre(0, 2, 2, 3));  // token 1 chose nobody
  EXPECT_THAT(first.expert, ElementsAre(3, 1, 0));
  EXPECT_THAT(first.weight, ElementsAre(0.75F, 0.25F, 1.0F));
  EXPECT_THAT(first.kept, ElementsAre(1, 0, 1));
  EXPECT_THAT(first.text, ElementsAre("a \"b\", c", "", "two\nlines"));
  EXPECT_THAT(first.sequence, ElementsAre(0, 0, 0));
  EXPECT_THAT(first.token_id, IsEmpty());
  EXPECT_EQ(read.blocks[1].layer, 1);
  EXPECT_EQ(read.blocks[2].step, 1);
  EXPECT_EQ(read.blocks[2].first_token, 3U);
}

TEST_F(Recordings, RoutingJsonLines) {
  const std::string path =
      put("routing.jsonl",
          R"({"model":"m","layer":4,"token":7,"text":"a\n","expert":300,"weight":0.5,"kept":true})"
          "\n"
          R"({"layer":4,"model":"m","token":7,"expert":2,"text":"a\n","weight":0.25,"kept":false})"
          "\n");
  const ReadRecording read = read_recording(path, {.where = {}, .form = "", .model = "", .text = true});
  EXPECT_EQ(read.info.form, "routing-jsonl");
  EXPECT_THAT(read.info.columns, ElementsAre("model"));
  ASSERT_THAT(read.info.groups, SizeIs(1));
  EXPECT_EQ(read.info.groups[0].model, "m");
  EXPECT_EQ(read.info.groups[0].num_experts, 301);
  EXPECT_EQ(read.info.groups[0].top_k, 2);
  ASSERT_THAT(read.blocks, SizeIs(1));
  EXPECT_EQ(read.blocks[0].first_token, 7U);
  EXPECT_EQ(read.blocks[0].layer, 4);
  EXPECT_THAT(read.blocks[0].expert, ElementsAre(300, 2));
  EXPECT_THAT(read.blocks[0].weight, ElementsAre(0.5F, 0.25F));
  EXPECT_THAT(read.blocks[0].kept, ElementsAre(1, 0));
  EXPECT_THAT(read.blocks[0].text, ElementsAre("a\n"));
}

TEST_F(Recordings, CountsCsvWithGroups) {
  const std::string path = put("counts.csv",
                               "model,num_experts,top_k,domain,ranks,layer,expert,count\n"
                               "m,4,2,x,topk,0,0,10\nm,4,2,x,topk,0,3,20\n"
                               "m,4,2,x,topk,7,1,5\nm,4,2,y,topk,0,1,6\nn,2,1,x,topk,0,1,9\n");
  const ReadRecording all = read_recording(path);
  EXPECT_EQ(all.info.form, "counts-csv");
  EXPECT_FALSE(all.info.by_token);
  EXPECT_THAT(all.info.notes, IsEmpty());
  ASSERT_THAT(all.info.groups, SizeIs(3));
  EXPECT_EQ(all.info.groups[0].num_experts, 4);
  EXPECT_EQ(all.info.groups[0].top_k, 2);
  EXPECT_THAT(all.info.groups[0].labels, ElementsAre(std::pair<std::string, std::string>("ranks", "topk")));
  ASSERT_THAT(all.counts, SizeIs(4));
  EXPECT_THAT(all.counts[0].count, ElementsAre(10, 0, 0, 20));
  EXPECT_THAT(all.counts[3].count, ElementsAre(0, 9));

  const ReadRecording some =
      read_recording(path, {.where = {{"domain", "x"}, {"model", "m"}}, .form = "", .model = ""});
  ASSERT_THAT(some.info.groups, SizeIs(1));
  ASSERT_THAT(some.counts, SizeIs(2));
  EXPECT_EQ(some.counts[1].layer, 7);
}

TEST_F(Recordings, ValuesToChooseByAreSaid) {
  const std::string path =
      put("g.csv", "model,domain,layer,expert,count\nm,x,0,1,6\nm,y,0,1,5\nn,z,0,0,10\n");
  const auto help = [&](const std::vector<std::pair<std::string, std::string>>& where) {
    return refusal_of([&] { read_recording(path, {.where = where, .form = "", .model = ""}); }).help;
  };
  EXPECT_EQ(help({{"domain", "nope"}}), "the file has --where domain=x; values of domain: 'x', 'y', 'z'");
  EXPECT_EQ(help({{"model", "m"}, {"domain", "nope"}}),
            "the file has --where domain=x; values of domain: 'x', 'y', 'z'");
  EXPECT_EQ(help({{"domain", "z"}, {"model", "m"}}), "the file has for example --where domain=x,model=m");
  std::string many = "domain,layer,expert,count\n";
  for (char domain = 'a'; domain < 'm'; ++domain) {
    many += std::string(1, domain) + ",0,1,1\n";
  }
  const std::string of_many = put("many.csv", many);
  EXPECT_EQ(refusal_of([&] {
              read_recording(of_many, {.where = {{"domain", "no"}}, .form = "", .model = ""});
            }).help,
            "the file has --where domain=a; values of domain: 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h' and 4 "
            "more");
}

TEST_F(Recordings, ATensorFileIsNoRecording) {
  const std::string path = put("t.bin", std::string("\x02\0\0\0\0\0\0\0{}", 10));
  const Refusal refusal = refusal_of([&] { read_recording(path); });
  EXPECT_THAT(refusal.message,
              testing::HasSubstr("this is a file of safetensors; expected recorded routing"));
  EXPECT_THAT(refusal.help, testing::HasSubstr("--router PRESET"));
}

TEST_F(Recordings, OtherCounts) {
  const ReadRecording by_id =
      read_recording(put("ids.csv", "layer,token_id,expert,count\n0,5,1,2\n0,5,2,3\n0,9,0,1\n"));
  EXPECT_EQ(by_id.info.form, "token-expert-csv");
  ASSERT_THAT(by_id.counts, SizeIs(2));
  EXPECT_EQ(by_id.counts[0].token_id, 5);
  EXPECT_THAT(by_id.counts[0].count, ElementsAre(0, 2, 3));

  const ReadRecording llama = read_recording(put("llama.csv", "layer,expert\n0,1\n0,1\n0,2\n1,0\n"));
  EXPECT_EQ(llama.info.form, "llama-cpp-csv");
  ASSERT_THAT(llama.counts, SizeIs(2));
  EXPECT_THAT(llama.counts[0].count, ElementsAre(0, 2, 1));
}

TEST_F(Recordings, GptOssCsv) {
  const ReadRecording read = read_recording(put("g.csv",
                                                "token,layer,e0,e1,p0,p1\n"
                                                "9,0,1,2,0.75,0.25\n9,3,0,2,0.5,0.5\n"
                                                "10,0,3,2,0.5,0.5\n10,3,1,0,1,0\n"
                                                "12,0,1,0,1,0\n12,3,1,0,1,0\n"),
                                            {.where = {}, .form = "", .model = "gpt"});
  EXPECT_EQ(read.info.form, "gpt-oss-csv");
  ASSERT_THAT(read.info.groups, SizeIs(1));
  EXPECT_EQ(read.info.groups[0].model, "gpt");
  EXPECT_EQ(read.info.groups[0].num_experts, 4);
  EXPECT_EQ(read.info.groups[0].top_k, 2);
  ASSERT_THAT(read.blocks, SizeIs(4));  // token 11 is missing: 12 has no neighbour
  EXPECT_EQ(read.blocks[1].layer, 3);
  EXPECT_EQ(read.blocks[1].first_token, 9U);
  EXPECT_THAT(read.blocks[1].begin, ElementsAre(0, 2, 4));
  EXPECT_THAT(read.blocks[1].expert, ElementsAre(0, 2, 1, 0));
  EXPECT_EQ(read.blocks[2].first_token, 12U);
}

TEST_F(Recordings, UnknownFormsListTheKnown) {
  const Refusal refusal = refusal_of([&] { read_recording(put("a.txt", "Once upon a time\n")); });
  EXPECT_EQ(refusal.kind, ErrorKind::bad_data);
  for (const RecordingForm& form : recording_forms()) {
    EXPECT_THAT(refusal.message, testing::HasSubstr(form.name));
    EXPECT_THAT(refusal.help, testing::HasSubstr(form.summary));
  }
  EXPECT_THAT(refusal.help, testing::HasSubstr("--router PRESET"));
}

}  // namespace
}  // namespace moesim
