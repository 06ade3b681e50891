// The commands, each made by the file that does what it says.
#pragma once

#include "server/commands/command.hpp"

namespace starling::server {

Command backup_command();
Command check_command();
Command completion_command();
Command config_command();
Command doctor_command();
Command drain_command();
Command help_command();
Command log_level_command();
Command migrate_command();
Command reload_command();
Command restore_command();
Command serve_command();
Command status_command();
Command store_command();
Command token_command();
Command user_command();
Command version_command();

}  // namespace starling::server
