// Any bytes as results.sqlite: read, exported, compared and drawn, or refused with an Error that blames the
// file.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/error.h"
#include "engine/compare.h"
#include "fuzz_check.h"
#include "page/html.h"
#include "page/pages.h"
#include "store/export.h"

namespace {

namespace fs = std::filesystem;
using moesim::fuzz_check;

// One folder for the whole process, gone with it.
class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("moesim_fuzz_" + std::to_string(::getpid()))) {
    fs::create_directories(path_);
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path() const { return path_.string(); }

 private:
  fs::path path_;
};

template <class Use>
void expect_refusal_or_success(const Use& use) {
  try {
    use();
  } catch (const moesim::Error& error) {
    fuzz_check(error.kind() == moesim::ErrorKind::bad_data || error.kind() == moesim::ErrorKind::write_failed,
               "a damaged database is bad data, or cannot be read to its end");
    fuzz_check(std::string(error.what()).find(": error: ") != std::string::npos, "an error has a place");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folder folder;
  const std::string path = moesim::results_path(folder.path());
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  fs::remove(path + "-journal");
  expect_refusal_or_success([&] {
    const moesim::ResultStore store(folder.path(), moesim::Database::Access::read);
    store.summaries();
    export_jsonl(store, folder.path());
    export_table(store, folder.path(), false);
  });
  expect_refusal_or_success([&] { moesim::compare_stored_runs(folder.path(), folder.path()); });
  expect_refusal_or_success([&] {
    const moesim::Page page = moesim::folder_page(folder.path());
    if (moesim::can_write_pages()) {
      moesim::render_html(page, {.pictures = false});
    }
  });
  return 0;
}
