// The table of all commands.
#pragma once

#include <string>
#include <vector>

#include "server/commands/command.hpp"

namespace starling::server {

// In the order in which help shows them.
const std::vector<Command>& all_commands();

// By its words ("config show"); nullptr: there is none.
const Command* find_command(const std::string& words);

}  // namespace starling::server
