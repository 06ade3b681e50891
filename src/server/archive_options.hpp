// What the settings say about the archive, as src/store wants it.
#pragma once

#include <optional>

#include "base/result.hpp"
#include "starling/config.hpp"
#include "store/archive.hpp"

namespace starling::server {

// Encoder and listener are the caller's. Fails with what is wrong, never with a password.
base::Result<store::ArchiveOptions> archive_options(const Config& config);

}  // namespace starling::server
