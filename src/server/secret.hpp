// The key that signs tokens.
#pragma once

#include <string>

#include "api/identity.hpp"
#include "base/result.hpp"
#include "starling/config.hpp"

namespace starling::server {

// From auth.public_key_file, auth.secret, or DATA/secret, which is made (0600, 256 random bits) if
// it is missing.
base::Result<api::TokenKeys> load_token_keys(const Config& config);

}  // namespace starling::server
