// Commands from JSON. What is wrong with a frame is said in the original's words where it had any.
#include <algorithm>
#include <array>
#include <utility>

#include "api/bounds.hpp"
#include "api/fields.hpp"
#include "api/ws_protocol.hpp"

namespace starling::api {
namespace {

using chat::Failure;
using chat::FailureCode;
using proto::JsonValue;

constexpr std::size_t max_token_text = 64 * 1024;  // no token is so long: it is refused as one

// Reads the fields of one command; the first thing that is wrong is kept.
class Fields {
 public:
  explicit Fields(const JsonValue& object) : object_(object) {}

  std::optional<JsonValue> get(std::string_view camel, std::string_view snake = {}) const {
    return field(object_, camel, snake);
  }

  std::string text(std::string_view camel, std::string_view snake, std::size_t max_bytes) {
    const std::optional<JsonValue> value = get(camel, snake);
    if (!value) return {};
    const std::optional<std::string_view> text = value->string();
    if (!text || text->size() > max_bytes) {
      wrong(camel);
      return {};
    }
    return std::string{*text};
  }

  std::string room() {
    std::string room = text("roomId", "room_id", chat::max_room_id_bytes);
    if (!room.empty() && !chat::valid_room_id(room)) wrong("roomId");
    return room;
  }

  chat::UserId user() {
    for (const auto& [camel, snake] :
         {std::pair{"userId", "user_id"}, std::pair{"senderId", "sender_id"}}) {
      const std::optional<JsonValue> value = get(camel, snake);
      if (!value) continue;
      const std::optional<std::uint64_t> id = natural(*value);
      if (id && *id > 0 && *id <= chat::max_id) return *id;
      wrong(camel);
    }
    return 0;
  }

  std::optional<std::uint64_t> number(std::string_view camel, std::string_view snake) {
    const std::optional<JsonValue> value = get(camel, snake);
    if (!value) return std::nullopt;
    const std::optional<std::uint64_t> number = natural(*value);
    if (!number || *number > chat::max_id) wrong(camel);
    return number;
  }

  bool flag(std::string_view camel, std::string_view snake) {
    const std::optional<JsonValue> value = get(camel, snake);
    const std::optional<bool> truth = value ? value->boolean() : std::nullopt;
    if (!truth) wrong(camel);
    return truth.value_or(false);
  }

  void wrong(std::string_view name) { refuse("Missing or invalid field: " + std::string{name}); }
  void refuse(std::string message) {
    if (!failure) failure = Failure{FailureCode::bad_request, std::move(message)};
  }

  std::optional<Failure> failure;

 private:
  const JsonValue& object_;
};

chat::Authenticate read_auth(Fields& fields) {
  chat::Authenticate auth;
  auth.token = fields.text("token", "access_token", max_token_text);
  auth.user = fields.user();
  auth.room = fields.room();
  const std::optional<JsonValue> resume = fields.get("resume");
  if (!resume) return auth;
  chat::Resume& wanted = auth.resume.emplace();
  const std::optional<JsonValue> epoch = resume->member("epoch");
  const std::optional<JsonValue> rooms = resume->member("rooms");
  const std::optional<std::uint64_t> number = epoch ? natural(*epoch) : std::nullopt;
  if (!number || !rooms || !rooms->is_object()) {
    fields.wrong("resume");
    return auth;
  }
  wanted.epoch = *number;
  rooms->for_each_member([&](std::string_view room, const JsonValue& value) {
    const std::optional<std::uint64_t> seq = natural(value);
    if (!chat::valid_room_id(room) || !seq || wanted.rooms.size() >= max_resumed_rooms) {
      fields.wrong("resume");
      return;
    }
    wanted.rooms.emplace(room, *seq);
  });
  return auth;
}

chat::Join read_join(Fields& fields) {
  chat::Join join;
  join.room = fields.room();
  join.user = fields.user();
  join.after_seq = fields.number("afterSeq", "after_seq");
  join.epoch = fields.number("epoch", {});
  if (join.room.empty()) fields.refuse("Room ID and User ID are required");
  return join;
}

chat::Leave read_leave(Fields& fields) {
  chat::Leave leave{fields.room()};
  if (leave.room.empty()) fields.wrong("roomId");
  return leave;
}

chat::Say read_say(Fields& fields) {
  chat::Say say;
  const std::optional<JsonValue> content = fields.get("content");
  const std::optional<std::string_view> text = content ? content->string() : std::nullopt;
  if (!text || text->empty()) {
    fields.refuse("Content and user ID are required");
  } else {
    say.content = *text;
  }
  say.room = fields.room();
  say.user = fields.user();
  say.client_message_id =
      fields.text("clientMessageId", "client_message_id", chat::max_client_message_id_bytes);
  if (!say.client_message_id.empty() && !chat::valid_client_message_id(say.client_message_id)) {
    fields.wrong("clientMessageId");
  }
  if (std::string type = fields.text("messageType", "message_type", chat::max_message_type_bytes);
      !type.empty()) {
    if (!chat::valid_message_type(type)) fields.wrong("messageType");
    say.message_type = std::move(type);
  }
  if (const std::optional<JsonValue> metadata = fields.get("metadata")) {
    if (metadata->is_object()) say.metadata = metadata->text();
    if (say.metadata.empty() || say.metadata.size() > chat::max_metadata_bytes) {
      fields.wrong("metadata");
    }
  }
  return say;
}

chat::GetRecent read_recent(Fields& fields) {
  chat::GetRecent recent;
  recent.room = fields.room();
  if (const auto limit = fields.number("limit", {})) {
    recent.limit = static_cast<unsigned>(std::clamp<std::uint64_t>(*limit, 1, max_page));
  }
  recent.before_seq = fields.number("beforeSeq", "before_seq");
  recent.after_seq = fields.number("afterSeq", "after_seq");
  if (recent.before_seq && recent.after_seq) {
    fields.refuse("Either beforeSeq or afterSeq, not both");
  }
  return recent;
}

chat::Typing read_typing(Fields& fields) {
  chat::Typing typing{fields.room(), fields.flag("isTyping", "is_typing")};
  if (typing.room.empty()) fields.wrong("roomId");
  return typing;
}

chat::SetRead read_mark(Fields& fields) {
  chat::SetRead read;
  read.room = fields.room();
  const std::optional<std::uint64_t> seq = fields.number("seq", {});
  if (read.room.empty()) fields.wrong("roomId");
  if (!seq) fields.wrong("seq");
  read.seq = seq.value_or(0);
  return read;
}

chat::Ping read_ping(Fields& fields) {
  chat::Ping ping;
  if (const std::optional<JsonValue> t = fields.get("t")) ping.t = t->text();
  if (ping.t.size() > max_ping_bytes) fields.wrong("t");
  return ping;
}

using What = decltype(chat::Command::what);

template <auto read>
What read_as(Fields& fields) {
  return read(fields);
}

struct Known {
  std::string_view type;
  What (*read)(Fields&);
};

constexpr std::array<Known, 8> known{{
    {"chat_message", read_as<read_say>},
    {"ping", read_as<read_ping>},
    {"typing", read_as<read_typing>},
    {"mark_read", read_as<read_mark>},
    {"join_room", read_as<read_join>},
    {"auth", read_as<read_auth>},
    {"get_recent_messages", read_as<read_recent>},
    {"leave_room", read_as<read_leave>},
}};

}  // namespace

std::vector<std::string_view> command_types() {
  std::vector<std::string_view> types;
  types.reserve(known.size());
  for (const Known& command : known) types.push_back(command.type);
  return types;
}

tl::expected<chat::Command, chat::Rejection> parse_command(proto::JsonReader& json,
                                                           std::string_view text) {
  const std::optional<JsonValue> object = json.parse(text);
  if (!object || !object->is_object()) {
    return tl::make_unexpected(
        chat::Rejection{{FailureCode::bad_json, "Invalid JSON format"}, {}, {}});
  }
  // So that the client can match a refusal, these are read first and kept whatever is wrong.
  Fields fields{*object};
  chat::Rejection rejection;
  if (const auto ref = fields.get("ref")) {
    const std::optional<std::string_view> value = ref->string();
    if (value && value->size() <= chat::max_ref_bytes) {
      rejection.ref = *value;
    } else {
      fields.wrong("ref");
    }
  }
  if (const auto id = fields.get("clientMessageId", "client_message_id")) {
    const std::optional<std::string_view> value = id->string();
    if (value && value->size() <= chat::max_client_message_id_bytes) {
      rejection.client_message_id = *value;
    }
  }
  const std::optional<JsonValue> type = fields.get("type");
  const std::string_view name = type ? type->string().value_or("") : "";
  const auto* const found = std::ranges::find(known, name, &Known::type);
  if (found == known.end()) {
    rejection.failure = {FailureCode::unknown_type, "Unknown message type"};
    return tl::make_unexpected(std::move(rejection));
  }
  chat::Command command{rejection.ref, found->read(fields)};
  if (fields.failure) {
    rejection.failure = std::move(*fields.failure);
    return tl::make_unexpected(std::move(rejection));
  }
  return command;
}

}  // namespace starling::api
