// FNV-1a, 64 bits, as text: tells a changed step of a schema from an unchanged one; nobody attacks
// it.
#pragma once

#include <string>
#include <string_view>

namespace starling::store {

std::string checksum(std::string_view text);

}  // namespace starling::store
