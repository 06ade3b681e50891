// FNV-1a, 64 bits: tells a changed text from an unchanged one where nobody attacks it (the steps of
// a schema, rows that were copied).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace starling::store {

std::uint64_t hash_of(std::string_view text);
std::string as_hex(std::uint64_t number);     // 16 digits
std::string checksum(std::string_view text);  // both

}  // namespace starling::store
