// The port to everything that takes time: what a shard asks of other threads, and what comes back.
//
// A shard never waits. It submits a Request with a Ticket and gets exactly one Reply with the same
// ticket later, through its inbox; or submit() refuses at once, and the client is told
// `unavailable`. src/store implements the archive's part (writer and readers), src/server the
// hashing of passwords, and src/server wires both behind one Backend per shard.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/slot_map.hpp"
#include "base/time.hpp"
#include "chat/event.hpp"
#include "chat/failure.hpp"
#include "chat/ids.hpp"

namespace starling::chat {

struct User {
  UserId id = 0;
  std::string username;
  std::string email;  // empty: none
  base::WallMs created_at = 0;
  base::WallMs last_seen_at = 0;  // 0: never
  bool online = false;
};

// ---- written by the writer thread, in the order in which they arrive from a shard ------------

// One message. Exactly once per (room, sender, client_message_id), for ever.
struct PostMessage {
  std::string room;
  UserId sender = 0;
  std::string content;
  std::string message_type = "text";
  std::string metadata;
  std::string client_message_id;  // empty: the writer makes one
  bool members_only = false;      // refuse (not_in_room) a sender who is not a member
  bool may_create = true;         // false: refuse (rate_limited) a room that does not exist
};
struct DeleteMessage {  // idempotent: a second deletion answers like the first
  MessageId id = 0;
  UserId by = 0;
  bool anyones = false;  // open mode: not only the sender may
};
struct JoinRoom {  // creates room and membership as needed; idempotent
  std::string room;
  UserId user = 0;
  bool may_create = true;  // false: refuse (rate_limited) a room that does not exist
  unsigned max_rooms = 0;  // refuse (forbidden) a membership beyond so many; 0: any number
};
struct LeaveRoom {  // ends the membership; idempotent
  std::string room;
  UserId user = 0;
};
struct MarkRead {  // keeps the maximum; clamped to the head
  std::string room;
  UserId user = 0;
  Seq seq = 0;
};
struct CreateUser {
  std::string username;
  std::string email;
  std::string password_hash;  // empty: no password, logs in by token only
};
// A user that a token of another backend speaks of: made if the id is unknown.
struct EnsureUser {
  UserId id = 0;
  std::string username;
};
struct SetStatus {
  UserId user = 0;
  bool online = false;
};
struct RevokeToken {
  std::string token_id;
  UserId user = 0;
  base::WallMs expires = 0;  // forgotten after this
};
// Whether the archive still has what a room's members were given. If it does not, it has lost
// commits that were seen, and gets a new epoch before this is answered.
struct CheckEvents {
  std::string room;         // empty: only the epoch is in doubt
  Seq seq = 0;              // that was delivered last
  MessageId id = 0;         // of the event there; 0: not known
  MessageId other = 0;      // of one that does not go with it; 0: none
  std::uint64_t epoch = 0;  // in which that was
};

// ---- read by the reader threads --------------------------------------------------------------

struct FindUser {  // by id, or by name (without regard to case) where id is 0
  UserId id = 0;
  std::string username;
};
struct FindCredentials {
  std::string username;
};
struct ListUsers {  // ordered by id
  bool online_only = false;
  unsigned limit = 100;
  UserId after = 0;
};
struct OpenSession {  // the user and all memberships
  UserId user = 0;
};
// Events of a room, oldest first in the answer. Exactly one kind of position.
struct ReadPage {
  enum class Position : std::uint8_t {
    latest,      // the newest `limit`
    before_seq,  // the newest `limit` below `seq`
    after_seq,   // the oldest `limit` above `seq`
    after_id,    // the newest `limit` of those behind the message `id`; unknown id: as latest
    page,        // messages (no deletions) number (page-1)*limit to page*limit-1, oldest first
  };
  std::string room;
  Position position = Position::latest;
  std::uint64_t value = 0;  // seq, id or page number (from 1)
  unsigned limit = 20;
  bool messages_only = false;  // without deletions and deleted messages: what REST shows
  UserId reader = 0;           // client_message_id is kept only on this user's own messages
};
struct FindMessage {
  MessageId id = 0;
  UserId reader = 0;
};
struct CountRoom {
  std::string room;
};
struct CountAll {
  unsigned limit = 1'000;  // rooms named in the answer, the fullest first
};
struct ListRooms {  // ordered by name
  unsigned limit = 100;
  std::string after;
};
struct FindRoom {
  std::string room;
};
struct ReadHeads {  // of rooms whose events may have been missed; at most 1,000
  static constexpr std::size_t max_rooms = 1'000;
  struct Asked {
    std::string room;
    Seq delivered = 0;  // by then: the answer says it again

    auto operator<=>(const Asked&) const = default;
  };
  std::vector<Asked> rooms;
};
struct ListRevocations {};  // unexpired ones

// ---- done by the hasher ----------------------------------------------------------------------

struct HashPassword {
  std::string password;
};
struct VerifyPassword {
  std::string password;
  std::string hash;  // empty: takes as long as a real one and answers false
};

using WriteRequest = std::variant<PostMessage, DeleteMessage, JoinRoom, LeaveRoom, MarkRead,
                                  CreateUser, EnsureUser, SetStatus, RevokeToken, CheckEvents>;
using ReadRequest =
    std::variant<FindUser, FindCredentials, ListUsers, OpenSession, ReadPage, FindMessage,
                 CountRoom, CountAll, ListRooms, FindRoom, ReadHeads, ListRevocations>;
using HashRequest = std::variant<HashPassword, VerifyPassword>;
using Request = std::variant<WriteRequest, ReadRequest, HashRequest>;

// ---- answers ---------------------------------------------------------------------------------

// Unread messages are counted so far, and no further.
inline constexpr std::uint64_t max_unread = 1'000;

struct MessagePosted {  // to PostMessage and DeleteMessage
  MessageId id = 0;
  Seq seq = 0;
  std::string room;
  std::string client_message_id;
  base::WallMs timestamp = 0;
  bool duplicate = false;  // accepted before: the same id, the same seq
  Seq read = 0;            // the sender's read pointer, moved by it; 0: it moved none
  Event event;             // as stored (REST shows it)
  bool created = false;    // the room did not exist before
};
struct RoomJoined {
  std::string room;
  Seq head = 0;  // at the commit of the join; every event above it is still to be delivered
  Seq read = 0;
  std::uint64_t unread = 0;  // up to `head`
  std::uint64_t epoch = 0;
  bool new_member = false;  // the membership begins with this join, and all is read
  bool created = false;     // the room did not exist before
  MessageId last_id = 0;    // of the event at `head`
};
struct RoomLeft {
  std::string room;
};
struct ReadMarked {
  std::string room;
  Seq seq = 0;
  Seq head = 0;
  std::uint64_t unread = 0;  // up to `head`
};
struct UserFound {  // to FindUser, CreateUser, EnsureUser, SetStatus
  User user;
};
struct CredentialsFound {
  User user;
  std::string password_hash;
};
struct UsersListed {
  std::vector<User> users;
};
struct Membership {
  std::string room;
  Seq head = 0;
  Seq read = 0;
  std::uint64_t unread = 0;
};
struct SessionOpened {
  User user;
  std::uint64_t epoch = 0;
  std::vector<Membership> rooms;
};
struct PageRead {
  std::string room;
  std::vector<Event> events;  // oldest first
  Seq head = 0;
  bool has_more = false;    // further events in the direction of reading
  std::uint64_t total = 0;  // Position::page only: messages in the room
  std::uint64_t epoch = 0;
};
struct MessageFound {
  Event event;
};
struct RoomCounted {
  std::string room;
  std::uint64_t messages = 0;
};
struct AllCounted {
  std::uint64_t messages = 0;
  std::vector<RoomCounted> rooms;
};
struct Room {
  std::string id;
  Seq head = 0;
  std::uint64_t members = 0;
  base::WallMs created_at = 0;
};
struct RoomsListed {
  std::vector<Room> rooms;
};
struct RoomFound {
  Room room;
};
struct HeadsRead {
  struct Head {
    std::string room;
    Seq head = 0;           // 0: nobody ever wrote there
    MessageId last_id = 0;  // of the event at the head
    Seq delivered = 0;      // when it was asked for
  };
  std::vector<Head> heads;  // in the order in which they were asked for
  std::uint64_t epoch = 0;
};
struct EventsChecked {
  std::uint64_t epoch = 0;  // another one: they were lost
};
struct TokenRevoked {};
struct RevocationsListed {
  std::vector<RevokeToken> tokens;
};
struct PasswordHashed {
  std::string hash;
};
struct PasswordVerified {
  bool matches = false;
};

using Reply = std::variant<Failure, MessagePosted, RoomJoined, RoomLeft, ReadMarked, UserFound,
                           CredentialsFound, UsersListed, SessionOpened, PageRead, MessageFound,
                           RoomCounted, AllCounted, RoomsListed, RoomFound, HeadsRead, TokenRevoked,
                           RevocationsListed, PasswordHashed, PasswordVerified, EventsChecked>;

// ---- the port --------------------------------------------------------------------------------

struct Ticket {
  std::uint16_t shard = 0;
  base::Handle call;  // the shard's own note of who waits for what
};

struct TicketedReply {
  Ticket ticket;
  Reply reply;
};

// One per shard, called on its thread.
class Backend {
 public:
  virtual ~Backend() = default;
  // False: the queue behind it is full, nothing was taken.
  [[nodiscard]] virtual bool submit(Request&& request, Ticket ticket) = 0;
  // What was submitted may wait for this, so that it is taken together; the shard says it in each
  // turn, before it sends and at the end.
  virtual void hand_over() {}
};

// Where a shard hears of the others; implemented by src/shard, called from any thread.
class ShardInbox {
 public:
  virtual ~ShardInbox() = default;
  // Never refuses: a shard has no more calls open than its inbox holds.
  virtual void reply(TicketedReply&& reply) = 0;
  // From the writer's thread only, in the order of commits, and before the replies of that batch.
  // False: no room of the batch has members there. Never waits: where the ring is full the batch
  // is dropped and the shard fills from the archive.
  virtual bool committed(const CommittedBatchRef& batch) = 0;
  // The same of what other servers committed, from the thread that reads the bus: in whatever order
  // it came, and perhaps more than once.
  virtual bool committed_elsewhere(const CommittedBatchRef& batch) = 0;
  // Other servers may have committed something that never comes: the shard compares its rooms with
  // the archive.
  virtual void missed() = 0;
  // The shard looks at its inbox soon: once after any number of the above.
  virtual void wake() = 0;
};

}  // namespace starling::chat
