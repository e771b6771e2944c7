#include "io/recording_sink.h"

#include <fmt/format.h>
#include <zstd.h>

#include "core/error.h"

namespace moesim {

struct RecordingSink::Packer {
  Packer() : stream(::ZSTD_createCStream()), out(::ZSTD_CStreamOutSize()) {
    MOESIM_CHECK(stream != nullptr, "no memory for packing");
    ::ZSTD_CCtx_setParameter(stream, ZSTD_c_checksumFlag, 1);
  }
  ~Packer() { ::ZSTD_freeCStream(stream); }
  Packer(const Packer&) = delete;
  Packer& operator=(const Packer&) = delete;

  ZSTD_CStream* stream;
  std::vector<char> out;
};

RecordingSink::RecordingSink(const std::string& path) : file_(path) {
  if (path.ends_with(".zst")) {
    packer_ = std::make_unique<Packer>();
  }
}

RecordingSink::~RecordingSink() = default;

void RecordingSink::write(std::string_view bytes) {
  if (packer_ != nullptr) {
    pack(bytes, false);
  } else {
    file_.write(bytes);
  }
}

void RecordingSink::pack(std::string_view bytes, bool last) {
  ZSTD_inBuffer from{bytes.data(), bytes.size(), 0};
  std::size_t left = 0;
  do {
    ZSTD_outBuffer to{packer_->out.data(), packer_->out.size(), 0};
    left = ::ZSTD_compressStream2(packer_->stream, &to, &from, last ? ZSTD_e_end : ZSTD_e_continue);
    MOESIM_CHECK(::ZSTD_isError(left) == 0, "zstd failed to pack");
    file_.write({packer_->out.data(), to.pos});
  } while (last ? left != 0 : from.pos != from.size);
}

void RecordingSink::close() {
  if (packer_ != nullptr) {
    pack({}, true);
  }
  file_.close();
}

}  // namespace moesim
