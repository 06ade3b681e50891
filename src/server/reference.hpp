// What the table of settings says, in the forms that people read.
#pragma once

#include <string>

#include "server/settings.hpp"

namespace starling::server {

// A configuration file with every key, its default behind a #.
std::string default_toml();

// docs/configuration.md.
std::string configuration_page();

// All settings as TOML; with origins, where each comes from stands behind it. Secrets are hidden.
std::string settings_as_toml(const Settings& settings, bool with_origins);
// {"server.port": {"value": 8080, "origin": "default"}, ...}
std::string settings_as_json(const Settings& settings);

}  // namespace starling::server
