// Commands that need the settings, and the options by which they are told.
#pragma once

#include <functional>
#include <vector>

#include "server/commands/command.hpp"
#include "server/settings.hpp"

namespace starling::server {

Parameter config_option();
Parameter data_dir_option();
Parameter json_flag();

// The settings from all sources, the strongest last: the file that --config names, credentials, the
// environment, the options that set a key.
Settings gather(const std::vector<Parameter>& parameters, const Given& given);

// Says every mistake; returns exit_config.
int report(const Settings& settings);

// What a command does with settings that hold no mistake; those that do are reported.
using WithSettings = std::function<int(const Settings&, const Given&)>;
Command with_settings(Command command, WithSettings action);

}  // namespace starling::server
