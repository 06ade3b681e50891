#include "store/numbering_rows.hpp"

#include <algorithm>
#include <utility>

#include "store/rows.hpp"

namespace starling::store {
namespace {

// Users that another backend names may have any id; ours go on below this.
constexpr std::int64_t own_user_ids_end = std::int64_t{1} << 52;

std::string select_event(std::string_view where) {
  return "SELECT " + std::string{event_columns} + " FROM messages WHERE " + std::string{where};
}

std::string select_user(std::string_view where) {
  return "SELECT " + std::string{user_columns} + " FROM users WHERE " + std::string{where};
}

// The first row as a value.
template <typename Make>
auto only(Statement& statement, Make make) -> std::optional<decltype(make(statement))> {
  std::optional<decltype(make(statement))> found;
  if (statement.step()) found = make(statement);
  statement.reset();
  return found;
}

std::uint64_t first_number(const Statement& row) { return row.natural(0); }
chat::Event first_event(const Statement& row) { return event_of(row); }
std::string first_text(const Statement& row) { return std::string{row.text(0)}; }

}  // namespace

NumberingRows::NumberingRows(Database& database)
    : database_(database),
      find_room_(database,
                 "SELECT head, messages, deleted, last_id, members FROM rooms WHERE id = ?"),
      find_username_(database, "SELECT username FROM users WHERE id = ?"),
      find_user_(database, select_user("id = ?")),
      find_user_by_name_(database, select_user("username_key = ?")),
      find_same_user_(
          database, select_user("id = ? AND created_at = ? AND username_key = ? AND email = ? AND "
                                "password_hash = ?")),
      next_user_id_(database, "SELECT max(id) + 1 FROM users WHERE id < ?"),
      insert_user_(database,
                   "INSERT INTO users (id, username, username_key, email, password_hash, "
                   "created_at) VALUES (?, ?, ?, ?, ?, ?)"),
      set_status_(database, "UPDATE users SET is_online = ?, last_seen_at = ? WHERE id = ?"),
      find_repeat_(database,
                   select_event("room_id = ? AND sender_id = ? AND client_message_id = ?")),
      find_event_(database, select_event("id = ?")),
      insert_event_(database, "INSERT INTO messages (" + std::string{inserted_event_columns} +
                                  ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      empty_message_(database,
                     "UPDATE messages SET deleted = 1, content = '', metadata = '' WHERE id = ?"),
      find_member_(database, "SELECT 1 FROM members WHERE user_id = ? AND room_id = ?"),
      count_memberships_(database, "SELECT count(*) FROM members WHERE user_id = ?"),
      insert_member_(database, "INSERT INTO members VALUES (?, ?, ?, ?)"),
      delete_member_(database, "DELETE FROM members WHERE user_id = ? AND room_id = ?"),
      read_of_member_(database, "SELECT read_seq FROM members WHERE user_id = ? AND room_id = ?"),
      mark_read_(database,
                 "UPDATE members SET read_seq = ? WHERE user_id = ? AND room_id = ? AND "
                 "read_seq < ?"),
      count_up_to_(
          database,
          "SELECT messages_before + (kind = 0) FROM messages WHERE room_id = ? AND seq = ?"),
      find_restriction_(database,
                        "SELECT 1 FROM restrictions WHERE user_id = ? AND room_id IN (?, '*') AND "
                        "(kind = 'ban' OR ?) AND (until = 0 OR until > ?) LIMIT 1"),
      any_restriction_query_(database, "SELECT EXISTS (SELECT 1 FROM restrictions)"),
      insert_revoked_(database, std::string{database.insert_or_ignore()} +
                                    " INTO revoked_tokens VALUES (?, ?, ?)"),
      expire_revoked_(database, "DELETE FROM revoked_tokens WHERE expires_at <= ?") {}

void NumberingRows::begin(base::WallMs now, std::span<const WriteRequestWithTicket>) {
  now_ = now;
  any_restriction_ = only(any_restriction_query_.with(), first_number).value_or(0) != 0;
}

// ---- rooms and events ------------------------------------------------------------------------

std::optional<RoomState> NumberingRows::find_room(const std::string& name) {
  return only(find_room_.with(name), [](const Statement& row) {
    return RoomState{true,           row.natural(0), row.natural(1), row.natural(2),
                     row.natural(3), row.integer(4), false};
  });
}

std::optional<chat::Event> NumberingRows::find_repeat(const RoomAndUser& place,
                                                      const std::string& key) {
  return only(find_repeat_.with(place.first, place.second, key), first_event);
}

std::optional<chat::Event> NumberingRows::find_event(chat::MessageId id) {
  return only(find_event_.with(id), first_event);
}

void NumberingRows::insert_event(const chat::Event& event, const std::string& key) {
  insert_event_
      .with(event.id, event.room, event.seq, static_cast<int>(event.kind), event.sender,
            event.sender_name, event.content, event.message_type, event.metadata, key,
            event.timestamp, event.messages_before, event.previous, event.of_seq, event.of_id)
      .execute();
}

void NumberingRows::empty_message(chat::MessageId id) { empty_message_.with(id).execute(); }

std::uint64_t NumberingRows::messages_up_to(const std::string& room, chat::Seq seq) {
  return only(count_up_to_.with(room, seq), first_number).value_or(0);
}

// ---- members ---------------------------------------------------------------------------------

bool NumberingRows::is_member(const RoomAndUser& place) {
  return only(find_member_.with(place.second, place.first), first_number).has_value();
}

bool NumberingRows::is_restricted(const RoomAndUser& place, bool also_muted) {
  if (!any_restriction_) return false;
  find_restriction_.with(place.second, place.first, also_muted, now_);
  return only(find_restriction_, first_number).has_value();
}

std::uint64_t NumberingRows::count_memberships(chat::UserId user) {
  return only(count_memberships_.with(user), first_number).value_or(0);
}

void NumberingRows::insert_member(const RoomAndUser& place, chat::Seq read) {
  insert_member_.with(place.second, place.first, now_, read).execute();
}

void NumberingRows::delete_member(const RoomAndUser& place) {
  delete_member_.with(place.second, place.first).execute();
}

chat::Seq NumberingRows::read_of_member(const RoomAndUser& place) {
  return only(read_of_member_.with(place.second, place.first), first_number).value_or(0);
}

void NumberingRows::mark_read(const RoomAndUser& place, chat::Seq seq) {
  mark_read_.with(seq, place.second, place.first, seq).execute();
}

// ---- users -----------------------------------------------------------------------------------

std::optional<std::string> NumberingRows::find_username(chat::UserId user) {
  return only(find_username_.with(user), first_text);
}

std::optional<chat::User> NumberingRows::find_user(chat::UserId user) {
  return only(find_user_.with(user), user_of);
}

bool NumberingRows::name_taken(const std::string& folded_name) {
  return only(find_user_by_name_.with(folded_name), first_number).has_value();
}

std::optional<chat::User> NumberingRows::find_same_user(chat::UserId user, base::WallMs created_at,
                                                        const std::string& folded_name,
                                                        const std::string& email,
                                                        const std::string& password_hash) {
  return only(find_same_user_.with(user, created_at, folded_name, email, password_hash), user_of);
}

chat::UserId NumberingRows::next_user_id() {
  const auto next = only(next_user_id_.with(own_user_ids_end), first_number);
  return std::max<chat::UserId>(1, next.value_or(1));
}

void NumberingRows::insert_user(const chat::User& user, const std::string& folded_name,
                                const std::string& password_hash) {
  insert_user_.with(user.id, user.username, folded_name, user.email, password_hash, user.created_at)
      .execute();
}

void NumberingRows::set_status(chat::UserId user, bool online) {
  set_status_.with(online, now_, user).execute();
}

void NumberingRows::revoke(const chat::RevokeToken& token) {
  expire_revoked_.with(now_).execute();
  insert_revoked_.with(token.token_id, token.user, token.expires).execute();
}

}  // namespace starling::store
