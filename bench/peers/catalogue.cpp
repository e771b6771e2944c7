#include "bench/peers/peer.h"
#include "core/error.h"

namespace moesim::bench {

const std::vector<std::string>& peer_names() {
  static const std::vector<std::string> names = {"moesim", "onednn", "openblas", "eigen", "pytorch"};
  return names;
}

std::unique_ptr<Peer> make_peer(const std::string& name, const PeerSettings& settings) {
  if (name == "moesim") {
    return make_executor_peer("moesim", "tiled", settings.context);
  }
  if (name == "onednn") {
    return make_executor_peer("onednn", "onednn", settings.context);
  }
  if (name == "openblas") {
    return make_openblas_peer(settings.context);
  }
  if (name == "eigen") {
    return make_eigen_peer(settings.context);
  }
  MOESIM_CHECK(name == "pytorch", "a peer that is not in the list");
  return make_pytorch_peer(settings);
}

}  // namespace moesim::bench
