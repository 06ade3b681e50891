#include "store/numbering.hpp"

#include <algorithm>
#include <variant>

#include "store/rows.hpp"

namespace starling::store {
namespace {

using chat::Failure;
using chat::FailureCode;

constexpr std::int64_t id_block = 10'000;
// Users that another backend names may have any id; ours go on below this.
constexpr std::int64_t own_user_ids_end = std::int64_t{1} << 52;

std::string select_event(std::string_view where) {
  return "SELECT " + std::string{event_columns} + " FROM messages WHERE " + std::string{where};
}

std::string select_user(std::string_view where) {
  return "SELECT " + std::string{user_columns} + " FROM users WHERE " + std::string{where};
}

chat::MessagePosted posted_of(const chat::Event& event, bool duplicate) {
  return {event.id,        event.seq, event.room, event.client_message_id,
          event.timestamp, duplicate, 0,          event};
}

}  // namespace

Numbering::Numbering(Database& database, std::uint64_t epoch)
    : database_(database),
      epoch_(epoch),
      find_room_(database,
                 "SELECT head, messages, deleted, last_id, members FROM rooms WHERE id = ?"),
      store_room_(database,
                  "INSERT INTO rooms (id, head, messages, deleted, last_id, members, created_at) "
                  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO UPDATE SET head = ?2, "
                  "messages = ?3, deleted = ?4, last_id = ?5, members = ?6"),
      find_username_(database, "SELECT username FROM users WHERE id = ?"),
      find_user_(database, select_user("id = ?")),
      find_user_by_name_(database, select_user("username_key = ?")),
      next_user_id_(database, "SELECT max(id) + 1 FROM users WHERE id < ?"),
      insert_user_(database,
                   "INSERT INTO users (id, username, username_key, email, password_hash, "
                   "created_at) VALUES (?, ?, ?, ?, ?, ?)"),
      set_status_(database, "UPDATE users SET is_online = ?, last_seen_at = ? WHERE id = ?"),
      find_repeat_(database,
                   select_event("room_id = ? AND sender_id = ? AND client_message_id = ?")),
      find_event_(database, select_event("id = ?")),
      insert_event_(database,
                    "INSERT INTO messages (id, room_id, seq, kind, sender_id, sender_name, "
                    "content, message_type, metadata, client_message_id, created_at, "
                    "messages_before, prev_id, of_seq, of_id) VALUES "
                    "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      empty_message_(database,
                     "UPDATE messages SET deleted = 1, content = '', metadata = '' WHERE id = ?"),
      find_member_(database, "SELECT 1 FROM members WHERE user_id = ? AND room_id = ?"),
      insert_member_(database, "INSERT INTO members VALUES (?, ?, ?, ?)"),
      delete_member_(database, "DELETE FROM members WHERE user_id = ? AND room_id = ?"),
      read_of_member_(database, "SELECT read_seq FROM members WHERE user_id = ? AND room_id = ?"),
      mark_read_(
          database,
          "UPDATE members SET read_seq = max(read_seq, ?) WHERE user_id = ? AND room_id = ?"),
      count_up_to_(
          database,
          "SELECT messages_before + (kind = 0) FROM messages WHERE room_id = ? AND seq = ?"),
      find_restriction_(database,
                        "SELECT 1 FROM restrictions WHERE user_id = ? AND room_id IN (?, '*') AND "
                        "(kind = 'ban' OR ?) AND (until = 0 OR until > ?) LIMIT 1"),
      any_restriction_query_(database, "SELECT EXISTS (SELECT 1 FROM restrictions)"),
      reserve_ids_(database,
                   "UPDATE meta SET value = value + ? WHERE key = 'next_message_id' "
                   "RETURNING value"),
      insert_revoked_(database, "INSERT OR IGNORE INTO revoked_tokens VALUES (?, ?, ?)"),
      expire_revoked_(database, "DELETE FROM revoked_tokens WHERE expires_at <= ?") {}

void Numbering::begin(base::WallMs now) {
  now_ = now;
  rooms_.clear();
  usernames_.clear();
  members_.clear();
  read_.clear();
  any_restriction_ = any_restriction_query_.with().step() && any_restriction_query_.integer(0) != 0;
  any_restriction_query_.reset();
}

chat::Reply Numbering::apply(const chat::WriteRequest& request, std::vector<chat::Event>& events) {
  return std::visit([&](const auto& what) { return apply(what, events); }, request);
}

void Numbering::finish() {
  for (const auto& [name, state] : rooms_) {
    if (!state.changed) continue;
    store_room_
        .with(name, state.head, state.messages, state.deleted, state.last_id, state.members, now_)
        .execute();
  }
  for (const auto& [place, seq] : read_) {
    mark_read_.with(seq, place.second, place.first).execute();
  }
}

void Numbering::rolled_back() { next_id_ = ids_end_ = 0; }

// ---- messages --------------------------------------------------------------------------------

chat::Reply Numbering::apply(const chat::PostMessage& post, std::vector<chat::Event>& events) {
  const std::optional<std::string>& name = username(post.sender);
  if (!name) return Failure{FailureCode::not_found, "Sender not found"};
  if (!post.client_message_id.empty()) {
    find_repeat_.with(post.room, post.sender, post.client_message_id);
    if (find_repeat_.step()) {
      const chat::Event found = event_of(find_repeat_);
      find_repeat_.reset();
      return posted_of(found, true);
    }
    find_repeat_.reset();
  }
  if (restricted(post.room, post.sender, true)) {
    return Failure{FailureCode::forbidden, "You may not write in this room"};
  }
  const bool member = is_member(post.room, post.sender);
  if (post.members_only && !member) {
    return Failure{FailureCode::not_in_room, "Join the room first"};
  }
  RoomState& state = room(post.room);
  chat::Event event;
  event.kind = chat::EventKind::message;
  event.room = post.room;
  event.sender = post.sender;
  event.sender_name = *name;
  event.content = post.content;
  event.message_type = post.message_type;
  event.metadata = post.metadata;
  event.client_message_id = post.client_message_id;
  append(state, event, post.client_message_id);
  ++state.messages;
  events.push_back(event);
  chat::MessagePosted posted = posted_of(event, false);
  if (member) posted.read = read_[{post.room, post.sender}] = event.seq;
  return posted;
}

chat::Reply Numbering::apply(const chat::DeleteMessage& deletion,
                             std::vector<chat::Event>& events) {
  const std::optional<chat::Event> message = find_event(deletion.id);
  if (!message || message->kind != chat::EventKind::message) {
    return Failure{FailureCode::not_found, "Message not found"};
  }
  if (!deletion.anyones && message->sender != deletion.by) {
    return Failure{FailureCode::forbidden, "Only the sender may delete a message"};
  }
  if (message->deleted) {  // again: answered like the first time
    const std::string key = deletion_key_mark + std::to_string(message->id);
    for (const chat::UserId by : {message->sender, deletion.by}) {
      std::optional<chat::Event> found;
      if (find_repeat_.with(message->room, by, key).step()) found = event_of(find_repeat_);
      find_repeat_.reset();
      if (found) return posted_of(*found, true);
    }
    return posted_of(*message, true);
  }
  RoomState& state = room(message->room);
  chat::Event event;
  event.kind = chat::EventKind::deletion;
  event.room = message->room;
  event.sender = deletion.by != 0 ? deletion.by : message->sender;
  event.sender_name = username(event.sender).value_or(message->sender_name);
  event.of_seq = message->seq;
  event.of_id = message->id;
  append(state, event, deletion_key_mark + std::to_string(message->id));
  empty_message_.with(message->id).execute();
  ++state.deleted;
  events.push_back(event);
  return posted_of(event, false);
}

// Gives the event its place in the room and inserts it.
void Numbering::append(RoomState& state, chat::Event& event, const std::string& key) {
  event.id = next_message_id();
  event.seq = ++state.head;
  event.timestamp = now_;
  event.messages_before = state.messages;
  const std::string own_key = key.empty() ? own_key_mark + std::to_string(event.id) : std::string{};
  insert_event_
      .with(event.id, event.room, event.seq, static_cast<int>(event.kind), event.sender,
            event.sender_name, event.content, event.message_type, event.metadata,
            key.empty() ? own_key : key, event.timestamp, event.messages_before, state.last_id,
            event.of_seq, event.of_id)
      .execute();
  state.last_id = event.id;
  state.changed = true;
}

// ---- rooms -----------------------------------------------------------------------------------

chat::Reply Numbering::apply(const chat::JoinRoom& join, std::vector<chat::Event>&) {
  if (!username(join.user)) return Failure{FailureCode::not_found, "User not found"};
  if (restricted(join.room, join.user, false)) {
    return Failure{FailureCode::forbidden, "You are banned from this room"};
  }
  RoomState& state = room(join.room);
  chat::RoomJoined joined;
  joined.room = join.room;
  joined.head = state.head;
  joined.epoch = epoch_;
  if (!is_member(join.room, join.user)) {
    insert_member_.with(join.user, join.room, now_, state.head).execute();
    members_[{join.room, join.user}] = true;
    ++state.members;
    state.changed = true;
    joined.read = state.head;
    joined.new_member = true;
    return joined;
  }
  if (read_of_member_.with(join.user, join.room).step()) {
    joined.read = read_of_member_.natural(0);
  }
  read_of_member_.reset();
  if (const auto own = read_.find({join.room, join.user}); own != read_.end()) {
    joined.read = std::max(joined.read, own->second);
  }
  joined.unread = unread_of(state.messages, messages_up_to(join.room, joined.read));
  return joined;
}

chat::Reply Numbering::apply(const chat::LeaveRoom& leave, std::vector<chat::Event>&) {
  if (is_member(leave.room, leave.user)) {
    delete_member_.with(leave.user, leave.room).execute();
    members_[{leave.room, leave.user}] = false;
    read_.erase({leave.room, leave.user});
    RoomState& state = room(leave.room);
    --state.members;
    state.changed = true;
  }
  return chat::RoomLeft{leave.room};
}

chat::Reply Numbering::apply(const chat::MarkRead& mark, std::vector<chat::Event>&) {
  if (!is_member(mark.room, mark.user)) {
    return Failure{FailureCode::not_in_room, "Join the room first"};
  }
  const RoomState& state = room(mark.room);
  chat::Seq& read = read_[{mark.room, mark.user}];
  if (read_of_member_.with(mark.user, mark.room).step()) {
    read = std::max(read, read_of_member_.natural(0));
  }
  read_of_member_.reset();
  read = std::max(read, std::min(mark.seq, state.head));
  return chat::ReadMarked{mark.room, read, state.head,
                          unread_of(state.messages, messages_up_to(mark.room, read))};
}

Numbering::RoomState& Numbering::room(const std::string& name) {
  const auto [place, is_new] = rooms_.try_emplace(name);
  RoomState& state = place->second;
  if (!is_new) return state;
  if (find_room_.with(name).step()) {
    state.exists = true;
    state.head = find_room_.natural(0);
    state.messages = find_room_.natural(1);
    state.deleted = find_room_.natural(2);
    state.last_id = find_room_.natural(3);
    state.members = find_room_.integer(4);
  }
  find_room_.reset();
  return state;
}

bool Numbering::is_member(const std::string& room, chat::UserId user) {
  const auto [place, is_new] = members_.try_emplace({room, user});
  if (is_new) {
    place->second = find_member_.with(user, room).step();
    find_member_.reset();
  }
  return place->second;
}

bool Numbering::restricted(const std::string& room, chat::UserId user, bool also_muted) {
  if (!any_restriction_) return false;
  const bool found = find_restriction_.with(user, room, also_muted, now_).step();
  find_restriction_.reset();
  return found;
}

std::uint64_t Numbering::messages_up_to(const std::string& room, chat::Seq seq) {
  if (seq == 0) return 0;
  const std::uint64_t count =
      count_up_to_.with(room, seq).step() ? count_up_to_.natural(0) : std::uint64_t{0};
  count_up_to_.reset();
  return count;
}

// ---- users -----------------------------------------------------------------------------------

const std::optional<std::string>& Numbering::username(chat::UserId user) {
  const auto [place, is_new] = usernames_.try_emplace(user);
  if (is_new) {
    if (find_username_.with(user).step()) place->second = std::string{find_username_.text(0)};
    find_username_.reset();
  }
  return place->second;
}

std::optional<chat::User> Numbering::find_user(chat::UserId user) {
  std::optional<chat::User> found;
  if (find_user_.with(user).step()) found = user_of(find_user_);
  find_user_.reset();
  return found;
}

chat::Reply Numbering::insert_user(chat::UserId id, const std::string& username,
                                   const std::string& email, const std::string& password_hash) {
  const std::string key = fold_name(username);
  const bool taken = find_user_by_name_.with(key).step();
  find_user_by_name_.reset();
  if (taken) return Failure{FailureCode::conflict, "Username already exists"};
  insert_user_.with(id, username, key, email, password_hash, now_).execute();
  usernames_[id] = username;
  chat::User user;
  user.id = id;
  user.username = username;
  user.email = email;
  user.created_at = now_;
  return chat::UserFound{std::move(user)};
}

chat::Reply Numbering::apply(const chat::CreateUser& create, std::vector<chat::Event>&) {
  std::uint64_t id = 1;
  if (next_user_id_.with(own_user_ids_end).step()) id = std::max(id, next_user_id_.natural(0));
  next_user_id_.reset();
  return insert_user(id, create.username, create.email, create.password_hash);
}

chat::Reply Numbering::apply(const chat::EnsureUser& ensure, std::vector<chat::Event>&) {
  if (std::optional<chat::User> found = find_user(ensure.id)) {
    return chat::UserFound{std::move(*found)};
  }
  return insert_user(ensure.id, ensure.username, {}, {});
}

chat::Reply Numbering::apply(const chat::SetStatus& status, std::vector<chat::Event>&) {
  set_status_.with(status.online, now_, status.user).execute();
  std::optional<chat::User> found = find_user(status.user);
  if (!found) return Failure{FailureCode::not_found, "User not found"};
  return chat::UserFound{std::move(*found)};
}

chat::Reply Numbering::apply(const chat::RevokeToken& revoke, std::vector<chat::Event>&) {
  expire_revoked_.with(now_).execute();
  insert_revoked_.with(revoke.token_id, revoke.user, revoke.expires).execute();
  return chat::TokenRevoked{};
}

// ---- ids -------------------------------------------------------------------------------------

chat::MessageId Numbering::next_message_id() {
  if (next_id_ == ids_end_) {
    // In this transaction: a crash wastes the rest of a block but gives no id twice.
    if (reserve_ids_.with(id_block).step()) {
      ids_end_ = reserve_ids_.natural(0);
      next_id_ = ids_end_ - static_cast<chat::MessageId>(id_block);
    }
    while (reserve_ids_.step()) {
    }
    reserve_ids_.reset();
    if (database_.failed()) return 0;
  }
  return next_id_++;
}

std::optional<chat::Event> Numbering::find_event(chat::MessageId id) {
  std::optional<chat::Event> found;
  if (find_event_.with(id).step()) found = event_of(find_event_);
  find_event_.reset();
  return found;
}

}  // namespace starling::store
