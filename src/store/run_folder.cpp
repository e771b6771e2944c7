#include "store/run_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <ctime>

#include "core/error.h"

namespace moesim {
namespace {

std::string safe_name(const std::string& name) {
  std::string safe;
  for (const char c : name.substr(0, 64)) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-';
    safe += plain ? c : '_';
  }
  return safe.empty() || safe.front() == '.' || safe.front() == '-' ? "run" + safe : safe;
}

std::string utc(const char* format) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, format, &parts)};
}

std::string holder(int descriptor) {
  char text[128];
  const ssize_t count = ::pread(descriptor, text, sizeof text, 0);
  std::string who(text, count > 0 ? static_cast<std::size_t>(count) : 0);
  for (const char c : who) {
    if (std::isprint(static_cast<unsigned char>(c)) == 0) {
      return "another process";
    }
  }
  return who.empty() ? "another process" : who;
}

}  // namespace

std::string runs_directory() {
  const char* set = std::getenv("MOESIM_RUNS_DIR");
  return set == nullptr || *set == '\0' ? "runs" : set;
}

std::string run_folder_name(const std::string& name, const std::string& time, const std::string& id) {
  return safe_name(name) + "-" + time + "-" + id.substr(0, 8);
}

std::string sweep_folder_name(const std::string& name, const std::string& id) {
  return safe_name(name) + "-" + id.substr(0, 8);
}

std::string utc_now() {
  return utc("%Y-%m-%dT%H:%M:%SZ");
}

std::string utc_stamp() {
  return utc("%Y%m%d-%H%M%S");
}

FolderLock::FolderLock(const std::string& folder)
    : file_(::open((folder + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666)) {
  if (!file_.valid()) {
    throw_cannot_create(folder + "/lock", errno);
  }
  int result = 0;
  do {
    result = ::flock(file_.get(), LOCK_EX | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  if (result != 0) {
    throw Error(ErrorKind::busy,
                fmt::format("{}: error: {} is writing there; expected one writer at a time [run-busy]",
                            shown_path(folder), holder(file_.get())),
                "wait until it has ended, or stop it; what it has finished is kept");
  }
  char host[64] = "";
  ::gethostname(host, sizeof host - 1);
  const std::string who = fmt::format("process {} on {}", ::getpid(), host);
  if (::ftruncate(file_.get(), 0) == 0) {
    static_cast<void>(::pwrite(file_.get(), who.data(), who.size(), 0));  // only told to others: may fail
  }
}

}  // namespace moesim
