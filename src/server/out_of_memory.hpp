// What the program does when the system gives it no more memory, whatever its own ceiling says
// (limits.memory_bytes): it says so and ends with 71, from any thread and at once. What was
// acknowledged is kept; going on with half of a change done would be a guess.
#pragma once

namespace starling::server {

void end_when_memory_ends();  // once, at the start

}  // namespace starling::server
