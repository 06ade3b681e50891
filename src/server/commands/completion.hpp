// Scripts by which shells complete the program's command lines, from the table of commands.
#pragma once

#include <string>

namespace starling::server {

// "bash", "zsh" or "fish".
std::string completion_script(const std::string& shell);

}  // namespace starling::server
