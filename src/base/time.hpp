// The two clocks of the server as values. Only src/io reads a clock; everybody else is told.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace starling::base {

using Duration = std::chrono::nanoseconds;

// A point of CLOCK_MONOTONIC: for deadlines and durations, never told to anybody.
using Instant = std::chrono::time_point<std::chrono::steady_clock, Duration>;

// Milliseconds since 1970-01-01T00:00:00Z: told to people and stored, never used for order.
using WallMs = std::int64_t;

// "2026-11-24T08:05:43.120Z": ISO 8601 in UTC with milliseconds, 24 characters for the years
// 0000 to 9999; times outside of them are clamped to that range.
void append_iso8601(std::string& out, WallMs time);

// "Sun, 06 Nov 1994 08:49:37 GMT": as HTTP tells a time (RFC 9110, section 5.6.7), 29 characters;
// clamped like the above.
void append_http_date(std::string& out, WallMs time);

}  // namespace starling::base
