// A main for fuzz targets in ordinary builds: runs every file of the folders and files it is given, each as
// it is and in 300 fixed variants. Options: --variants=N; --save=FILE (keeps in FILE the input that runs, so
// that the one that crashes is there afterwards).
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "mutate.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr int kSecondsPerInput =
    10;  // of processor time; far more than the slowest input takes under a sanitizer

struct Options {
  std::uint32_t variants = 300;
  std::string save;
  std::vector<std::string> paths;
};

// What runs now, for the handler of a crash: only plain memory and write(2) may be used there.
char current_input[512];

void report_and_end(int signal) {
  constexpr std::string_view kSlow = "takes too long: ";
  constexpr std::string_view kFails = "fails: ";
  const std::string_view verdict = signal == SIGPROF ? kSlow : kFails;
  const bool said = ::write(STDERR_FILENO, verdict.data(), verdict.size()) > 0 &&
                    ::write(STDERR_FILENO, current_input, std::char_traits<char>::length(current_input)) > 0;
  ::_exit(said ? 1 : 2);
}

void set_time_limit(int seconds) {
  const itimerval limit{.it_interval = {}, .it_value = {.tv_sec = seconds, .tv_usec = 0}};
  ::setitimer(ITIMER_PROF, &limit, nullptr);
}

void run_input(const std::string& name, const std::string& bytes, const std::string& save) {
  std::snprintf(current_input, sizeof current_input, "%s\n", name.c_str());
  if (!save.empty()) {
    std::ofstream(save, std::ios::binary) << bytes;
  }
  set_time_limit(kSecondsPerInput);
  // A copy without spare room at its end, so that a sanitizer sees every byte read too many.
  const std::vector<std::uint8_t> exact(bytes.begin(), bytes.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
  set_time_limit(0);
}

Options parse_arguments(const std::vector<std::string>& arguments) {
  constexpr std::string_view kVariants = "--variants=";
  constexpr std::string_view kSave = "--save=";
  Options options;
  for (const std::string& argument : arguments) {
    if (argument.rfind(kSave, 0) == 0) {
      options.save = argument.substr(kSave.size());
    } else if (argument.rfind(kVariants, 0) == 0) {
      std::from_chars(argument.data() + kVariants.size(), argument.data() + argument.size(),
                      options.variants);
    } else {
      options.paths.push_back(argument);
    }
  }
  return options;
}

// Sorted by name; a path that is neither file nor folder gives nothing.
std::vector<std::filesystem::path> find_inputs(const std::vector<std::string>& paths) {
  namespace fs = std::filesystem;
  std::vector<fs::path> inputs;
  std::error_code ignored;
  for (const std::string& path : paths) {
    if (fs::is_regular_file(path, ignored)) {
      inputs.emplace_back(path);
    } else if (fs::is_directory(path, ignored)) {
      for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path)) {
        if (entry.is_regular_file()) {
          inputs.push_back(entry.path());
        }
      }
    }
  }
  std::sort(inputs.begin(), inputs.end());
  return inputs;
}

std::size_t run_all(const Options& options) {
  std::size_t count = 0;
  for (const std::filesystem::path& input : find_inputs(options.paths)) {
    std::ifstream file(input, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    run_input(input.string(), bytes, options.save);
    for (std::uint32_t variant = 0; variant < options.variants; ++variant) {
      run_input(input.string() + " variant " + std::to_string(variant),
                moesim::mutate(bytes, input.filename().string(), variant), options.save);
    }
    ++count;
  }
  return count;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPROF, report_and_end);
  std::signal(SIGABRT, report_and_end);
  const Options options = parse_arguments({argv + 1, argv + argc});
  try {
    const auto start = std::chrono::steady_clock::now();
    const std::size_t count = run_all(options);
    if (count == 0) {
      std::fputs("no input found; give files or folders of inputs\n", stderr);
      return 1;
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::printf("%zu inputs and %zu variants of them, %.1f s\n", count, count * options.variants,
                seconds.count());
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fails with \"%s\": %s", error.what(), current_input);
    return 1;
  }
}
