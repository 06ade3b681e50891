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
#include <span>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "chat/archive.hpp"
#include "chat/event.hpp"
#include "store/numbering_rows.hpp"

namespace starling::store {

// Lives on the writer's thread.
class Numbering {
 public:
  Numbering(NumberingRows& rows, std::uint64_t epoch) : rows_(rows), epoch_(epoch) {}

  // A transaction has begun for these requests; forgets what the last one knew.
  void begin(base::WallMs now, std::span<const WriteRequestWithTicket> requests);
  // Does one of them. New events are appended to `events`, and those that an earlier attempt at the
  // same request has stored.
  chat::Reply apply(const WriteRequestWithTicket& entry, std::vector<chat::Event>& events);
  // Stores the heads of the rooms and the read pointers. Before COMMIT.
  void finish() { rows_.finish(rooms_, read_); }

  void set_epoch(std::uint64_t epoch) { epoch_ = epoch; }
  // What the archive has been found to have lost, by a CheckEvents of this transaction.
  struct Loss {
    std::string room;  // empty: it is none that shows it
    chat::Seq seq = 0;
    chat::MessageId id = 0;     // that was seen there
    chat::MessageId other = 0;  // that does not go with it
    chat::Seq head = 0;         // of the room now
    std::uint64_t epoch = 0;    // in which it was seen
  };
  const std::optional<Loss>& loss() const { return loss_; }
  const RoomStates& rooms() const { return rooms_; }  // that this transaction has looked at

 private:
  chat::Reply apply(const chat::PostMessage& post, std::vector<chat::Event>& events);
  chat::Reply apply(const chat::DeleteMessage& deletion, std::vector<chat::Event>& events);
  chat::Reply apply(const chat::JoinRoom& join, std::vector<chat::Event>& events);
  chat::Reply apply(const chat::LeaveRoom& leave, std::vector<chat::Event>& events);
  chat::Reply apply(const chat::MarkRead& mark, std::vector<chat::Event>& events);
  chat::Reply apply(const chat::CreateUser& create, std::vector<chat::Event>& events);
  chat::Reply apply(const chat::EnsureUser& ensure, std::vector<chat::Event>& events);
  chat::Reply apply(const chat::SetStatus& status, std::vector<chat::Event>& events);
  chat::Reply apply(const chat::RevokeToken& revoke, std::vector<chat::Event>& events);
  chat::Reply apply(const chat::CheckEvents& check, std::vector<chat::Event>& events);

  RoomState& room(const std::string& name);
  const std::optional<std::string>& username(chat::UserId user);
  bool is_member(const std::string& room, chat::UserId user);
  std::uint64_t messages_up_to(const std::string& room, chat::Seq seq);
  void append(RoomState& state, chat::Event& event, const std::string& key);
  chat::Reply insert_user(chat::UserId id, const std::string& username, const std::string& email,
                          const std::string& password_hash);
  chat::MessagePosted repeat_of(const chat::Event& found, std::vector<chat::Event>& events) const;

  NumberingRows& rows_;
  std::uint64_t epoch_;
  base::WallMs now_ = 0;
  chat::MessageId own_id_ = 0;  // of the current request, given before; 0: not yet
  chat::UserId made_user_ = 0;  // by an attempt before, which was perhaps kept; 0: none
  base::WallMs made_at_ = 0;
  std::optional<Loss> loss_;

  // What this transaction has read, so that a batch of one room asks once.
  RoomStates rooms_;
  std::map<chat::UserId, std::optional<std::string>> usernames_;
  std::map<RoomAndUser, bool> members_;
  std::map<RoomAndUser, chat::Seq> read_;
};

}  // namespace starling::store
