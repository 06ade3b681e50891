// The WebSocket protocol as JSON: commands in, frames' payloads out. Both dialects.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "base/time.hpp"
#include "chat/archive.hpp"
#include "chat/command.hpp"
#include "chat/event.hpp"
#include "chat/failure.hpp"
#include "chat/signal.hpp"
#include "proto/json_reader.hpp"

namespace starling::api {

// `text` is a whole text message. Checks form and types, and the limits of ids and text that do
// not depend on configuration. What a mode or dialect requires is for the caller to check.
tl::expected<chat::Command, chat::Rejection> parse_command(proto::JsonReader& json,
                                                           std::string_view text);

// What api/asyncapi.json has to describe: the types of commands, and of frames. No frame has a type
// that is not listed here.
std::vector<std::string_view> command_types();
inline constexpr std::string_view frame_types[] = {
    "welcome",      "auth_success",    "room_joined", "room_left",   "chat_message",
    "message_sent", "message_deleted", "user_joined", "user_left",   "presence_count",
    "user_status",  "recent_messages", "typing",      "read_update", "gap",
    "reconnect",    "notice",          "error",       "pong",
};

// ---- payloads; each returns the JSON of one frame --------------------------------------------

struct WelcomeInfo {
  std::string server_id;
  std::uint64_t epoch = 0;
  unsigned heartbeat_ms = 0;
  std::size_t max_message_bytes = 0;
  unsigned max_rooms = 0;
};
std::string welcome(const WelcomeInfo& info);
std::string auth_success(const chat::SessionOpened& session, std::string_view active_room,
                         std::string_view session_id, chat::Dialect dialect, std::string_view ref);
std::string room_joined(const chat::RoomJoined& joined, std::span<const chat::UserId> online,
                        std::size_t online_count, std::string_view ref);
std::string room_left(std::string_view room, std::string_view ref);
std::string message_sent(const chat::MessagePosted& posted, std::string_view client_message_id,
                         std::string_view ref);
std::string recent_messages(const chat::PageRead& page, std::string_view ref);
std::string user_joined(std::string_view room, chat::UserId user, std::string_view username,
                        std::size_t online_count, base::WallMs now);
std::string user_left(std::string_view room, chat::UserId user, std::string_view username,
                      std::size_t online_count, base::WallMs now);
std::string presence_count(std::string_view room, std::size_t online_count);
std::string user_status(const chat::StatusSignal& status, base::WallMs now);
std::string typing(const chat::TypingSignal& signal);
std::string read_update(const chat::ReadSignal& signal, std::string_view ref);
std::string gap(std::string_view room, chat::Seq from, chat::Seq to, std::string_view reason,
                std::optional<std::uint64_t> epoch);
std::string reconnect(unsigned after_ms, std::string_view reason);
// Soft trouble that costs the reader nothing yet; v1 only.
std::string notice(std::string_view level, std::string_view code, std::string_view message);
std::string error(const chat::Failure& failure, std::string_view ref,
                  std::string_view client_message_id, std::optional<unsigned> retry_after_ms);
std::string pong(std::string_view t_json, base::WallMs now, std::string_view ref);

// One event as it stands in a live stream, a resume or a page: chat_message, message_deleted, or
// {"type":"chat_message","id","seq","roomId","deleted":true} where a message was deleted.
void append_event(std::string& out, const chat::Event& event);

// Encodes events as complete frames for all readers alike.
class FrameEncoder final : public chat::EventEncoder {
 public:
  void append_frame(const chat::Event& event, std::string& out) const override;
};

}  // namespace starling::api
