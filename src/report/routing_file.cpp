#include "report/routing_file.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "io/files.h"
#include "io/row_format.h"

namespace moesim {
namespace {

bool ends_with(const std::string& text, std::string_view ending) {
  return text.size() >= ending.size() && std::string_view(text).substr(text.size() - ending.size()) == ending;
}

struct Line {
  Index step;
  Index layer;
  std::uint64_t token;
  std::string text;
  std::int32_t expert;
  float weight;
  bool kept;
};

std::string to_csv(const Line& line) {
  return fmt::format("{},{},{},{},{},{},{}\n", line.step, line.layer, line.token, csv_quoted(line.text),
                     line.expert, line.weight, line.kept ? 1 : 0);
}

std::string to_json(const Line& line) {
  nlohmann::ordered_json object;
  object["step"] = line.step;
  object["layer"] = line.layer;
  object["token"] = line.token;
  object["text"] = line.text;
  object["expert"] = line.expert;
  object["weight"] = line.weight;
  object["kept"] = line.kept;
  return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

struct RoutingFile::Impl {
  Impl(const std::string& path, const Workload& w) : workload(w), csv(ends_with(path, ".csv")), file(path) {}
  const Workload& workload;
  bool csv;
  OutputFile file;
};

RoutingFile::RoutingFile(const std::string& path, const Workload& workload) {
  impl_ = std::make_unique<Impl>(path, workload);
  if (impl_->csv) {
    impl_->file.write("step,layer,token,text,expert,weight,kept\n");
  }
}

RoutingFile::~RoutingFile() = default;

void RoutingFile::add(Index step, const LayerEvent& event) {
  const Assignments& a = event.assignments;
  for (std::size_t t = 0; t + 1 < a.begin.size(); ++t) {
    const std::uint64_t token = event.batch.first_token + t;
    const std::string text = impl_->workload.token_text(token);
    for (auto i = static_cast<std::size_t>(a.begin[t]); i < static_cast<std::size_t>(a.begin[t + 1]); ++i) {
      const Line line{
          step, event.layer, token, text, a.expert[i], a.weight[i], event.plan.assignment_row[i] >= 0};
      impl_->file.write(impl_->csv ? to_csv(line) : to_json(line));
    }
  }
}

void RoutingFile::close() {
  impl_->file.close();
}

}  // namespace moesim
