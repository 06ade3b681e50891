// What the simulated database understands of MySQL's words.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace starling::sim {

// The statement in SQLite's words.
std::string translated(std::string_view statement);

// Takes `end` off the statement's end. False: it ends otherwise.
bool take_off(std::string& sql, std::string_view end);

// Of a locking read: the table that it is about, and where it names one row, that row's key.
std::string table_of(const std::string& sql);
std::string quoted_key_of(const std::string& sql);

// What SET SESSION gives the setting of that name; nothing: another one.
std::optional<unsigned> setting(std::string_view sql, std::string_view name);

}  // namespace starling::sim
