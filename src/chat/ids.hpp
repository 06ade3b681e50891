// Identifiers and the text that may stand in them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace starling::chat {

using UserId = std::uint64_t;     // 1 to max_id; 0: nobody
using MessageId = std::uint64_t;  // 1 to max_id, unique in the archive; order is Seq, not this
using Seq = std::uint64_t;        // 1, 2, 3, ... in a room, without holes

inline constexpr std::uint64_t max_id = (std::uint64_t{1} << 53) - 1;  // exact as a JSON number

inline constexpr std::size_t max_room_id_bytes = 50;
inline constexpr std::size_t max_username_characters = 50;
inline constexpr std::size_t max_email_bytes = 254;  // RFC 5321, 4.5.3.1.3
inline constexpr std::size_t max_client_message_id_bytes = 64;
inline constexpr std::size_t max_ref_bytes = 64;
inline constexpr std::size_t max_message_type_bytes = 20;
inline constexpr std::size_t max_metadata_bytes = 65'536;  // limits.metadata_bytes is at most this
inline constexpr std::size_t min_password_bytes = 8;
inline constexpr std::size_t max_password_bytes = 256;

// 1 to 50 of: letters, digits, '-', '_', '.' (ASCII).
bool valid_room_id(std::string_view room);
// 1 to 50 characters of valid UTF-8, no control characters, none of < > & " ', no space at an end.
bool valid_username(std::string_view name);
// Something @ something, at most 254 bytes, no spaces or control characters. No more: only mail
// that arrives proves an address.
bool valid_email(std::string_view email);
// 1 to 64 bytes of printable ASCII.
bool valid_client_message_id(std::string_view id);
// 1 to 20 of: lower-case letters, digits, '-', '_'.
bool valid_message_type(std::string_view type);

}  // namespace starling::chat
