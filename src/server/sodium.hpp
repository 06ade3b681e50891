// libsodium, before its first use: random numbers, password hashes, signatures.
#pragma once

namespace starling::server {

// From the main thread, any number of times. Where the system has no random numbers the library can
// do nothing, now or later: the process then says so and ends with 70.
void start_sodium();

}  // namespace starling::server
