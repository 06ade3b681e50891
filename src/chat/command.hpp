// What clients ask for over WebSocket, as values. src/api reads them from JSON.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "chat/failure.hpp"
#include "chat/ids.hpp"

namespace starling::chat {

enum class Dialect : std::uint8_t {
  compatible,  // no subprotocol: the JSON of the PHP original, one active room per session
  v1,          // subprotocol starling.v1: many rooms, resume, references
};

struct Resume {
  std::uint64_t epoch = 0;
  std::map<std::string, Seq> rooms;
};

// A field that was absent is empty or 0; whether that is an error depends on mode and dialect.
struct Authenticate {
  std::string token;
  UserId user = 0;
  std::string username;  // from the token, never from the client
  std::string room;
  std::optional<Resume> resume;
};
struct Join {
  std::string room;
  UserId user = 0;  // open mode may join without an `auth` before
  std::optional<Seq> after_seq;
  std::optional<std::uint64_t> epoch;
};
struct Leave {
  std::string room;
};
struct Say {
  std::string content;
  std::string room;
  UserId user = 0;
  std::string client_message_id;
  std::string message_type = "text";
  std::string metadata;  // a JSON object as text; empty: none
};
struct GetRecent {
  std::string room;
  unsigned limit = 20;  // 1 to 100 after clamping
  std::optional<Seq> before_seq;
  std::optional<Seq> after_seq;
};
struct Typing {
  std::string room;
  bool typing = false;
};
struct SetRead {
  std::string room;
  Seq seq = 0;
};
struct Ping {
  std::string t;  // the JSON value as text, given back unchanged; empty: none
};

struct Command {
  std::string ref;
  std::variant<Authenticate, Join, Leave, Say, GetRecent, Typing, SetRead, Ping> what;
};

// Why a frame was not understood, with what could be read of it so that the client can match it.
struct Rejection {
  Failure failure;
  std::string ref;
  std::string client_message_id;
};

}  // namespace starling::chat
