// NumberingRows: the rows that a numbering transaction reads and writes.
//
// As it stands every question is a query, asked when it comes up: right for a database in the same
// process (sqlite_rows.hpp). A database behind a network overrides what a batch asks and writes for
// each of its requests (mysql_rows.hpp).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/time.hpp"
#include "chat/archive.hpp"
#include "chat/event.hpp"
#include "store/archive.hpp"
#include "store/database.hpp"

namespace starling::store {

struct RoomState {
  bool exists = false;  // before this transaction, or by what it has done so far
  chat::Seq head = 0;
  std::uint64_t messages = 0;
  std::uint64_t deleted = 0;
  chat::MessageId last_id = 0;
  std::int64_t members = 0;
  bool changed = false;
};

using RoomStates = std::map<std::string, RoomState>;
using RoomAndUser = std::pair<std::string, chat::UserId>;

// Lives on the writer's thread, no longer than its database.
class NumberingRows {
 public:
  explicit NumberingRows(Database& database);
  NumberingRows(const NumberingRows&) = delete;
  NumberingRows& operator=(const NumberingRows&) = delete;
  virtual ~NumberingRows() = default;

  // The transaction has begun; it will do these requests.
  virtual void begin(base::WallMs now, std::span<const WriteRequestWithTicket> requests);
  // Before COMMIT: the rooms that changed, and read pointers, which never go back.
  virtual void finish(const RoomStates& rooms, const std::map<RoomAndUser, chat::Seq>& read) = 0;
  // Of an event, unique for ever. `given`: by the writer, before the transaction; 0: none was.
  virtual chat::MessageId event_id(chat::MessageId given) { return given; }

  virtual std::optional<RoomState> find_room(const std::string& name);
  virtual std::optional<std::string> find_username(chat::UserId user);
  virtual bool is_member(const RoomAndUser& place);
  virtual bool is_restricted(const RoomAndUser& place, bool also_muted);
  virtual std::optional<chat::Event> find_repeat(const RoomAndUser& place, const std::string& key);
  virtual std::uint64_t messages_up_to(const std::string& room, chat::Seq seq);
  virtual void insert_event(const chat::Event& event, const std::string& key);

  std::optional<chat::Event> find_event(chat::MessageId id);
  void empty_message(chat::MessageId id);
  std::uint64_t count_memberships(chat::UserId user);
  void insert_member(const RoomAndUser& place, chat::Seq read);
  void delete_member(const RoomAndUser& place);
  chat::Seq read_of_member(const RoomAndUser& place);  // 0: nothing, or no member

  std::optional<chat::User> find_user(chat::UserId user);
  bool name_taken(const std::string& folded_name);
  // That user, if it was made at that time, with exactly this name, address and hash.
  std::optional<chat::User> find_same_user(chat::UserId user, base::WallMs created_at,
                                           const std::string& folded_name, const std::string& email,
                                           const std::string& password_hash);
  chat::UserId next_user_id();
  void insert_user(const chat::User& user, const std::string& folded_name,
                   const std::string& password_hash);
  void set_status(chat::UserId user, bool online);
  void revoke(const chat::RevokeToken& token);

 protected:
  void mark_read(const RoomAndUser& place, chat::Seq seq);

  Database& database_;
  base::WallMs now_ = 0;

 private:
  bool any_restriction_ = false;

  Statement find_room_;
  Statement find_username_;
  Statement find_user_;
  Statement find_user_by_name_;
  Statement find_same_user_;
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
  Statement insert_revoked_;
  Statement expire_revoked_;
};

}  // namespace starling::store
