#include "store/rows.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <string>

namespace starling::store {

std::string own_key(chat::MessageId id) { return own_key_mark + std::to_string(id); }

chat::Event event_of(const Statement& row, int first) {
  chat::Event event;
  event.id = row.natural(first);
  event.room = row.text(first + 1);
  event.seq = row.natural(first + 2);
  event.kind = row.integer(first + 3) == 0 ? chat::EventKind::message : chat::EventKind::deletion;
  event.sender = row.natural(first + 4);
  event.sender_name = row.text(first + 5);
  event.content = row.text(first + 6);
  event.message_type = row.text(first + 7);
  event.metadata = row.text(first + 8);
  const std::string_view key = row.text(first + 9);
  if (!key.empty() && key.front() != own_key_mark && key.front() != deletion_key_mark) {
    event.client_message_id = key;
  }
  event.timestamp = row.integer(first + 10);
  event.messages_before = row.natural(first + 11);
  event.of_seq = row.natural(first + 12);
  event.of_id = row.natural(first + 13);
  event.deleted = row.integer(first + 14) != 0;
  event.previous = row.natural(first + 15);
  return event;
}

chat::User user_of(const Statement& row) {
  chat::User user;
  user.id = row.natural(0);
  user.username = row.text(1);
  user.email = row.text(2);
  user.created_at = row.integer(3);
  user.last_seen_at = row.integer(4);
  user.online = row.integer(5) != 0;
  return user;
}

chat::RevokeToken revoked_of(const Statement& row) {
  return {std::string{row.text(0)}, row.natural(1), row.integer(2)};
}

std::vector<chat::RevokeToken> revoked_tokens(Database& database) {
  std::vector<chat::RevokeToken> tokens;
  Statement rows{database, "SELECT " + std::string{revoked_columns} + " FROM revoked_tokens"};
  while (rows.step()) tokens.push_back(revoked_of(rows));
  return tokens;
}

std::vector<chat::RevokeToken> unexpired(std::vector<chat::RevokeToken> tokens, base::WallMs now) {
  std::erase_if(tokens, [now](const chat::RevokeToken& token) { return token.expires <= now; });
  return tokens;
}

std::uint64_t unread_of(std::uint64_t messages, std::uint64_t messages_up_to_read) {
  return std::min(chat::max_unread, messages - std::min(messages, messages_up_to_read));
}

std::string fold_name(std::string_view name) {
  std::string terminated{name};
  utf8proc_uint8_t* folded =
      utf8proc_NFKC_Casefold(reinterpret_cast<const utf8proc_uint8_t*>(terminated.c_str()));
  if (!folded) return terminated;  // not UTF-8: cannot be a valid name, compares as it is
  std::string result{reinterpret_cast<const char*>(folded)};
  std::free(folded);
  return result;
}

}  // namespace starling::store
