// A password that is typed, piped in, or in a file; never on the command line, which others see.
#pragma once

#include <string>

#include "base/result.hpp"
#include "server/commands/command.hpp"

namespace starling::server {

Parameter password_file_option();

// From the file that --password-file names; else from standard input: asked for twice and not shown
// where that is a terminal, its first line where it is not. Fails with what is wrong with it.
base::Result<std::string> read_password(const Given& given);

}  // namespace starling::server
