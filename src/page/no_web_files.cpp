// Linked in place of the generated file where the build found no npm.

#include "page/web_files.h"

namespace moesim {

const WebFiles* web_files() {
  return nullptr;
}

}  // namespace moesim
