// What commands say: what was asked for on standard output, what went wrong on standard error.
#pragma once

#include <string>

#include "base/result.hpp"

namespace starling::server {

// Returns exit_ok.
int print(const std::string& text);

// Says what went wrong, and returns `code`.
int fail(int code, const std::string& message);

// Of what was done with files or databases, by errno(3): ENOENT, EEXIST, EBADMSG, EBUSY and
// EHOSTUNREACH have codes of their own, exit_io is for the rest.
int exit_code_of(const base::Error& error);

// What is wrong with the command line, and where help is; returns exit_usage.
int usage_error(const std::string& what);

}  // namespace starling::server
