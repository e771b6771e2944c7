#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "cli/session.h"
#include "report/numbers.h"

namespace moesim {
namespace {

volatile std::sig_atomic_t interrupts = 0;
std::string program = "moesim";

void on_signal(int signal) {
  interrupts = interrupts + 1;
  if (interrupts > 1) {
    _exit(128 + signal);
  }
}

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

bool locale_is_utf8() {
  for (const char* variable : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    if (is_set(variable)) {
      const std::string_view value(std::getenv(variable));
      return value.find("UTF-8") != std::string_view::npos || value.find("utf8") != std::string_view::npos ||
             value.find("utf-8") != std::string_view::npos || value.find("UTF8") != std::string_view::npos;
    }
  }
  return false;
}

std::size_t terminal_columns(int file) {
  constexpr std::size_t kUsual = 80;
  winsize size{};
  return ioctl(file, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : kUsual;
}

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

void set_program_name(const std::string& name) {
  program = name;
}

ScreenStyle stdout_style(const std::string& colour) {
  const bool terminal = isatty(STDOUT_FILENO) != 0;
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || std::string_view(term) == "dumb";
  ScreenStyle style;
  style.program = program;
  style.unicode = !terminal || locale_is_utf8();
  if (colour == "always" || colour == "never") {
    style.colour = colour == "always";
  } else if (is_set("NO_COLOR")) {
    style.colour = false;
  } else {
    const bool forced = is_set("CLICOLOR_FORCE") || is_set("FORCE_COLOR");
    style.colour = forced || (terminal && !dumb);
  }
  return style;
}

ScreenStyle file_style() {
  return {.colour = false, .unicode = true};
}

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

void write_stderr(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

bool interrupt_requested() {
  return interrupts > 0;
}

void Progress::show(const std::string& phase, double fraction, const std::string& note) {
  const double now = now_seconds();
  if (isatty(STDERR_FILENO) == 0 || now - last_shown_ < 0.1) {
    return;
  }
  last_shown_ = now;
  constexpr int kCells = 20;
  const int filled = static_cast<int>(fraction * kCells);
  const std::string bar = std::string(static_cast<std::size_t>(filled), '#') +
                          std::string(static_cast<std::size_t>(kCells - filled), '.');
  const std::string line = fmt::format("{:<10} [{}] {:3.0f} %  {}", phase, bar, 100 * fraction, note);
  write_stderr("\r\033[K" + shorten_text(line, terminal_columns(STDERR_FILENO) - 1));
  drawn_ = true;
}

void Progress::clear() {
  if (drawn_) {
    write_stderr("\r\033[K");
    drawn_ = false;
  }
}

}  // namespace moesim
