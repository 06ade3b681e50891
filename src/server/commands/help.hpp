// What the table of commands says, on a screen.
#pragma once

#include <string>

namespace starling::server {

// "config show": its help, at most a screen; without words, that of the program.
std::string help_text(const std::string& words);

}  // namespace starling::server
