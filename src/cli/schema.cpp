// moesim schema: what editors and other programs need to know of our files.

#include "cli/session.h"
#include "engine/experiment.h"
#include "io/files.h"
#include "report/config_schema.h"

namespace moesim {

int schema_command(const std::string& what) {
  parse_choice_option("moesim schema", what, {"config"});
  write_stdout(render_config_schema(config_sections(), router_preset_names()));
  return 0;
}

}  // namespace moesim
