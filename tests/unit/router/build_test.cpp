#include <gtest/gtest.h>

#include "building.h"
#include "config/suggest.h"

namespace moesim::testing {
namespace {

struct Wrong {
  const char* yaml;
  const char* errors;
};

const Wrong kWrong[] = {
    {"name: x",
     "x.yaml:1:1: error: router: missing; expected a section such as {preset: mixtral} [missing-key]\n"
     "  help: write router: {preset: mixtral}; 'moesim routers' lists them all"},
    {"router:",
     "x.yaml:1:1: error: router: missing; expected a section such as {preset: mixtral} [missing-key]\n"
     "  help: write router: {preset: mixtral}; 'moesim routers' lists them all"},
    {"router: mixtral",
     "x.yaml:1:1: error: router: got the text \"mixtral\"; expected a section such as {preset: mixtral} "
     "[wrong-type]"},
    {"router: {top_k: 2}",
     "x.yaml:1:1: error: router: neither 'kind' nor 'preset' is given; expected one of them [missing-key]\n"
     "  help: write preset: mixtral, or kind: token_choice; 'moesim routers' lists them all"},
    {"router: {kind: token_choice, preset: mixtral}",
     "x.yaml:1:10: error: router.kind: 'kind' and 'preset' are both given; expected one of them "
     "[preset-and-kind]\n"
     "  help: leave out kind: a preset names its kind, and keys beside it replace single stages\n"
     "  note: x.yaml:1:30: router.preset is given here"},
    {"router: {kind: token_choise}",
     "x.yaml:1:10: error: router.kind: unknown router 'token_choise'; expected {families} [unknown-variant]\n"
     "  help: did you mean 'token_choice'?"},
    {"router: {kind: mixtral}",
     "x.yaml:1:10: error: router.kind: unknown router 'mixtral'; expected {families} [unknown-variant]\n"
     "  help: write preset: mixtral"},
    {"router: {preset: mixtrel}",
     "x.yaml:1:10: error: router.preset: unknown router preset 'mixtrel'; expected a name that 'moesim "
     "routers' "
     "lists [unknown-variant]\n"
     "  help: did you mean 'mixtral'?"},
    {"router: {preset: qqqqqqqqqqqqq}",
     "x.yaml:1:10: error: router.preset: unknown router preset 'qqqqqqqqqqqqq'; expected a name that "
     "'moesim routers' lists [unknown-variant]\n"
     "  help: 'moesim routers' lists them all"},
    {"router: {preset: hash}",
     "x.yaml:1:10: error: router.preset: unknown router preset 'hash'; expected a name that 'moesim routers' "
     "lists [unknown-variant]\n"
     "  help: write kind: hash"},
    {"router: {preset: [mixtral]}",
     "x.yaml:1:10: error: router.preset: got a list; expected a name [wrong-type]\n"
     "  help: 'moesim routers' lists them all"},
    {"router: {kind: \"\"}",
     "x.yaml:1:10: error: router.kind: unknown router ''; expected {families} [unknown-variant]\n"
     "  help: 'moesim routers' lists them all"},
    {"router: {preset: }",
     "x.yaml:1:10: error: router.preset: got nothing; expected a name [wrong-type]\n"
     "  help: 'moesim routers' lists them all"},
    {"router: {preset: \"\\u202e\"}",
     "x.yaml:1:10: error: router.preset: unknown router preset '\\u202e'; expected a name that "
     "'moesim routers' lists [unknown-variant]\n"
     "  help: 'moesim routers' lists them all"},
    {"router: {kind: hash, factor: 2}",
     "x.yaml:1:22: error: router.factor: unknown key; expected one of kind, method, norm_eps, preset, "
     "route_norm, "
     "route_scale, score_func, top_k, weights "
     "[unknown-key]\n"
     "  help: 'factor' is a key of router.kind expert_choice"},
};

// What an unknown kind is told to be, so that a new family changes no text here.
std::string with_families(std::string text) {
  const std::string few = list_choices(router_families().names());
  const std::size_t at = text.find("{families}");
  return at == std::string::npos
             ? text
             : text.replace(at, 10, few.empty() ? "a name that 'moesim routers' lists" : "one of " + few);
}

TEST(MakeRouter, RefusesSectionsThatNameNoRouter) {
  for (const Wrong& wrong : kWrong) {
    const Built built = build(wrong.yaml, 8);
    EXPECT_EQ(built.errors(), with_families(wrong.errors)) << wrong.yaml;
    EXPECT_EQ(built.router, nullptr) << wrong.yaml;
  }
}

TEST(MakeRouter, RecordsTheKind) {
  const Built built = build("router: {kind: hash, top_k: 3}", 8);
  EXPECT_EQ(built.resolved("router.kind"), "hash from x.yaml:1:16");
  EXPECT_EQ(built.resolved("router.preset"), "");
  EXPECT_EQ(built.resolved("router.top_k"), "3 from x.yaml:1:29");
  EXPECT_EQ(built.resolved("router.method"), "random from default");
}

TEST(MakeRouter, FamiliesAreTold) {
  for (const RouterFamily& family : router_families().entries()) {
    EXPECT_FALSE(family.summary.empty()) << family.name;
    EXPECT_FALSE(family.origin.empty()) << family.name;
    for (const FieldInfo& field : family.fields()) {
      EXPECT_FALSE(field.doc.empty()) << family.name << "." << field.name;
    }
  }
}

}  // namespace
}  // namespace moesim::testing
