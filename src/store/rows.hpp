// Rows of the archive as values; shared by the writer and the readers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "chat/archive.hpp"
#include "chat/event.hpp"
#include "store/database.hpp"

namespace starling::store {

// The columns of `messages` that event_of() reads, in its order.
inline constexpr std::string_view event_columns =
    "id, room_id, seq, kind, sender_id, sender_name, content, message_type, metadata, "
    "client_message_id, created_at, messages_before, of_seq, of_id, deleted, prev_id";

// The columns that NumberingRows::insert_event() fills, in its order.
inline constexpr std::string_view inserted_event_columns =
    "id, room_id, seq, kind, sender_id, sender_name, content, message_type, metadata, "
    "client_message_id, created_at, messages_before, prev_id, of_seq, of_id";

// A key that the server makes begins with a character that no client's key may hold.
inline constexpr char own_key_mark = '\x01';
inline constexpr char deletion_key_mark = '\x02';
// Of a message that came without a key.
std::string own_key(chat::MessageId id);

// In `meta` while a copy into this database is not whole (store/copy.hpp).
inline constexpr std::string_view unfinished_copy = "unfinished_copy";

// `first`: the column where they begin.
chat::Event event_of(const Statement& row, int first = 0);

// The columns of `users` that user_of() reads.
inline constexpr std::string_view user_columns =
    "id, username, email, created_at, last_seen_at, is_online";
chat::User user_of(const Statement& row);

// The columns of `revoked_tokens` that revoked_of() reads.
inline constexpr std::string_view revoked_columns = "token_id, user_id, expires_at";
chat::RevokeToken revoked_of(const Statement& row);
// All of them, expired ones too. A failure stays with the database.
std::vector<chat::RevokeToken> revoked_tokens(Database& database);
std::vector<chat::RevokeToken> unexpired(std::vector<chat::RevokeToken> tokens, base::WallMs now);

// Whether a row of `users` is banned from every room at a time that is the parameter: such a user
// does not get in by a password either.
inline constexpr std::string_view banned_everywhere =
    "EXISTS (SELECT 1 FROM restrictions r WHERE r.user_id = users.id AND r.room_id = '*' AND "
    "r.kind = 'ban' AND (r.until = 0 OR r.until > ?))";

// How many messages of a room lie behind what was read.
std::uint64_t unread_of(std::uint64_t messages, std::uint64_t messages_up_to_read);

// A user name's form for comparing: NFKC, case folded (Unicode's toNFKC_Casefold).
std::string fold_name(std::string_view name);

}  // namespace starling::store
