#include "store/numbering.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "store/rows.hpp"

namespace starling::store {
namespace {

using chat::Failure;
using chat::FailureCode;

Failure too_many_created() {
  return {FailureCode::rate_limited, "You have created too many rooms; try again later"};
}

chat::MessagePosted posted_of(const chat::Event& event, bool duplicate) {
  return {event.id,        event.seq, event.room, event.client_message_id,
          event.timestamp, duplicate, 0,          event};
}

}  // namespace

void Numbering::begin(base::WallMs now, std::span<const WriteRequestWithTicket> requests) {
  now_ = now;
  rooms_.clear();
  usernames_.clear();
  members_.clear();
  read_.clear();
  loss_.reset();
  rows_.begin(now, requests);
}

chat::Reply Numbering::apply(const WriteRequestWithTicket& entry,
                             std::vector<chat::Event>& events) {
  own_id_ = entry.id;
  made_user_ = entry.repeated ? entry.made_user : 0;
  made_at_ = entry.made_at;
  return std::visit([&](const auto& what) { return apply(what, events); }, entry.request);
}

// ---- messages --------------------------------------------------------------------------------

chat::Reply Numbering::apply(const chat::PostMessage& post, std::vector<chat::Event>& events) {
  const std::optional<std::string>& name = username(post.sender);
  if (!name) return Failure{FailureCode::not_found, "Sender not found"};
  const std::string key = !post.client_message_id.empty() ? post.client_message_id
                          : own_id_ != 0                  ? own_key(own_id_)
                                                          : std::string{};
  if (!key.empty()) {
    if (const auto found = rows_.find_repeat({post.room, post.sender}, key)) {
      return repeat_of(*found, events);
    }
  }
  if (rows_.is_restricted({post.room, post.sender}, true)) {
    return Failure{FailureCode::forbidden, "You may not write in this room"};
  }
  const bool member = is_member(post.room, post.sender);
  if (post.members_only && !member) {
    return Failure{FailureCode::not_in_room, "Join the room first"};
  }
  RoomState& state = room(post.room);
  if (!state.exists && !post.may_create) return too_many_created();
  const bool created = !std::exchange(state.exists, true);
  chat::Event event;
  event.kind = chat::EventKind::message;
  event.room = post.room;
  event.sender = post.sender;
  event.sender_name = *name;
  event.content = post.content;
  event.message_type = post.message_type;
  event.metadata = post.metadata;
  event.client_message_id = post.client_message_id;
  append(state, event, key);
  ++state.messages;
  events.push_back(event);
  chat::MessagePosted posted = posted_of(event, false);
  if (member) posted.read = read_[{post.room, post.sender}] = event.seq;
  posted.created = created;
  return posted;
}

chat::Reply Numbering::apply(const chat::DeleteMessage& deletion,
                             std::vector<chat::Event>& events) {
  const std::optional<chat::Event> message = rows_.find_event(deletion.id);
  if (!message || message->kind != chat::EventKind::message) {
    return Failure{FailureCode::not_found, "Message not found"};
  }
  if (!deletion.anyones && message->sender != deletion.by) {
    return Failure{FailureCode::forbidden, "Only the sender may delete a message"};
  }
  if (message->deleted) {  // again: answered like the first time
    const std::string key = deletion_key_mark + std::to_string(message->id);
    for (const chat::UserId by : {message->sender, deletion.by}) {
      const auto found = rows_.find_repeat({message->room, by}, key);
      if (found) return repeat_of(*found, events);
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
  rows_.empty_message(message->id);
  ++state.deleted;
  events.push_back(event);
  return posted_of(event, false);
}

// A row with the id that this request was given before is its own: an earlier attempt was kept, and
// nobody has been told.
chat::MessagePosted Numbering::repeat_of(const chat::Event& found,
                                         std::vector<chat::Event>& events) const {
  const bool own = own_id_ != 0 && found.id == own_id_;
  if (own) events.push_back(found);
  return posted_of(found, !own);
}

// Gives the event its place in the room and inserts it.
void Numbering::append(RoomState& state, chat::Event& event, const std::string& key) {
  event.id = rows_.event_id(own_id_);
  event.seq = ++state.head;
  event.timestamp = now_;
  event.messages_before = state.messages;
  event.previous = state.last_id;
  rows_.insert_event(event, key.empty() ? own_key(event.id) : key);
  state.last_id = event.id;
  state.changed = true;
}

// ---- rooms -----------------------------------------------------------------------------------

chat::Reply Numbering::apply(const chat::JoinRoom& join, std::vector<chat::Event>&) {
  if (!username(join.user)) return Failure{FailureCode::not_found, "User not found"};
  if (rows_.is_restricted({join.room, join.user}, false)) {
    return Failure{FailureCode::forbidden, "You are banned from this room"};
  }
  RoomState& state = room(join.room);
  chat::RoomJoined joined;
  joined.room = join.room;
  joined.head = state.head;
  joined.last_id = state.last_id;
  joined.epoch = epoch_;
  if (!is_member(join.room, join.user)) {
    if (!state.exists && !join.may_create) return too_many_created();
    if (join.max_rooms != 0 && rows_.count_memberships(join.user) >= join.max_rooms) {
      return Failure{FailureCode::forbidden, "You are in too many rooms; leave one first"};
    }
    rows_.insert_member({join.room, join.user}, state.head);
    members_[{join.room, join.user}] = true;
    ++state.members;
    state.changed = true;
    joined.read = state.head;
    joined.new_member = true;
    joined.created = !std::exchange(state.exists, true);
    return joined;
  }
  joined.read = rows_.read_of_member({join.room, join.user});
  if (const auto own = read_.find({join.room, join.user}); own != read_.end()) {
    joined.read = std::max(joined.read, own->second);
  }
  joined.unread = unread_of(state.messages, messages_up_to(join.room, joined.read));
  return joined;
}

chat::Reply Numbering::apply(const chat::LeaveRoom& leave, std::vector<chat::Event>&) {
  if (is_member(leave.room, leave.user)) {
    rows_.delete_member({leave.room, leave.user});
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
  read = std::max(read, rows_.read_of_member({mark.room, mark.user}));
  read = std::max(read, std::min(mark.seq, state.head));
  return chat::ReadMarked{mark.room, read, state.head,
                          unread_of(state.messages, messages_up_to(mark.room, read))};
}

RoomState& Numbering::room(const std::string& name) {
  const auto [place, is_new] = rooms_.try_emplace(name);
  if (is_new) {
    if (const auto found = rows_.find_room(name)) place->second = *found;
  }
  return place->second;
}

bool Numbering::is_member(const std::string& room, chat::UserId user) {
  const auto [place, is_new] = members_.try_emplace({room, user});
  if (is_new) place->second = rows_.is_member({room, user});
  return place->second;
}

std::uint64_t Numbering::messages_up_to(const std::string& room, chat::Seq seq) {
  return seq == 0 ? 0 : rows_.messages_up_to(room, seq);
}

// What was committed is there: nothing takes an event away, a deletion empties it. So one whose row
// is not found was lost by the database, however the question came up. Asked of an epoch that is
// over it tells nothing new.
chat::Reply Numbering::apply(const chat::CheckEvents& check, std::vector<chat::Event>&) {
  const chat::Seq head = check.room.empty() ? 0 : room(check.room).head;
  const auto missing = [this](chat::MessageId id) { return id != 0 && !rows_.find_event(id); };
  const bool lost =
      check.epoch > epoch_ ||
      (check.epoch == epoch_ && (head < check.seq || missing(check.id) || missing(check.other)));
  if (lost) loss_ = Loss{check.room, check.seq, check.id, check.other, head, check.epoch};
  return chat::EventsChecked{epoch_};
}

// ---- users -----------------------------------------------------------------------------------

const std::optional<std::string>& Numbering::username(chat::UserId user) {
  const auto [place, is_new] = usernames_.try_emplace(user);
  if (is_new) place->second = rows_.find_username(user);
  return place->second;
}

chat::Reply Numbering::insert_user(chat::UserId id, const std::string& username,
                                   const std::string& email, const std::string& password_hash) {
  const std::string key = fold_name(username);
  if (rows_.name_taken(key)) return Failure{FailureCode::conflict, "Username already exists"};
  chat::User user;
  user.id = id;
  user.username = username;
  user.email = email;
  user.created_at = now_;
  rows_.insert_user(user, key, password_hash);
  usernames_[id] = username;
  return chat::UserFound{std::move(user)};
}

chat::Reply Numbering::apply(const chat::CreateUser& create, std::vector<chat::Event>&) {
  if (made_user_ != 0) {  // and perhaps kept: then it is there exactly as it was made
    std::optional<chat::User> found = rows_.find_same_user(
        made_user_, made_at_, fold_name(create.username), create.email, create.password_hash);
    if (found) return chat::UserFound{std::move(*found)};
  }
  return insert_user(rows_.next_user_id(), create.username, create.email, create.password_hash);
}

chat::Reply Numbering::apply(const chat::EnsureUser& ensure, std::vector<chat::Event>&) {
  if (std::optional<chat::User> found = rows_.find_user(ensure.id)) {
    return chat::UserFound{std::move(*found)};
  }
  return insert_user(ensure.id, ensure.username, {}, {});
}

chat::Reply Numbering::apply(const chat::SetStatus& status, std::vector<chat::Event>&) {
  rows_.set_status(status.user, status.online);
  std::optional<chat::User> found = rows_.find_user(status.user);
  if (!found) return Failure{FailureCode::not_found, "User not found"};
  return chat::UserFound{std::move(*found)};
}

chat::Reply Numbering::apply(const chat::RevokeToken& revoke, std::vector<chat::Event>&) {
  rows_.revoke(revoke);
  return chat::TokenRevoked{};
}

}  // namespace starling::store
