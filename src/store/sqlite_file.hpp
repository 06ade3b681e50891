// The files of a SQLite database, while no server has them.
#pragma once

#include <string>

#include "base/result.hpp"

namespace starling::store {

bool file_exists(const std::string& path);

// "what: why", with the errno(3).
tl::unexpected<base::Error> file_failure(const std::string& what, int error);

// With the logs beside it; what is not there is no failure.
void remove_database(const std::string& path);

// Gives a whole, closed database its name, which nobody may have (EEXIST); `partial` is gone
// afterwards in any case.
base::Result<void> name_database(const std::string& partial, const std::string& target);

// What a rename in the folder of `path` has done survives a loss of power.
void sync_folder_of(const std::string& path);

}  // namespace starling::store
