// Manuals from the table of commands and the table of settings.
#pragma once

#include <string>

namespace starling::server {

// starling(8) and starling.toml(5), in man(7)'s language.
std::string command_manual();
std::string settings_manual();

// docs/command-line.md.
std::string command_page();

}  // namespace starling::server
