#include "api/ws_protocol.hpp"

#include <cstddef>

#include "proto/json_writer.hpp"
#include "proto/websocket.hpp"
#include "starling/version.hpp"

namespace starling::api {
namespace {

using proto::JsonWriter;

// A place in `frame_types`. A number and no text, since clang 14 ends over consteval objects.
enum class FrameType : std::size_t {};

// The type of that name; one that is not listed does not compile.
consteval FrameType operator""_frame(const char* name, std::size_t size) {
  std::size_t place = 0;
  while (frame_types[place] != std::string_view{name, size}) ++place;
  return FrameType{place};
}

std::string_view to_string(FrameType type) { return frame_types[static_cast<std::size_t>(type)]; }

// The beginning and the end that all frames share.
class Frame {
 public:
  explicit Frame(FrameType type) : json_(text_) {
    text_.reserve(256);
    json_.begin_object().field("type", to_string(type));
  }
  JsonWriter* operator->() { return &json_; }
  Frame& ref(std::string_view ref) {
    if (!ref.empty()) json_.field("ref", ref);
    return *this;
  }
  Frame& time(std::string_view name, base::WallMs time) {
    json_.key(name).time(time);
    return *this;
  }
  std::string end() {
    json_.end_object();
    return std::move(text_);
  }

 private:
  std::string text_;
  JsonWriter json_;
};

void write_event(JsonWriter& json, const chat::Event& event, bool with_client_message_id) {
  json.begin_object();
  if (event.kind == chat::EventKind::deletion) {
    json.field("type", to_string("message_deleted"_frame))
        .field("roomId", event.room)
        .field("id", event.of_id)
        .field("seq", event.seq)
        .field("ofSeq", event.of_seq)
        .field("byUserId", event.sender);
    json.key("timestamp").time(event.timestamp);
    json.end_object();
    return;
  }
  json.field("type", to_string("chat_message"_frame))
      .field("id", event.id)
      .field("seq", event.seq)
      .field("roomId", event.room);
  if (event.deleted) {
    json.field("deleted", true).end_object();
    return;
  }
  json.field("content", event.content)
      .field("senderId", event.sender)
      .field("senderUsername", event.sender_name)
      .field("messageType", event.message_type);
  if (!event.metadata.empty()) json.key("metadata").raw(event.metadata);
  json.key("timestamp").time(event.timestamp);
  if (with_client_message_id && !event.client_message_id.empty()) {
    json.field("clientMessageId", event.client_message_id);
  }
  json.end_object();
}

}  // namespace

std::string welcome(const WelcomeInfo& info) {
  Frame frame{"welcome"_frame};
  frame->field("server", "starling")
      .field("version", version)
      .field("serverId", info.server_id)
      .field("epoch", info.epoch)
      .field("heartbeatMs", info.heartbeat_ms);
  frame->key("limits").begin_object();
  frame->field("maxMessageBytes", std::uint64_t{info.max_message_bytes})
      .field("maxRooms", info.max_rooms)
      .end_object();
  return frame.end();
}

std::string auth_success(const chat::SessionOpened& session, std::string_view active_room,
                         std::string_view session_id, chat::Dialect dialect, std::string_view ref) {
  Frame frame{"auth_success"_frame};
  frame->field("userId", session.user.id).field("username", session.user.username);
  if (active_room.empty()) {
    frame->key("roomId").null();
  } else {
    frame->field("roomId", active_room);
  }
  frame->field("sessionId", session_id);
  if (dialect == chat::Dialect::v1) {
    frame->field("epoch", session.epoch).key("rooms").begin_array();
    for (const chat::Membership& room : session.rooms) {
      frame->begin_object();
      frame->field("roomId", room.room)
          .field("headSeq", room.head)
          .field("readSeq", room.read)
          .field("unread", room.unread)
          .end_object();
    }
    frame->end_array();
  }
  return frame.ref(ref).end();
}

std::string room_joined(const chat::RoomJoined& joined, std::span<const chat::UserId> online,
                        std::size_t online_count, std::string_view ref) {
  Frame frame{"room_joined"_frame};
  frame->field("roomId", joined.room).key("onlineUsers").begin_array();
  for (const chat::UserId user : online) frame->value(user);
  frame->end_array();
  frame->field("onlineCount", std::uint64_t{online_count})
      .field("headSeq", joined.head)
      .field("readSeq", joined.read)
      .field("unread", joined.unread);
  return frame.ref(ref).end();
}

std::string room_left(std::string_view room, std::string_view ref) {
  Frame frame{"room_left"_frame};
  frame->field("roomId", room);
  return frame.ref(ref).end();
}

std::string message_sent(const chat::MessagePosted& posted, std::string_view client_message_id,
                         std::string_view ref) {
  Frame frame{"message_sent"_frame};
  frame->field("clientMessageId", client_message_id)
      .field("id", posted.id)
      .field("seq", posted.seq)
      .field("roomId", posted.room);
  frame.time("timestamp", posted.timestamp);
  frame->field("duplicate", posted.duplicate);
  return frame.ref(ref).end();
}

std::string recent_messages(const chat::PageRead& page, std::string_view ref) {
  Frame frame{"recent_messages"_frame};
  frame->field("roomId", page.room).key("messages").begin_array();
  for (const chat::Event& event : page.events) write_event(*frame.operator->(), event, true);
  frame->end_array();
  frame->field("fromSeq", page.events.empty() ? chat::Seq{0} : page.events.front().seq)
      .field("toSeq", page.events.empty() ? chat::Seq{0} : page.events.back().seq)
      .field("hasMore", page.has_more);
  return frame.ref(ref).end();
}

namespace {

std::string presence(FrameType type, std::string_view room, chat::UserId user,
                     std::string_view username, std::size_t online_count, base::WallMs now) {
  Frame frame{type};
  frame->field("roomId", room)
      .field("userId", user)
      .field("username", username)
      .field("onlineCount", std::uint64_t{online_count});
  return frame.time("timestamp", now).end();
}

}  // namespace

std::string user_joined(std::string_view room, chat::UserId user, std::string_view username,
                        std::size_t online_count, base::WallMs now) {
  return presence("user_joined"_frame, room, user, username, online_count, now);
}

std::string user_left(std::string_view room, chat::UserId user, std::string_view username,
                      std::size_t online_count, base::WallMs now) {
  return presence("user_left"_frame, room, user, username, online_count, now);
}

std::string presence_count(std::string_view room, std::size_t online_count) {
  Frame frame{"presence_count"_frame};
  frame->field("roomId", room).field("onlineCount", std::uint64_t{online_count});
  return frame.end();
}

std::string user_status(const chat::StatusSignal& status, base::WallMs now) {
  Frame frame{"user_status"_frame};
  frame->field("userId", status.user)
      .field("username", status.username)
      .field("isOnline", status.online);
  return frame.time("lastSeenAt", status.last_seen_at).time("timestamp", now).end();
}

std::string typing(const chat::TypingSignal& signal) {
  Frame frame{"typing"_frame};
  frame->field("roomId", signal.room)
      .field("userId", signal.user)
      .field("username", signal.username)
      .field("isTyping", signal.typing);
  return frame.end();
}

std::string read_update(const chat::ReadSignal& signal, std::string_view ref) {
  Frame frame{"read_update"_frame};
  frame->field("roomId", signal.room)
      .field("userId", signal.user)
      .field("seq", signal.seq)
      .field("headSeq", signal.head)
      .field("unread", signal.unread);
  return frame.ref(ref).end();
}

std::string gap(std::string_view room, chat::Seq from, chat::Seq to, std::string_view reason,
                std::optional<std::uint64_t> epoch) {
  Frame frame{"gap"_frame};
  frame->field("roomId", room).field("fromSeq", from).field("toSeq", to).field("reason", reason);
  if (epoch) frame->field("epoch", *epoch);
  return frame.end();
}

std::string reconnect(unsigned after_ms, std::string_view reason) {
  Frame frame{"reconnect"_frame};
  frame->field("afterMs", after_ms).field("reason", reason);
  return frame.end();
}

std::string notice(std::string_view level, std::string_view code, std::string_view message) {
  Frame frame{"notice"_frame};
  frame->field("level", level).field("code", code).field("message", message);
  return frame.end();
}

std::string error(const chat::Failure& failure, std::string_view ref,
                  std::string_view client_message_id, std::optional<unsigned> retry_after_ms) {
  Frame frame{"error"_frame};
  frame->field("code", chat::to_string(failure.code)).field("message", failure.message);
  if (!client_message_id.empty()) frame->field("clientMessageId", client_message_id);
  frame->field("retryable", chat::retryable(failure.code));
  if (retry_after_ms) frame->field("retryAfterMs", *retry_after_ms);
  return frame.ref(ref).end();
}

std::string pong(std::string_view t_json, base::WallMs now, std::string_view ref) {
  Frame frame{"pong"_frame};
  if (!t_json.empty()) frame->key("t").raw(t_json);
  return frame.time("timestamp", now).ref(ref).end();
}

void append_event(std::string& out, const chat::Event& event) {
  JsonWriter json{out};
  write_event(json, event, true);
}

void FrameEncoder::append_frame(const chat::Event& event, std::string& out) const {
  thread_local std::string payload;  // the frame's header needs the payload's size
  payload.clear();
  JsonWriter json{payload};
  write_event(json, event, false);
  proto::append_frame(out, proto::Opcode::text, payload);
}

}  // namespace starling::api
