#include "chat/ids.hpp"

#include <algorithm>

namespace starling::chat {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

// The characters of valid UTF-8: bytes that continue none.
std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u; }));
}

bool is_control(std::string_view text, std::size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte < 0x20 || byte == 0x7f) return true;
  // U+0080 to U+009F
  return byte == 0xc2 && at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) < 0xa0;
}

}  // namespace

bool valid_room_id(std::string_view room) {
  return !room.empty() && room.size() <= max_room_id_bytes && std::ranges::all_of(room, [](char c) {
    return is_digit(c) || is_lower(c) || is_upper(c) || c == '-' || c == '_' || c == '.';
  });
}

bool valid_username(std::string_view name) {
  constexpr std::string_view refused = "<>&\"'";
  if (name.empty() || name.front() == ' ' || name.back() == ' ') return false;
  if (characters(name) > max_username_characters) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (is_control(name, i) || refused.find(name[i]) != std::string_view::npos) return false;
  }
  return true;
}

bool valid_email(std::string_view email) {
  if (email.size() > max_email_bytes) return false;
  const std::size_t at = email.rfind('@');
  if (at == std::string_view::npos || at == 0 || at + 1 == email.size()) return false;
  for (std::size_t i = 0; i < email.size(); ++i) {
    if (email[i] == ' ' || is_control(email, i)) return false;
  }
  return true;
}

bool valid_client_message_id(std::string_view id) {
  return !id.empty() && id.size() <= max_client_message_id_bytes &&
         std::ranges::all_of(id, [](char c) { return c > ' ' && c < 0x7f; });
}

bool valid_message_type(std::string_view type) {
  return !type.empty() && type.size() <= max_message_type_bytes &&
         std::ranges::all_of(
             type, [](char c) { return is_digit(c) || is_lower(c) || c == '-' || c == '_'; });
}

}  // namespace starling::chat
