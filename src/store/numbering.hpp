// Numbering: what one transaction of the writer does with its requests.
//
// In the order of the requests: find repeats by their keys, check that the sender may, give the
// next seq of the room, insert. Repeats come before permission: what was accepted once stays
// accepted. Nothing here begins or ends a transaction, and a failure of the database sticks to it
// (see Database), so the caller looks once before it commits.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "chat/archive.hpp"
#include "chat/event.hpp"
#include "store/sqlite.hpp"

namespace starling::store {

// Lives on the writer's thread.
class Numbering {
 public:
  Numbering(Database& database, std::uint64_t epoch);

  // A transaction has begun; forgets what the last one knew.
  void begin(base::WallMs now);
  // Does one request. New events are appended to `events`.
  chat::Reply apply(const chat::WriteRequest& request, std::vector<chat::Event>& events);
  // Stores the heads of the rooms and the read pointers. Before COMMIT.
  void finish();
  // The transaction was rolled back: reserved ids went with it.
  void rolled_back();

 private:
  struct RoomState {
    bool exists = false;  // before this transaction, or by what it has done so far
    chat::Seq head = 0;
    std::uint64_t messages = 0;
    std::uint64_t deleted = 0;
    chat::MessageId last_id = 0;
    std::int64_t members = 0;
    bool changed = false;
  };

  chat::Reply apply(const chat::PostMessage& post, std::vector<chat::Event>& events);
  chat::Reply apply(const chat::DeleteMessage& deletion, std::vector<chat::Event>& events);
  chat::Reply apply(const chat::JoinRoom& join, std::vector<chat::Event>& events);
  chat::Reply apply(const chat::LeaveRoom& leave, std::vector<chat::Event>& events);
  chat::Reply apply(const chat::MarkRead& mark, std::vector<chat::Event>& events);
  chat::Reply apply(const chat::CreateUser& create, std::vector<chat::Event>& events);
  chat::Reply apply(const chat::EnsureUser& ensure, std::vector<chat::Event>& events);
  chat::Reply apply(const chat::SetStatus& status, std::vector<chat::Event>& events);
  chat::Reply apply(const chat::RevokeToken& revoke, std::vector<chat::Event>& events);

  RoomState& room(const std::string& name);
  const std::optional<std::string>& username(chat::UserId user);
  bool too_many_rooms(const chat::JoinRoom& join);
  bool is_member(const std::string& room, chat::UserId user);
  bool restricted(const std::string& room, chat::UserId user, bool also_muted);
  std::optional<chat::User> find_user(chat::UserId user);
  std::optional<chat::Event> find_event(chat::MessageId id);
  chat::MessageId next_message_id();
  std::uint64_t messages_up_to(const std::string& room, chat::Seq seq);
  void append(RoomState& state, chat::Event& event, const std::string& key);
  chat::Reply insert_user(chat::UserId id, const std::string& username, const std::string& email,
                          const std::string& password_hash);

  Database& database_;
  const std::uint64_t epoch_;
  base::WallMs now_ = 0;
  chat::MessageId next_id_ = 0;
  chat::MessageId ids_end_ = 0;  // of the reserved block

  // What this transaction has read, so that a batch of one room asks once.
  std::map<std::string, RoomState> rooms_;
  std::map<chat::UserId, std::optional<std::string>> usernames_;
  std::map<std::pair<std::string, chat::UserId>, bool> members_;
  std::map<std::pair<std::string, chat::UserId>, chat::Seq> read_;
  bool any_restriction_ = false;

  Statement find_room_;
  Statement store_room_;
  Statement find_username_;
  Statement find_user_;
  Statement find_user_by_name_;
  Statement next_user_id_;
  Statement insert_user_;
  Statement set_status_;
  Statement find_repeat_;
  Statement find_event_;
  Statement insert_event_;
  Statement empty_message_;
  Statement find_member_;
  Statement count_memberships_;
  Statement insert_member_;
  Statement delete_member_;
  Statement read_of_member_;
  Statement mark_read_;
  Statement count_up_to_;
  Statement find_restriction_;
  Statement any_restriction_query_;
  Statement reserve_ids_;
  Statement insert_revoked_;
  Statement expire_revoked_;
};

}  // namespace starling::store
