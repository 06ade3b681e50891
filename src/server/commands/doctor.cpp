#include "server/doctor.hpp"

#include "server/commands/commands.hpp"
#include "server/commands/output.hpp"
#include "server/commands/with_settings.hpp"

namespace starling::server {

Command doctor_command() {
  return with_settings(
      {.name = "doctor",
       .help = "Look at this host, archive, broker and the running server",
       .group = "Run",
       .parameters = {config_option(), data_dir_option(), json_flag()},
       .notes = "Each finding is a line with cause and cure. Ends with 0 if a server can do its\n"
                "work, else with the exit code of what stands in its way."},
      [](const Settings& settings, const Given& given) {
        const std::vector<Finding> findings = examine_all(settings.config());
        print(given.has("--json") ? findings_json(findings) : findings_text(findings));
        return exit_code_of(findings);
      });
}

}  // namespace starling::server
