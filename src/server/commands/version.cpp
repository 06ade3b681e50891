#include "server/commands/commands.hpp"

#include "server/commands/output.hpp"
#include "server/commands/with_settings.hpp"
#include "starling/version.hpp"

namespace starling::server {
namespace {

int run(const Given& given) {
  const std::string number = starling::version;
  return print(given.has("--json") ? "{\"version\":\"" + number + "\"}\n"
                                   : "starling " + number + "\n");
}

}  // namespace

Command version_command() {
  return {.name = "version",
          .help = "Print the version",
          .group = "Other",
          .parameters = {json_flag()},
          .run = run};
}

}  // namespace starling::server
