// The rows of a numbering transaction in MySQL: what a batch needs is locked and read by a few
// queries for all of its requests, and its events are inserted together.
//
// Locks are taken in one order by every server, so that none waits for another in a circle: the
// epoch (shared), the lock on making users where some are made, rooms by name, users by id. What
// stands under a room's lock (members, heads, keys) is read after it and changes no more.
#pragma once

#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/mysql_database.hpp"
#include "store/numbering_rows.hpp"

namespace starling::store {

// The rooms that a request locks; of a deletion: none, for it only knows the message.
std::vector<std::string> rooms_of(const chat::WriteRequest& request);
// Whether it may bring its room into being.
bool may_create_room(const chat::WriteRequest& request);

// Lives on the writer's thread, no longer than its database.
class MysqlRows final : public NumberingRows {
 public:
  explicit MysqlRows(MysqlDatabase& database) : NumberingRows(database), mysql_(database) {}

  void begin(base::WallMs now, std::span<const WriteRequestWithTicket> requests) override;
  void finish(const RoomStates& rooms, const std::map<RoomAndUser, chat::Seq>& read) override;

  std::optional<RoomState> find_room(const std::string& name) override;
  std::optional<std::string> find_username(chat::UserId user) override;
  bool is_member(const RoomAndUser& place) override;
  bool is_restricted(const RoomAndUser& place, bool also_muted) override;
  std::optional<chat::Event> find_repeat(const RoomAndUser& place, const std::string& key) override;
  std::uint64_t messages_up_to(const std::string& room, chat::Seq seq) override;
  void insert_event(const chat::Event& event, const std::string& key) override;

  std::uint64_t epoch() const { return epoch_; }  // under this transaction's lock
  // Ids below are reserved, as far as this transaction sees.
  chat::MessageId next_id() const { return next_id_; }

  const RoomStates& locked_rooms() const { return locked_rooms_; }  // as they were found

  // Outside a transaction: rows for rooms that the requests may create, each made by itself, so
  // that no transaction waits for the gap that another fills.
  void make_rooms(std::span<const WriteRequestWithTicket> requests);
  // Of another archive, or of this one in another state, nothing is known.
  void forget_rooms() { known_rooms_.clear(); }
  // In a transaction that is then rolled back: which of these rooms others hold now.
  std::set<std::string> rooms_held_by_others(const std::set<std::string>& rooms);
  std::set<std::string> rooms_of_all(std::span<const WriteRequestWithTicket> requests);

 private:
  struct Insertion {
    chat::Event event;
    std::string key;
  };

  void lock_rooms(const std::set<std::string>& rooms);
  void lock_users(std::span<const WriteRequestWithTicket> requests);
  void read_repeats(std::span<const WriteRequestWithTicket> requests);
  void read_members(std::span<const WriteRequestWithTicket> requests);
  void read_restrictions();
  void insert_pending();
  // Into a MysqlInsertion or a MysqlBulk.
  template <typename Rows>
  void insert_pending(Rows&& rows);
  void store_rooms(const RoomStates& rooms);
  std::string listed(const std::set<std::string>& texts) const;
  std::string listed(const std::set<chat::UserId>& numbers) const;
  void each_row(const std::string& sql, const std::function<void(const Statement&)>& use);

  MysqlDatabase& mysql_;
  std::uint64_t epoch_ = 0;
  chat::MessageId next_id_ = 0;
  std::set<std::string> known_rooms_;  // that have a row

  RoomStates locked_rooms_;
  std::map<chat::UserId, std::string> usernames_;
  std::map<std::pair<RoomAndUser, std::string>, std::optional<chat::Event>> repeats_;
  std::set<RoomAndUser> members_;
  std::set<RoomAndUser> members_asked_;
  std::multimap<chat::UserId, std::pair<std::string, std::string>> restrictions_;  // room, kind
  std::vector<Insertion> pending_;
};

}  // namespace starling::store
