// Messages.
#include <algorithm>

#include "api/bounds.hpp"
#include "api/route.hpp"

namespace starling::api {
namespace {

using chat::FailureCode;
using proto::HttpResponse;
using proto::JsonWriter;

constexpr std::uint64_t max_page_number = 1'000'000'000;

unsigned limit_of(const proto::HttpRequest& request) {
  return static_cast<unsigned>(query_number(request, "limit", default_page, 1, max_page));
}

// What is read of the room in the path; from where is for the caller to say.
chat::ReadPage messages_of_room(const RestCall& call) {
  chat::ReadPage read;
  read.room = call.parameters[0];
  read.limit = limit_of(call.request);
  read.messages_only = true;
  read.reader = call.user();
  return read;
}

HttpResponse wrong_room() { return bad_request("The room id is not valid"); }

void write_messages(JsonWriter& json, const std::vector<chat::Event>& events) {
  json.key("messages").begin_array();
  for (const chat::Event& event : events) write_message(json, event);
  json.end_array();
}

// Reads a message's optional fields into `post`; what is wrong comes back.
std::optional<HttpResponse> read_options(RestCall& call, const proto::JsonValue& body,
                                         chat::PostMessage& post) {
  if (const auto type = field(body, "messageType", "message_type")) {
    post.message_type = type->string().value_or("");
    if (!chat::valid_message_type(post.message_type)) {
      return bad_request("message_type has 1 to 20 of a-z, 0-9, - and _");
    }
  }
  if (const auto metadata = field(body, "metadata")) {
    if (metadata->is_object()) post.metadata = metadata->text();
    const std::size_t most = call.context.config->limits.metadata_bytes;
    if (post.metadata.empty() || post.metadata.size() > most) {
      return bad_request("metadata is a JSON object of at most " + std::to_string(most) + " bytes");
    }
  }
  post.client_message_id = call.request.header("idempotency-key");
  if (const auto id = field(body, "clientMessageId", "client_message_id");
      id && post.client_message_id.empty()) {
    post.client_message_id = id->string().value_or("");
    if (post.client_message_id.empty()) return bad_request("clientMessageId is not valid");
  }
  if (!post.client_message_id.empty() && !chat::valid_client_message_id(post.client_message_id)) {
    return bad_request("An idempotency key has 1 to 64 printable characters");
  }
  return std::nullopt;
}

}  // namespace

Step post_message(RestCall& call) {
  const auto body = json_body(call);
  if (!body) return body.error();
  const auto content = field(*body, "content");
  const auto room = field(*body, "roomId", "room_id");
  const auto sender = field(*body, "senderId", "sender_id");
  chat::PostMessage post;
  post.content = content ? content->string().value_or("") : "";
  post.room = room ? room->string().value_or("") : "";
  post.sender = call.open_mode() ? 0 : call.user();
  if (sender) {
    const std::optional<std::uint64_t> id = natural(*sender);
    if (!id || *id == 0 || *id > chat::max_id) return bad_request("sender_id is not valid");
    if (!call.open_mode() && *id != call.user()) {
      return failure_response({FailureCode::forbidden, "The token belongs to another user"});
    }
    post.sender = *id;
  }
  if (post.sender == 0) post.sender = call.user();
  if (post.content.empty() || post.room.empty() || post.sender == 0) {
    return bad_request("Content, sender_id, and room_id are required");
  }
  if (!chat::valid_room_id(post.room)) return wrong_room();
  if (post.content.size() > call.context.config->limits.message_bytes) {
    return failure_response({FailureCode::too_large, "The message is too long"});
  }
  if (auto wrong = read_options(call, *body, post)) return std::move(*wrong);
  RestContext* const context = &call.context;
  const base::Instant now = context->surroundings->now();
  const base::Duration wait = context->quotas->wait_for_room(post.room, now);
  if (wait > base::Duration::zero()) return too_many(wait, "Too many messages in this room");
  post.may_create = context->quotas->may_create_rooms(post.sender, now);
  return ask<chat::MessagePosted>(
      chat::WriteRequest{std::move(post)}, [context](chat::MessagePosted&& posted) -> Step {
        context->quotas->note(posted, context->surroundings->now());
        std::string text;
        JsonWriter json{text};
        json.begin_object().field("message", "Message sent successfully").key("data");
        write_message(json, posted.event);
        json.end_object();
        return json_response(posted.duplicate ? 200 : 201, std::move(text));
      });
}

Step get_message(RestCall& call) {
  const chat::MessageId id = id_of(call.parameters[0]);
  if (id == 0) return failure_response({FailureCode::not_found, "Message not found"});
  return ask<chat::MessageFound>(chat::ReadRequest{chat::FindMessage{id, call.user()}},
                                 [](chat::MessageFound&& found) -> Step {
                                   std::string text;
                                   JsonWriter json{text};
                                   write_message(json, found.event);
                                   return json_response(200, std::move(text));
                                 });
}

Step delete_message(RestCall& call) {
  const chat::MessageId id = id_of(call.parameters[0]);
  if (id == 0) return failure_response({FailureCode::not_found, "Message not found"});
  return ask<chat::MessagePosted>(
      chat::WriteRequest{chat::DeleteMessage{id, call.user(), call.open_mode()}},
      [](chat::MessagePosted&&) -> Step {
        return json_response(200, R"({"message":"Message deleted successfully"})");
      });
}

Step list_messages(RestCall& call) {
  using Position = chat::ReadPage::Position;
  chat::ReadPage read = messages_of_room(call);
  if (!chat::valid_room_id(read.room)) return wrong_room();
  const bool before = call.request.query_value("beforeSeq") != nullptr;
  const bool after = call.request.query_value("afterSeq") != nullptr;
  if (before && after) return bad_request("Either beforeSeq or afterSeq, not both");
  if (before || after) {
    read.position = before ? Position::before_seq : Position::after_seq;
    read.value = query_number(call.request, before ? "beforeSeq" : "afterSeq", 0, 0, chat::max_id);
  } else {
    read.position = Position::page;
    read.value = query_number(call.request, "page", 1, 1, max_page_number);
  }
  return ask<chat::PageRead>(chat::ReadRequest{read},
                             [limit = read.limit, position = read.position,
                              number = read.value](chat::PageRead&& page) -> Step {
                               std::string text;
                               JsonWriter json{text};
                               json.begin_object();
                               write_messages(json, page.events);
                               json.key("pagination").begin_object();
                               if (position == Position::page) json.field("page", number);
                               json.field("limit", limit)
                                   .field("total", page.total)
                                   .field("pages", (page.total + limit - 1) / limit)
                                   .field("hasMore", page.has_more)
                                   .end_object();
                               json.end_object();
                               return json_response(200, std::move(text));
                             });
}

Step list_recent_messages(RestCall& call) {
  using Position = chat::ReadPage::Position;
  chat::ReadPage read = messages_of_room(call);
  if (!chat::valid_room_id(read.room)) return wrong_room();
  read.value = query_number(call.request, "lastId", 0, 0, chat::max_id);
  if (read.value == 0) read.value = query_number(call.request, "last_id", 0, 0, chat::max_id);
  read.position = read.value == 0 ? Position::latest : Position::after_id;
  return ask<chat::PageRead>(chat::ReadRequest{read}, [](chat::PageRead&& page) -> Step {
    std::string text;
    JsonWriter json{text};
    json.begin_object();
    write_messages(json, page.events);
    json.field("room_id", page.room).field("count", std::uint64_t{page.events.size()}).end_object();
    return json_response(200, std::move(text));
  });
}

Step count_room(RestCall& call) {
  if (!chat::valid_room_id(call.parameters[0])) return wrong_room();
  const base::WallMs now = call.context.surroundings->wall_clock();
  return ask<chat::RoomCounted>(chat::ReadRequest{chat::CountRoom{call.parameters[0]}},
                                [now](chat::RoomCounted&& counted) -> Step {
                                  std::string text;
                                  JsonWriter json{text};
                                  json.begin_object()
                                      .field("room_id", counted.room)
                                      .field("total_messages", counted.messages);
                                  json.key("generated_at").time(now).end_object();
                                  return json_response(200, std::move(text));
                                });
}

Step count_all(RestCall& call) {
  const base::WallMs now = call.context.surroundings->wall_clock();
  return ask<chat::AllCounted>(chat::ReadRequest{chat::CountAll{}},
                               [now](chat::AllCounted&& counted) -> Step {
                                 std::string text;
                                 JsonWriter json{text};
                                 json.begin_object().field("total_messages", counted.messages);
                                 json.key("room_stats").begin_array();
                                 for (const chat::RoomCounted& room : counted.rooms) {
                                   json.begin_object()
                                       .field("roomId", room.room)
                                       .field("messageCount", room.messages)
                                       .end_object();
                                 }
                                 json.end_array().key("generated_at").time(now).end_object();
                                 return json_response(200, std::move(text));
                               });
}

// Both shapes that older clients read: the sender as an object and as fields.
void write_message(JsonWriter& json, const chat::Event& event) {
  json.begin_object().field("id", event.id).field("seq", event.seq).field("content", event.content);
  json.key("createdAt").time(event.timestamp).key("timestamp").time(event.timestamp);
  json.key("sender")
      .begin_object()
      .field("id", event.sender)
      .field("username", event.sender_name)
      .end_object();
  json.field("senderId", event.sender)
      .field("senderUsername", event.sender_name)
      .field("roomId", event.room)
      .field("messageType", event.message_type)
      .key("metadata");
  if (event.metadata.empty()) {
    json.null();
  } else {
    json.raw(event.metadata);
  }
  if (!event.client_message_id.empty()) json.field("clientMessageId", event.client_message_id);
  json.end_object();
}

}  // namespace starling::api
