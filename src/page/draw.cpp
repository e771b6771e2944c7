#include "page/draw.h"

#include "core/error.h"
#include "page/web_files.h"

#ifdef MOESIM_DUKTAPE
#include <duktape.h>
#endif

#include <fmt/format.h>

namespace moesim {

#ifdef MOESIM_DUKTAPE

namespace {

constexpr int kWidth = 760;

// What the library expects of its surroundings; nothing here waits or draws lots.
constexpr const char* kSurroundings =
    "var console = {log: function () {}, warn: function () {}, error: function () {}};"
    "function setTimeout() { return 0; } function clearTimeout() {}"
    "Math.random = function () { return 0.5; };";

}  // namespace

struct Artist::Impl {
  duk_context* context = duk_create_heap_default();
  ~Impl() { duk_destroy_heap(context); }

  void run(std::string_view script) {
    if (duk_peval_lstring(context, script.data(), script.size()) != 0) {
      MOESIM_CHECK(false, fmt::format("a script of the report fails: {}", duk_safe_to_string(context, -1)));
    }
    duk_pop(context);
  }
};

bool can_draw() {
  return web_files() != nullptr;
}

Artist::Artist() : impl_(std::make_unique<Impl>()) {
  const WebFiles* web = web_files();
  if (web == nullptr || impl_->context == nullptr) {
    throw Error(
        ErrorKind::usage,
        "moesim report: error: this build cannot draw; expected one that found npm and Duktape [no-figures]");
  }
  impl_->run(kSurroundings);
  impl_->run(web->library);
  impl_->run(web->charts);
}
Artist::~Artist() = default;

std::string Artist::draw(const Chart& chart, std::size_t view, bool dark) {
  duk_context* context = impl_->context;
  duk_get_global_string(context, "moesim");
  duk_get_prop_string(context, -1, "svg");
  duk_push_lstring(context, chart.views[view].option.data(), chart.views[view].option.size());
  duk_push_int(context, kWidth);
  duk_push_int(context, chart.height);
  duk_push_boolean(context, dark ? 1 : 0);
  const bool failed = duk_pcall(context, 4) != 0;
  size_t length = 0;
  const char* text = duk_safe_to_lstring(context, -1, &length);
  std::string result(text, length);
  duk_pop_2(context);
  if (failed) {
    throw Error(
        ErrorKind::bad_data,
        fmt::format("{}: error: the chart cannot be drawn: {}; expected numbers and names [bad-record]",
                    chart.id, result));
  }
  return result;
}

#else

struct Artist::Impl {};
bool can_draw() {
  return false;
}
Artist::Artist() {
  throw Error(ErrorKind::usage,
              "moesim report: error: this build cannot draw; expected one that found Duktape [no-figures]");
}
Artist::~Artist() = default;
std::string Artist::draw(const Chart&, std::size_t, bool) {
  return "";
}

#endif

}  // namespace moesim
