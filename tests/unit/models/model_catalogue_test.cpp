// The catalogue reproduces the reference's computed totals and active parameters to the printed digits:
// billions, all / without the input embedding / without both.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "models/model_catalogue.h"
#include "models/model_parameters.h"
#include "router/router.h"

namespace moesim {
namespace {

constexpr double kBillion = 1e9;

std::string billions(std::uint64_t value, int digits = 3) {
  return fmt::format("{:.{}f}", static_cast<double>(value) / kBillion, digits);
}

const CatalogueModel& model(const std::string& name) {
  const CatalogueModel* found = model_catalogue().find(name);
  EXPECT_NE(found, nullptr) << name;
  return *found;
}

ModelParameters counted(const std::string& name) {
  return count_parameters(model(name).shape);
}

std::string shown(const ActiveParameters& active) {
  return fmt::format("{} / {} / {}", billions(active.all), billions(active.no_input_embedding),
                     billions(active.no_embeddings));
}

struct Row {
  const char* name;
  const char* total;
  const char* active;
  double published;
  double difference;  // percent, with as many digits as the reference prints
  double published_active = 0.0;
};

constexpr Row kRows[] = {
    {"mixtral-8x7b", "46.703", "12.880 / 12.749 / 12.618", 46.7, 0.01, 12.9},
    {"mixtral-8x22b", "140.630", "39.161 / 38.960 / 38.759", 141, -0.26, 39},
    {"deepseek-moe-16b", "16.376", "2.829 / 2.619 / 2.409", 16.4, -0.15, 2.8},
    {"deepseek-v2-lite", "15.706", "2.661 / 2.451 / 2.242", 15.7, 0.04, 2.4},
    {"deepseek-v2", "235.741", "21.376 / 20.852 / 20.327", 236, -0.11, 21},
    {"deepseek-v3", "671.026", "37.552 / 36.626 / 35.699", 671, 0.00, 37},
    {"kimi-k2", "1026.408", "32.862 / 31.687 / 30.513", 1040, -1.31, 32},
    {"qwen1.5-moe-a2.7b", "14.316", "2.689 / 2.378 / 2.067", 14.3, 0.11, 2.7},
    {"qwen2-57b-a14b", "57.409", "14.249 / 13.705 / 13.160", 57.4, 0.02, 14},
    {"qwen3-30b-a3b", "30.532", "3.353 / 3.042 / 2.731", 30.5, 0.11, 3.3},
    {"qwen3-235b-a22b", "235.094", "22.191 / 21.568 / 20.946", 235, 0.04, 22},
    {"qwen3-coder-480b-a35b", "480.155", "35.475 / 34.541 / 33.608", 480, 0.03, 35},
    {"olmoe-1b-7b", "6.919", "1.282 / 1.179 / 1.076", 6.9, 0.28, 1.3},
    {"gpt-oss-20b", "20.915", "4.187 / 3.608 / 3.029", 20.91, 0.02, 3.61},
    {"gpt-oss-120b", "116.829", "5.712 / 5.133 / 4.554", 116.83, -0.00, 5.13},
    {"llama-4-scout", "107.770", "17.173 / 16.138 / 15.104", 109, -1.13, 17},
    {"llama-4-maverick", "400.712", "17.185 / 16.150 / 15.116", 400, 0.18, 17},
    {"dbrx", "131.597", "36.470 / 35.853 / 35.237", 132, -0.31, 36},
    {"grok-1", "315.684", "83.756 / 83.756 / 82.950", 314, 0.54},
    {"phi-3.5-moe", "41.873", "6.641 / 6.509 / 6.378", 41.9, -0.06, 6.6},
    {"glm-4.5", "352.798", "33.632 / 32.856 / 32.080", 355, -0.62, 32},
    {"glm-4.5-air", "106.852", "13.424 / 12.803 / 12.183", 106, 0.80, 12},
    {"granite-3.0-1b-a400m", "1.335", "0.429 / 0.429 / 0.378", 1.3, 2.7, 0.4},
    {"granite-3.0-3b-a800m", "3.299", "0.883 / 0.883 / 0.807", 3.3, -0.04, 0.8},
    {"snowflake-arctic", "478.585", "17.319 / 17.090 / 16.860", 480, -0.29, 17},
    {"hunyuan-large", "388.698", "51.319 / 51.319 / 50.496", 389, -0.08, 52},
    {"ernie-4.5-21b-a3b", "21.825", "3.352 / 3.352 / 3.087", 21, 3.9, 3},
    {"ernie-4.5-300b-a47b", "298.637", "47.079 / 47.079 / 46.232", 300, -0.45, 47},
    {"longcat-flash", "560.665", "27.955 / 27.150 / 26.344", 560, 0.12, 27},
    {"minimax-m2", "228.690", "11.031 / 10.416 / 9.801", 230, -0.57, 10},
    {"minimax-text-01", "456.089", "48.403 / 47.174 / 45.944", 456, 0.02, 45.9},
    {"jamba-v0.1", "51.570", "12.110 / 11.842 / 11.573", 52, -0.83, 12},
};

TEST(ModelCatalogue, ReproducesTotalsAndActiveParameters) {
  for (const Row& row : kRows) {
    const ModelParameters parameters = counted(row.name);
    EXPECT_EQ(billions(parameters.total), row.total) << row.name;
    EXPECT_EQ(shown(parameters.active), row.active) << row.name;
    const CatalogueModel& entry = model(row.name);
    ASSERT_TRUE(entry.published_total.has_value()) << row.name;
    EXPECT_DOUBLE_EQ(*entry.published_total, row.published) << row.name;
    const double difference =
        100.0 * (static_cast<double>(parameters.total) / kBillion / row.published - 1.0);
    EXPECT_NEAR(difference, row.difference, row.difference == 2.7 || row.difference == 3.9 ? 0.05 : 0.00501)
        << row.name;
    EXPECT_DOUBLE_EQ(entry.published_active.value_or(0.0), row.published_active) << row.name;
  }
}

TEST(ModelCatalogue, ReproducesEncoderDecodersAndGlam) {
  const std::vector<std::pair<std::string, std::string>> three_digits = {
      {"glam-0.1b-64e", "2.080"},    {"glam-1.7b-64e", "27.302"},    {"glam-8b-64e", "143.861"},
      {"glam-64b-64e", "1161.756"},  {"switch-base-8", "0.619"},     {"switch-base-16", "1.072"},
      {"switch-base-32", "1.979"},   {"switch-base-64", "3.791"},    {"switch-base-128", "7.415"},
      {"switch-base-256", "14.664"}, {"switch-large-128", "26.309"}, {"switch-xxl", "394.543"},
      {"switch-c", "1571.309"}};
  for (const auto& [name, total] : three_digits) {
    EXPECT_EQ(billions(counted(name).total), total) << name;
  }
  const std::vector<std::pair<std::string, std::string>> one_digit = {
      {"gshard-128e-12l", "13.2"},  {"gshard-128e-36l", "39.5"},   {"gshard-512e-12l", "51.9"},
      {"gshard-512e-36l", "155.4"}, {"gshard-2048e-12l", "206.5"}, {"gshard-2048e-36l", "619.3"}};
  for (const auto& [name, total] : one_digit) {
    EXPECT_EQ(billions(counted(name).total, 1), total) << name;
  }
  EXPECT_EQ(billions(counted("glam-64b-64e").active.all), "96.604");
  EXPECT_EQ(billions(counted("glam-8b-64e").active.no_embeddings, 2), "9.67");
  EXPECT_EQ(billions(counted("switch-base-8").active.all), "0.223");
  EXPECT_EQ(billions(counted("switch-base-256").active.all), "0.225");
  EXPECT_EQ(billions(counted("switch-large-128").active.all), "0.741");
  EXPECT_EQ(billions(counted("switch-xxl").active.all), "11.016");
  EXPECT_EQ(billions(counted("switch-c").active.all), "1.728");
}

TEST(ModelCatalogue, ReproducesWhatIsRoutedWhereOnlyThatIsKnown) {
  struct Routed {
    const char* name;
    const char* routed;
    const char* active;
  };
  for (const Routed& row :
       {Routed{"qwen3-next-80b-a3b", "77.31", "1.510"}, Routed{"qwen3.5-35b-a3b", "32.21", "1.007"},
        Routed{"qwen3.5-397b-a17b", "386.55", "7.550"}, Routed{"gemma-4-26b-a4b", "22.84", "1.427"},
        Routed{"deepseek-v4-flash", "277.03", "6.493"}, Routed{"kimi-k3", "2722.74", "48.620"}}) {
    EXPECT_FALSE(model(row.name).shape.complete) << row.name;
    const ModelParameters parameters = counted(row.name);
    EXPECT_EQ(billions(parameters.routed, 2), row.routed) << row.name;
    EXPECT_EQ(billions(parameters.routed_active), row.active) << row.name;
    EXPECT_EQ(parameters.total, 0u) << row.name;
  }
}

TEST(ModelCatalogue, ReproducesTheVariantsInTheRemarks) {
  ModelShape ernie = model("ernie-4.5-300b-a47b").shape;
  ernie.tied_embeddings = false;
  EXPECT_EQ(billions(count_parameters(ernie).total), "299.484");
  ModelShape xxl = model("switch-xxl").shape;
  xxl.moe.num_experts = 64;
  EXPECT_EQ(billions(count_parameters(xxl).total), "201.264");
  ModelShape hunyuan = model("hunyuan-large").shape;
  hunyuan.tied_embeddings = false;
  EXPECT_EQ(billions(count_parameters(hunyuan).active.all, 1), "52.1");
}

// A token may choose up to 12 experts that copy: 12 experts of 28 layers lie between the two.
TEST(ModelCatalogue, GivesTheRangeOfExpertsWithoutWeights) {
  const ModelParameters longcat = counted("longcat-flash");
  EXPECT_EQ(longcat.active_experts, 8);
  EXPECT_EQ(shown(longcat.active_low), "19.499 / 18.694 / 17.888");
  EXPECT_EQ(shown(longcat.active_high), "32.183 / 31.377 / 30.572");
  EXPECT_EQ(longcat.active_high.all - longcat.active_low.all, 12u * 28u * longcat.per_expert);
  const ModelParameters mixtral = counted("mixtral-8x7b");
  EXPECT_EQ(mixtral.active_low.all, mixtral.active.all);
  EXPECT_EQ(mixtral.active_high.all, mixtral.active.all);
}

TEST(ModelCatalogue, PartsSumToTheTotal) {
  for (const CatalogueModel& entry : model_catalogue().entries()) {
    const ModelParameters p = count_parameters(entry.shape);
    if (entry.shape.complete) {
      EXPECT_EQ(p.routed + p.shared + p.attention + p.router + p.dense + p.norms + p.input_embedding +
                    p.output_embedding,
                p.total)
          << entry.name;
      EXPECT_LT(p.active.all, p.total) << entry.name;
      EXPECT_LE(p.active.no_embeddings, p.active.no_input_embedding) << entry.name;
      EXPECT_LE(p.active.no_input_embedding, p.active.all) << entry.name;
    }
    EXPECT_GT(p.routed, 0u) << entry.name;
    EXPECT_FALSE(entry.source.empty()) << entry.name;
  }
}

TEST(ModelCatalogue, EveryRouterIsOne) {
  for (const CatalogueModel& entry : model_catalogue().entries()) {
    if (entry.name == "kimi-k3") {
      EXPECT_EQ(entry.shape.router.kind, Node::Kind::null) << "not published";
      continue;
    }
    Binder binder;
    LayerShape pool = entry.shape.moe;
    pool.num_experts = entry.shape.moe.pool_size();
    const auto router = make_router(binder, &entry.shape.router, pool);
    ASSERT_NE(router, nullptr) << entry.name << binder.diagnostics.render_all();
    EXPECT_EQ(router->traits().top_k, entry.shape.top_k) << entry.name;
  }
}

TEST(ModelCatalogue, NamesAreInKebabCase) {
  EXPECT_GE(model_catalogue().entries().size(), 55u);
  for (const CatalogueModel& entry : model_catalogue().entries()) {
    EXPECT_EQ(entry.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-"), std::string::npos)
        << entry.name;
  }
}

}  // namespace
}  // namespace moesim
