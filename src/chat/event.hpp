// Event: what takes a place (a seq) in the order of a room. Committed, then never changed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "chat/ids.hpp"
#include "chat/room_interest.hpp"

namespace starling::chat {

enum class EventKind : std::uint8_t {
  message,   // somebody said something
  deletion,  // the message at of_seq was deleted
};

struct Event {
  EventKind kind = EventKind::message;
  MessageId id = 0;  // 0: not told, where another server says it
  Seq seq = 0;
  MessageId previous = 0;  // the event before it in its room; 0: there is none, or it is not told
  std::string room;
  UserId sender = 0;  // of a deletion: who deleted
  std::string sender_name;
  std::string content;
  std::string message_type = "text";
  std::string metadata;           // a JSON object as text; empty: none
  std::string client_message_id;  // as the sender gave it; empty: none
  base::WallMs timestamp = 0;
  bool deleted = false;  // pages only: the content of a message that was deleted is gone
  Seq of_seq = 0;        // deletion: the message's place
  MessageId of_id = 0;   // deletion: the message
  std::uint64_t messages_before = 0;  // messages (not deletions) before this event in its room
};

// What the writer committed in one transaction, encoded once for all who will read it. Immutable
// and shared between threads.
struct CommittedBatch {
  struct Entry {
    Event event;
    std::size_t frame_offset = 0;  // into `frames`
    std::size_t frame_size = 0;
  };
  // Takes an event whose frame has just been appended to `frames`, from `offset` on.
  void add(Event&& event, std::size_t offset);

  std::uint64_t epoch = 0;          // of the archive that numbered them; 0: not told
  std::vector<Entry> entries;       // of a room in the order of seq
  std::string frames;               // the WebSocket frames of all entries, one after the other
  std::vector<RoomBucket> buckets;  // of the rooms, so that shards without members are left out

  std::string_view frame(const Entry& entry) const {
    return std::string_view{frames}.substr(entry.frame_offset, entry.frame_size);
  }
};

using CommittedBatchRef = std::shared_ptr<const CommittedBatch>;

// Who hears of every batch besides the shards: the bus, for the other servers.
class CommitListener {
 public:
  virtual ~CommitListener() = default;
  // From the writer's thread, in the order of commits. Never waits.
  virtual void committed(const CommittedBatchRef& batch) = 0;
};

// How events become the bytes that clients get; implemented by src/api, used by the writer.
class EventEncoder {
 public:
  virtual ~EventEncoder() = default;
  // Appends one complete, unmasked WebSocket text frame. Any thread.
  virtual void append_frame(const Event& event, std::string& out) const = 0;
};

}  // namespace starling::chat
