#include "io/recording_bytes.h"

#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "core/error.h"
#include "io/recording_error.h"

namespace moesim {
namespace {

constexpr std::size_t kStartBytes = 128 * 1024;
constexpr std::size_t kPieceBytes = 256 * 1024;  // of the packed file
constexpr std::uint64_t kMostRatio = 1000;
constexpr std::uint64_t kMostUnpacked = std::uint64_t{64} << 30;
// Below it the ratio says nothing: a kilobyte may well hold a megabyte of zeros.
constexpr std::uint64_t kFreeBytes = 1 << 20;
// What a frame may ask for as memory: `zstd -19` needs no more.
constexpr int kMostWindowLog = 23;

}  // namespace

class RecordingBytes::Unpacker {
 public:
  Unpacker() = default;
  virtual ~Unpacker() = default;
  Unpacker(const Unpacker&) = delete;
  Unpacker& operator=(const Unpacker&) = delete;

  struct Step {
    std::size_t used = 0;
    std::size_t made = 0;
    std::string problem{};
  };
  virtual Step step(std::string_view in, std::span<char> out) = 0;
  virtual bool whole() const = 0;  // between two frames, where the file may end
  virtual const char* name() const = 0;

  std::vector<char> piece;  // of the file, and how far it is used
  std::size_t begin = 0;
  std::size_t end = 0;
  bool ended = false;  // the file
};

namespace {

class Gzip final : public RecordingBytes::Unpacker {
 public:
  Gzip() {
    constexpr int kGzipOnly = 16 + MAX_WBITS;
    MOESIM_CHECK(::inflateInit2(&stream_, kGzipOnly) == Z_OK, "no memory for unpacking");
  }
  ~Gzip() override { ::inflateEnd(&stream_); }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

  Step step(std::string_view in, std::span<char> out) override {
    if (whole_) {
      ::inflateReset(&stream_);
    }
    whole_ = false;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    const int status = ::inflate(&stream_, Z_NO_FLUSH);
    whole_ = status == Z_STREAM_END;
    Step step{.used = in.size() - stream_.avail_in, .made = out.size() - stream_.avail_out};
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
      step.problem = stream_.msg != nullptr ? stream_.msg : "the packed data are damaged";
    }
    return step;
  }
  bool whole() const override { return whole_; }
  const char* name() const override { return "gzip"; }

 private:
  z_stream stream_{};
  bool whole_ = true;
};

class Zstd final : public RecordingBytes::Unpacker {
 public:
  Zstd() : stream_(::ZSTD_createDStream()) {
    MOESIM_CHECK(stream_ != nullptr, "no memory for unpacking");
    ::ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, kMostWindowLog);
  }
  ~Zstd() override { ::ZSTD_freeDStream(stream_); }
  Zstd(const Zstd&) = delete;
  Zstd& operator=(const Zstd&) = delete;

  Step step(std::string_view in, std::span<char> out) override {
    ZSTD_inBuffer from{in.data(), in.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    const std::size_t left = ::ZSTD_decompressStream(stream_, &to, &from);
    Step step{.used = from.pos, .made = to.pos};
    if (::ZSTD_isError(left) != 0) {
      step.problem = ::ZSTD_getErrorName(left);
    } else {
      whole_ = left == 0;
    }
    return step;
  }
  bool whole() const override { return whole_; }
  const char* name() const override { return "zstd"; }

 private:
  ZSTD_DStream* stream_;
  bool whole_ = true;
};

std::unique_ptr<RecordingBytes::Unpacker> unpacker_of(std::string_view bytes) {
  if (bytes.starts_with("\x1f\x8b")) {
    return std::make_unique<Gzip>();
  }
  if (bytes.starts_with("\x28\xb5\x2f\xfd")) {
    return std::make_unique<Zstd>();
  }
  return nullptr;
}

}  // namespace

RecordingBytes::RecordingBytes(const std::string& path)
    : path_(path), name_(shown_path(path)), file_(open_regular_file(path)) {
  file_bytes_ = static_cast<std::uint64_t>(file_.status.st_size);
  char signature[4];
  const std::size_t count = read_file(signature);
  at_ = 0;
  unpacker_ = unpacker_of({signature, count});
  std::string start(packed() ? kStartBytes : std::min<std::uint64_t>(kStartBytes, file_bytes_), '\0');
  start.resize(read(start));
  start_ = std::move(start);
}

RecordingBytes::~RecordingBytes() = default;

std::size_t RecordingBytes::read(std::span<char> out) {
  const std::size_t known = std::min(start_.size() - start_used_, out.size());
  std::copy_n(start_.data() + start_used_, known, out.data());
  start_used_ += known;
  out = out.subspan(known);
  return known + (packed() ? produce(out) : read_file(out));
}

std::size_t RecordingBytes::read_file(std::span<char> out) {
  std::size_t used = 0;
  while (used < out.size()) {
    const ssize_t count =
        ::pread(file_.descriptor.get(), out.data() + used, out.size() - used, static_cast<off_t>(at_));
    if (count < 0 && errno != EINTR) {
      throw Error(ErrorKind::missing_input,
                  fmt::format("{}: error: it cannot be read: {}; expected a file that can be read "
                              "[file-unreadable]",
                              name_, system_text(errno)));
    }
    if (count == 0) {
      break;
    }
    const auto got = count > 0 ? static_cast<std::size_t>(count) : 0;
    used += got;
    at_ += got;
  }
  check_unchanged();
  return used;
}

void RecordingBytes::check_unchanged() const {
  struct stat status {};
  const bool same = ::fstat(file_.descriptor.get(), &status) == 0 && status.st_size == file_.status.st_size &&
                    status.st_mtim.tv_sec == file_.status.st_mtim.tv_sec &&
                    status.st_mtim.tv_nsec == file_.status.st_mtim.tv_nsec;
  if (!same) {
    throw Error(ErrorKind::bad_data,
                fmt::format("{}: error: the file changed while it was read; expected a file that nobody "
                            "writes to [file-changed]",
                            name_));
  }
}

std::size_t RecordingBytes::produce(std::span<char> out) {
  Unpacker& u = *unpacker_;
  std::size_t used = 0;
  while (used < out.size()) {
    if (u.begin == u.end && !u.ended) {
      u.piece.resize(std::min<std::uint64_t>(kPieceBytes, file_bytes_));
      u.begin = 0;
      u.end = read_file(u.piece);
      u.ended = u.end == 0 || at_ == file_bytes_;
    }
    if (u.begin == u.end && u.whole()) {
      break;
    }
    const Unpacker::Step step =
        u.step({u.piece.data() + u.begin, u.end - u.begin}, out.subspan(used, out.size() - used));
    const bool stuck = step.used == 0 && step.made == 0;
    u.begin += step.used;
    used += step.made;
    produced_ += step.made;
    const std::uint64_t place = at_ - (u.end - u.begin);
    if (!step.problem.empty() || (stuck && (u.ended || u.begin < u.end))) {
      refuse_recording(
          name_, {.what = fmt::format("byte {} of the packed file: {}", place,
                                      step.problem.empty() ? "the packed data end" : step.problem),
                  .expected = fmt::format("{} data to their end", u.name()),
                  .short_name = "recording-packed",
                  .help = fmt::format("`{} -t FILE` tests it; files packed with windows above 8 MiB (zstd "
                                      "--long, --ultra) are refused",
                                      u.name())});
    }
    if (produced_ > kMostUnpacked || (produced_ > kFreeBytes && produced_ / kMostRatio > file_bytes_)) {
      refuse_recording(name_, {.what = fmt::format("{} bytes packed unfold to more than {}", file_bytes_,
                                                   std::min(kMostUnpacked, file_bytes_ * kMostRatio)),
                               .expected = "at most 1,000 times the packed length and 64 GiB",
                               .short_name = "recording-packed",
                               .help = "unpack it yourself where it is what you expect"});
    }
  }
  return used;
}

bool begins_as_safetensors(std::string_view start) {
  constexpr std::string_view kHighBytes("\0\0\0\0", 4);  // no header is 4 GiB long
  return start.size() > 8 && start.substr(4, 4) == kHighBytes && start[8] == '{';
}

}  // namespace moesim
