#include "store/mysql_rows.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "store/mysql_bulk.hpp"
#include "store/mysql_insertion.hpp"
#include "store/rows.hpp"

namespace starling::store {
namespace {

// Fewer are faster as text; measured in docs/decisions/0029.
constexpr std::size_t bulk_rows = 64;
constexpr std::size_t max_known_rooms = 100'000;

template <typename... Kinds>
constexpr bool is_any(const chat::WriteRequest& request) {
  return (std::holds_alternative<Kinds>(request) || ...);
}

struct NamedRoom {
  std::string operator()(const chat::PostMessage& post) const { return post.room; }
  std::string operator()(const chat::JoinRoom& join) const { return join.room; }
  std::string operator()(const chat::LeaveRoom& leave) const { return leave.room; }
  std::string operator()(const chat::MarkRead& mark) const { return mark.room; }
  std::string operator()(const chat::CheckEvents& check) const { return check.room; }
  template <typename Other>
  std::string operator()(const Other&) const {
    return {};
  }
};

struct NamedUser {
  chat::UserId operator()(const chat::PostMessage& post) const { return post.sender; }
  chat::UserId operator()(const chat::DeleteMessage& deletion) const { return deletion.by; }
  chat::UserId operator()(const chat::JoinRoom& join) const { return join.user; }
  chat::UserId operator()(const chat::LeaveRoom& leave) const { return leave.user; }
  chat::UserId operator()(const chat::MarkRead& mark) const { return mark.user; }
  chat::UserId operator()(const chat::SetStatus& status) const { return status.user; }
  template <typename Other>
  chat::UserId operator()(const Other&) const {
    return 0;
  }
};

std::string key_of(const chat::PostMessage& post, chat::MessageId id) {
  return post.client_message_id.empty() ? own_key(id) : post.client_message_id;
}

}  // namespace

std::vector<std::string> rooms_of(const chat::WriteRequest& request) {
  std::string room = std::visit(NamedRoom{}, request);
  return room.empty() ? std::vector<std::string>{} : std::vector{std::move(room)};
}

bool may_create_room(const chat::WriteRequest& request) {
  if (const auto* post = std::get_if<chat::PostMessage>(&request)) {
    return post->may_create && !post->members_only;
  }
  const auto* join = std::get_if<chat::JoinRoom>(&request);
  return join && join->may_create;
}

// ---- texts -----------------------------------------------------------------------------------

std::string MysqlRows::listed(const std::set<std::string>& texts) const {
  std::string list;
  for (const std::string& text : texts) {
    list += list.empty() ? '(' : ',';
    mysql_.quote(text, list);
  }
  return list + ")";
}

std::string MysqlRows::listed(const std::set<chat::UserId>& numbers) const {
  std::string list;
  for (const chat::UserId number : numbers) {
    list += list.empty() ? '(' : ',';
    list += std::to_string(number);
  }
  return list + ")";
}

// The text holds all values, quoted; a '?' in it is a part of one.
void MysqlRows::each_row(const std::string& sql, const std::function<void(const Statement&)>& use) {
  Statement rows{mysql_.query(sql)};
  while (rows.step()) use(rows);
}

// ---- before ----------------------------------------------------------------------------------

void MysqlRows::make_rooms(std::span<const WriteRequestWithTicket> requests) {
  std::set<std::string> wanted;
  for (const WriteRequestWithTicket& entry : requests) {
    if (!may_create_room(entry.request)) continue;
    for (std::string& room : rooms_of(entry.request)) {
      if (!known_rooms_.contains(room)) wanted.insert(std::move(room));
    }
  }
  if (wanted.empty()) return;
  if (known_rooms_.size() > max_known_rooms) known_rooms_.clear();
  std::set<std::string> missing = wanted;
  each_row("SELECT id FROM rooms WHERE id IN " + listed(wanted),
           [&missing](const Statement& row) { missing.erase(std::string{row.text(0)}); });
  for (const std::string& room : missing) {
    // No room yet, but a row that can be locked; who first uses it makes it one.
    std::string sql = "INSERT IGNORE INTO rooms (id) VALUES (";
    mysql_.quote(room, sql);
    mysql_.run(sql + ")");
  }
  if (!mysql_.failed()) known_rooms_.merge(wanted);
}

std::set<std::string> MysqlRows::rooms_of_all(std::span<const WriteRequestWithTicket> requests) {
  std::set<std::string> rooms;
  std::set<chat::UserId> messages;
  for (const WriteRequestWithTicket& entry : requests) {
    for (std::string& room : rooms_of(entry.request)) rooms.insert(std::move(room));
    const auto* deletion = std::get_if<chat::DeleteMessage>(&entry.request);
    if (deletion) messages.insert(deletion->id);
  }
  if (!messages.empty()) {
    each_row("SELECT room_id FROM messages WHERE id IN " + listed(messages),
             [&rooms](const Statement& row) { rooms.emplace(row.text(0)); });
  }
  return rooms;
}

std::set<std::string> MysqlRows::rooms_held_by_others(const std::set<std::string>& rooms) {
  std::set<std::string> held = rooms;
  if (held.empty()) return held;
  each_row("SELECT id FROM rooms WHERE id IN " + listed(rooms) + " FOR UPDATE SKIP LOCKED",
           [&held](const Statement& row) { held.erase(std::string{row.text(0)}); });
  return held;
}

void MysqlRows::begin(base::WallMs now, std::span<const WriteRequestWithTicket> requests) {
  now_ = now;
  locked_rooms_.clear();
  usernames_.clear();
  repeats_.clear();
  members_.clear();
  members_asked_.clear();
  restrictions_.clear();
  pending_.clear();
  epoch_ = next_id_ = 0;
  each_row(
      "SELECT value, (SELECT value FROM meta WHERE name = 'next_message_id') FROM meta WHERE name "
      "= 'epoch' LOCK IN SHARE MODE",
      [this](const Statement& row) {
        epoch_ = row.natural(0);
        next_id_ = row.natural(1);
      });
  const bool makes_users = std::ranges::any_of(requests, [](const WriteRequestWithTicket& entry) {
    return is_any<chat::CreateUser, chat::EnsureUser>(entry.request);
  });
  if (makes_users) mysql_.number("SELECT value FROM meta WHERE name = 'users' FOR UPDATE");
  lock_rooms(rooms_of_all(requests));
  lock_users(requests);
  read_repeats(requests);
  read_members(requests);
  read_restrictions();
}

void MysqlRows::lock_rooms(const std::set<std::string>& rooms) {
  if (rooms.empty()) return;
  for (const std::string& room : rooms) locked_rooms_[room];  // also those that are not there
  each_row(
      "SELECT id, head, messages, deleted, last_id, members, created_at FROM rooms WHERE id IN " +
          listed(rooms) + " ORDER BY id FOR UPDATE",
      [this](const Statement& row) {
        locked_rooms_[std::string{row.text(0)}] =
            RoomState{row.integer(6) != 0, row.natural(1), row.natural(2), row.natural(3),
                      row.natural(4),      row.integer(5), false};
      });
}

void MysqlRows::lock_users(std::span<const WriteRequestWithTicket> requests) {
  std::set<chat::UserId> users;
  bool writes = false;
  for (const WriteRequestWithTicket& entry : requests) {
    const chat::UserId user = std::visit(NamedUser{}, entry.request);
    if (user != 0) users.insert(user);
    writes = writes || is_any<chat::SetStatus>(entry.request);
  }
  if (users.empty()) return;
  each_row("SELECT id, username FROM users WHERE id IN " + listed(users) + " ORDER BY id " +
               (writes ? "FOR UPDATE" : "LOCK IN SHARE MODE"),
           [this](const Statement& row) { usernames_[row.natural(0)] = row.text(1); });
}

void MysqlRows::read_repeats(std::span<const WriteRequestWithTicket> requests) {
  std::map<RoomAndUser, std::set<std::string>> keys;
  for (const WriteRequestWithTicket& entry : requests) {
    const auto* post = std::get_if<chat::PostMessage>(&entry.request);
    if (!post) continue;
    const RoomAndUser place{post->room, post->sender};
    const std::string key = key_of(*post, entry.id);
    // A key of ours is new unless this is a repeat.
    repeats_.try_emplace({place, key});
    if (!post->client_message_id.empty() || entry.repeated) keys[place].insert(key);
  }
  if (keys.empty()) return;
  std::string where;
  for (const auto& [place, own] : keys) {
    where += where.empty() ? "(room_id = " : " OR (room_id = ";
    mysql_.quote(place.first, where);
    where += " AND sender_id = " + std::to_string(place.second) + " AND client_message_id IN " +
             listed(own) + ")";
  }
  each_row("SELECT client_message_id, " + std::string{event_columns} +
               " FROM messages FORCE INDEX (message_key) WHERE " + where,
           [this](const Statement& row) {
             const std::string key{row.text(0)};
             chat::Event event = event_of(row, 1);
             repeats_[{{event.room, event.sender}, key}] = std::move(event);
           });
}

void MysqlRows::read_members(std::span<const WriteRequestWithTicket> requests) {
  std::map<std::string, std::set<chat::UserId>> users;
  for (const WriteRequestWithTicket& entry : requests) {
    for (const std::string& room : rooms_of(entry.request)) {
      const chat::UserId user = std::visit(NamedUser{}, entry.request);
      users[room].insert(user);
      members_asked_.emplace(room, user);
    }
  }
  if (users.empty()) return;
  std::string where;
  for (const auto& [room, those] : users) {
    where += where.empty() ? "(room_id = " : " OR (room_id = ";
    mysql_.quote(room, where);
    where += " AND user_id IN " + listed(those) + ")";
  }
  each_row("SELECT room_id, user_id FROM members WHERE " + where, [this](const Statement& row) {
    members_.emplace(std::string{row.text(0)}, row.natural(1));
  });
}

void MysqlRows::read_restrictions() {
  std::set<chat::UserId> users;
  for (const RoomAndUser& place : members_asked_) users.insert(place.second);
  if (users.empty()) return;
  each_row("SELECT user_id, room_id, kind FROM restrictions WHERE user_id IN " + listed(users) +
               " AND (until = 0 OR until > " + std::to_string(now_) + ")",
           [this](const Statement& row) {
             restrictions_.emplace(row.natural(0),
                                   std::pair{std::string{row.text(1)}, std::string{row.text(2)}});
           });
}

// ---- in between ------------------------------------------------------------------------------

std::optional<RoomState> MysqlRows::find_room(const std::string& name) {
  const auto found = locked_rooms_.find(name);
  if (found == locked_rooms_.end()) return std::nullopt;
  return found->second;
}

std::optional<std::string> MysqlRows::find_username(chat::UserId user) {
  const auto found = usernames_.find(user);
  if (found == usernames_.end()) return NumberingRows::find_username(user);
  return found->second;
}

bool MysqlRows::is_member(const RoomAndUser& place) {
  return members_asked_.contains(place) ? members_.contains(place)
                                        : NumberingRows::is_member(place);
}

bool MysqlRows::is_restricted(const RoomAndUser& place, bool also_muted) {
  const auto [first, last] = restrictions_.equal_range(place.second);
  return std::any_of(first, last, [&](const auto& entry) {
    const auto& [room, kind] = entry.second;
    return (room == place.first || room == "*") && (kind == "ban" || also_muted);
  });
}

std::optional<chat::Event> MysqlRows::find_repeat(const RoomAndUser& place,
                                                  const std::string& key) {
  const auto asked = repeats_.find({place, key});
  return asked != repeats_.end() ? asked->second : NumberingRows::find_repeat(place, key);
}

std::uint64_t MysqlRows::messages_up_to(const std::string& room, chat::Seq seq) {
  for (const Insertion& one : pending_) {
    if (one.event.room != room || one.event.seq != seq) continue;
    return one.event.messages_before + (one.event.kind == chat::EventKind::message ? 1 : 0);
  }
  return NumberingRows::messages_up_to(room, seq);
}

void MysqlRows::insert_event(const chat::Event& event, const std::string& key) {
  repeats_[{{event.room, event.sender}, key}] = event;
  pending_.push_back({event, key});
}

// ---- after -----------------------------------------------------------------------------------

void MysqlRows::finish(const RoomStates& rooms, const std::map<RoomAndUser, chat::Seq>& read) {
  insert_pending();
  store_rooms(rooms);
  for (const auto& [place, seq] : read) mark_read(place, seq);
}

void MysqlRows::insert_pending() {
  const std::string head =
      "INSERT INTO messages (" + std::string{inserted_event_columns} + ") VALUES ";
  if (pending_.size() >= bulk_rows && mysql_.has_bulk()) {
    insert_pending(MysqlBulk{mysql_, head});
  } else {
    insert_pending(MysqlInsertion{mysql_, head});
  }
}

template <typename Rows>
void MysqlRows::insert_pending(Rows&& rows) {
  for (const auto& [event, key] : pending_) {
    rows.number(event.id);
    rows.text(event.room);
    rows.number(event.seq);
    rows.number(static_cast<std::uint64_t>(event.kind));
    rows.number(event.sender);
    rows.text(event.sender_name);
    rows.text(event.content);
    rows.text(event.message_type);
    rows.text(event.metadata);
    rows.text(key);
    rows.number(event.timestamp);
    rows.number(event.messages_before);
    rows.number(event.previous);
    rows.number(event.of_seq);
    rows.number(event.of_id);
    rows.end_row();
  }
  rows.flush();
}

void MysqlRows::store_rooms(const RoomStates& rooms) {
  MysqlInsertion changed{
      mysql_,
      "INSERT INTO rooms (id, head, messages, deleted, last_id, members, created_at) VALUES ",
      " ON DUPLICATE KEY UPDATE head = VALUES(head), messages = VALUES(messages), deleted = "
      "VALUES(deleted), last_id = VALUES(last_id), members = VALUES(members), created_at = "
      "IF(created_at = 0, VALUES(created_at), created_at)"};
  for (const auto& [name, state] : rooms) {
    if (!state.changed) continue;
    changed.text(name);
    changed.number(state.head);
    changed.number(state.messages);
    changed.number(state.deleted);
    changed.number(state.last_id);
    changed.number(state.members);
    changed.number(now_);
    changed.end_row();
  }
  changed.flush();
}

}  // namespace starling::store
