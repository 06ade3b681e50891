#include "server/commands/commands.hpp"

#include "server/commands/output.hpp"
#include "server/commands/with_settings.hpp"
#include "server/reference.hpp"

namespace starling::server {

Command config_command() {
  Command show = with_settings(
      {.name = "show",
       .help = "Show what holds, by file, environment and defaults",
       .parameters = {config_option(),
                      {.name = "--origin", .help = "And where each value comes from"},
                      {.name = "--json", .help = "As a JSON object, with origins"}},
       .notes = "Secrets are never shown."},
      [](const Settings& settings, const Given& given) {
        return print(given.has("--json") ? settings_as_json(settings)
                                         : settings_as_toml(settings, given.has("--origin")));
      });
  Command usual{.name = "default",
                .help = "Print a file with every key and its default",
                .run = [](const Given&) { return print(default_toml()); }};
  return {.name = "config",
          .help = "Show settings",
          .group = "Other",
          .commands = {std::move(show), std::move(usual)}};
}

}  // namespace starling::server
