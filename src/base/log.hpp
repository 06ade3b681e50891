// Log lines: an event, a sentence and fields. Never message text, tokens or e-mail addresses.
//
// Written by a thread of the logging library behind a bounded queue: a caller never waits, and what
// does not fit is dropped and counted. Not for the path of a message.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace starling::base {

enum class LogLevel : std::uint8_t { debug, info, warning, error };

struct LogField {
  std::string_view key;
  std::string value;
};

// "debug", "info", "warning" or "error"; false for anything else.
bool parse_log_level(std::string_view text, LogLevel& level);

// Before the first line, from the main thread. Where standard error is the journal, fields of it
// (base/journal.hpp); coloured text on a terminal; JSON lines elsewhere.
void start_logging(LogLevel level);

// Waits until everything logged so far has been written. From the main thread, at the end. False:
// nobody has read it for three seconds; a thread still waits for that, and the process has to end
// by _exit(2).
[[nodiscard]] bool stop_logging();

// From now on. Any thread, between the two above.
void set_log_level(LogLevel level);

// How many lines found no room in the queue, or were refused by the journal. Any thread.
std::uint64_t dropped_log_lines();

// Any thread. Before start_logging() and after stop_logging() lines go straight to standard error.
void log(LogLevel level, std::string_view sentence, std::initializer_list<LogField> fields = {});

}  // namespace starling::base
