#include "bus/signal_lines.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <variant>

#include "chat/ids.hpp"
#include "chat/presence.hpp"
#include "proto/json_writer.hpp"

namespace starling::bus {
namespace {

using chat::PresenceDelta;
using chat::PresenceDigest;
using chat::PresencePlace;
using proto::JsonValue;
using proto::JsonWriter;

// Names that were taken over have up to 255 characters of four bytes.
constexpr std::size_t max_name_bytes = 1'024;
constexpr std::size_t max_text_bytes = 256;  // of addresses, versions, token ids
constexpr std::size_t max_entries = 4'096;   // of one line; it has not room for so many
// A line is ended when this is left of it: for an entry whose name is all control characters, each
// six bytes in JSON, and for what stands behind the entries.
constexpr std::size_t reserve_bytes = 8 * 1'024;
static_assert(reserve_bytes > 6 * max_name_bytes + 2 * chat::max_room_id_bytes + 200);

// ---- writing ---------------------------------------------------------------------------------

class Lines {
 public:
  explicit Lines(std::vector<std::string>& lines) : lines_(lines) {}

  void operator()(const chat::PresenceSignal&) {}  // becomes part of a delta
  void operator()(const chat::PresenceWanted&) {}

  void operator()(const PresenceDelta& delta) {
    std::size_t i = 0;
    while (i < delta.changes.size()) {
      std::string& line = lines_.emplace_back();
      JsonWriter json{line};
      json.begin_object().field("type", "presence").field("shard", unsigned{delta.from.shard});
      json.key("changes").begin_array();
      for (; i < delta.changes.size() && !full(line); ++i) {
        const PresenceDelta::Entry& change = delta.changes[i];
        json.begin_array().value(change.room).value(change.user).value(change.username);
        json.value(change.online).end_array();
      }
      json.end_array().end_object();
    }
  }

  void operator()(const PresenceDigest& part) {
    std::size_t i = 0;
    const PresencePlace* begin = part.begin ? &*part.begin : nullptr;
    do {
      std::string& line = lines_.emplace_back();
      JsonWriter json{line};
      json.begin_object().field("type", "digest").field("shard", unsigned{part.from.shard});
      if (begin) write("begin", *begin, json);
      json.key("people").begin_array();
      for (; i < part.people.size() && !full(line); ++i) {
        const auto& [place, username] = part.people[i];
        json.begin_array().value(place.room).value(place.user).value(username).end_array();
      }
      json.end_array();
      if (i < part.people.size()) {
        begin = &part.people[i].place;
        write("end", *begin, json);
      } else if (part.end) {
        write("end", *part.end, json);
      }
      json.end_object();
    } while (i < part.people.size());
  }

  void operator()(const chat::ServerSignal& server) {
    JsonWriter json{lines_.emplace_back()};
    json.begin_object().field("type", "server").field("address", server.address);
    json.field("version", server.version).field("startedAt", server.started_at);
    json.field("connections", server.connections).field("rooms", server.rooms);
    json.field("archive", server.archive).end_object();
  }
  void operator()(const chat::TypingSignal& typing) {
    JsonWriter json{lines_.emplace_back()};
    json.begin_object().field("type", "typing").field("room", typing.room);
    json.field("user", typing.user).field("name", typing.username);
    json.field("typing", typing.typing).end_object();
  }
  void operator()(const chat::ReadSignal& read) {
    JsonWriter json{lines_.emplace_back()};
    json.begin_object().field("type", "read").field("room", read.room).field("user", read.user);
    json.field("seq", read.seq).field("head", read.head).field("unread", read.unread).end_object();
  }
  void operator()(const chat::StatusSignal& status) {
    JsonWriter json{lines_.emplace_back()};
    json.begin_object().field("type", "status").field("user", status.user);
    json.field("name", status.username).field("online", status.online);
    json.field("lastSeenAt", status.last_seen_at).end_object();
  }
  void operator()(const chat::RevokedSignal& revoked) {
    JsonWriter json{lines_.emplace_back()};
    json.begin_object().field("type", "revoked").field("token", revoked.token_id);
    json.field("expires", revoked.expires).end_object();
  }

 private:
  static bool full(const std::string& line) { return line.size() + reserve_bytes > max_line_bytes; }
  static void write(std::string_view name, const PresencePlace& place, JsonWriter& json) {
    json.key(name).begin_array().value(place.room).value(place.user).end_array();
  }

  std::vector<std::string>& lines_;
};

// ---- reading ---------------------------------------------------------------------------------

// Takes what it is asked for; once something was not there or not as it should be, ok() is false.
class Fields {
 public:
  explicit Fields(const JsonValue& object) : object_(object) {}

  bool ok() const { return ok_; }

  std::string text(std::string_view name, std::size_t max_bytes) {
    return text_of(object_.member(name), max_bytes);
  }
  std::string text_of(const std::optional<JsonValue>& value, std::size_t max_bytes) {
    const auto text = value ? value->string() : std::nullopt;
    if (!text || text->size() > max_bytes) return fail<std::string>();
    return std::string{*text};
  }
  std::uint64_t number(std::string_view name, std::uint64_t low, std::uint64_t high) {
    return number_of(object_.member(name), low, high);
  }
  std::uint64_t number_of(const std::optional<JsonValue>& value, std::uint64_t low,
                          std::uint64_t high) {
    const auto number = value ? value->unsigned_integer() : std::nullopt;
    if (!number || *number < low || *number > high) return fail<std::uint64_t>();
    return *number;
  }
  bool truth(std::string_view name) { return truth_of(object_.member(name)); }
  bool truth_of(const std::optional<JsonValue>& value) {
    const auto truth = value ? value->boolean() : std::nullopt;
    return truth ? *truth : fail<bool>();
  }
  chat::UserId user() { return number("user", 1, chat::max_id); }
  std::string name() { return text("name", max_name_bytes); }
  std::string room() {
    std::string room = text("room", chat::max_room_id_bytes);
    return chat::valid_room_id(room) ? room : fail<std::string>();
  }
  base::WallMs time(std::string_view name) {
    return static_cast<base::WallMs>(number(name, 0, chat::max_id));
  }
  chat::Origin shard_of(const Origin& from) {
    return {static_cast<std::uint16_t>(number("shard", 0, chat::own_sources - 1)), from.server,
            from.incarnation};
  }
  // [room, user], or the first two of more elements.
  PresencePlace place_of(const std::vector<JsonValue>& elements) {
    PresencePlace place{text_of(elements[0], chat::max_room_id_bytes),
                        number_of(elements[1], 1, chat::max_id)};
    if (!place.room.empty() && !chat::valid_room_id(place.room)) ok_ = false;
    return place;
  }
  std::optional<PresencePlace> place(std::string_view name) {
    const auto value = object_.member(name);
    if (!value) return std::nullopt;
    const auto elements = value->elements();
    if (!elements || elements->size() != 2) return fail<std::optional<PresencePlace>>();
    return place_of(*elements);
  }
  // Calls visit(elements) for each entry, an array of `size` elements itself.
  template <typename Visit>
  void entries(std::string_view name, std::size_t size, Visit&& visit) {
    const auto value = object_.member(name);
    const auto all = value ? value->elements() : std::nullopt;
    if (!all || all->size() > max_entries) {
      ok_ = false;
      return;
    }
    for (const JsonValue& entry : *all) {
      const auto elements = entry.elements();
      if (!elements || elements->size() != size) ok_ = false;
      if (!ok_) return;
      visit(*elements);
    }
  }

 private:
  template <typename Value>
  Value fail() {
    ok_ = false;
    return {};
  }

  const JsonValue& object_;
  bool ok_ = true;
};

chat::Signal delta_of(Fields& fields, const Origin& from) {
  PresenceDelta delta{fields.shard_of(from), {}};
  fields.entries("changes", 4, [&](const std::vector<JsonValue>& entry) {
    PresencePlace place = fields.place_of(entry);
    delta.changes.push_back({std::move(place.room), place.user,
                             fields.text_of(entry[2], max_name_bytes), fields.truth_of(entry[3])});
  });
  return delta;
}

// Whether its people stand in order and in its range.
bool in_order(const PresenceDigest& part) {
  const PresencePlace* before = nullptr;
  for (const auto& [place, username] : part.people) {
    if (before ? !(*before < place) : part.begin && place < *part.begin) return false;
    before = &place;
  }
  if (before && part.end) return *before < *part.end;
  return !part.begin || !part.end || *part.begin < *part.end;
}

chat::Signal digest_of(Fields& fields, const Origin& from, bool& sound) {
  PresenceDigest part{fields.shard_of(from), fields.place("begin"), fields.place("end"), {}};
  fields.entries("people", 3, [&](const std::vector<JsonValue>& entry) {
    PresencePlace place = fields.place_of(entry);
    part.people.push_back({std::move(place), fields.text_of(entry[2], max_name_bytes)});
  });
  sound = in_order(part);
  return part;
}

chat::Signal server_of(Fields& fields, const Origin& from) {
  chat::ServerSignal server;
  server.from = {0, from.server, from.incarnation};
  server.address = fields.text("address", max_text_bytes);
  server.version = fields.text("version", max_text_bytes);
  server.started_at = fields.time("startedAt");
  server.connections = fields.number("connections", 0, chat::max_id);
  server.rooms = fields.number("rooms", 0, chat::max_id);
  server.archive = fields.truth("archive");
  return server;
}

}  // namespace

void append_lines(const chat::Signal& signal, std::vector<std::string>& lines) {
  std::visit(Lines{lines}, signal);
}

std::optional<chat::Signal> parse_line(proto::JsonReader& json, const Origin& from,
                                       std::string_view line) {
  const std::optional<JsonValue> object = json.parse(line);
  if (!object || !object->is_object()) return std::nullopt;
  Fields fields{*object};
  const std::string type = fields.text("type", max_text_bytes);
  std::optional<chat::Signal> signal;
  bool sound = true;
  if (type == "presence") {
    signal = delta_of(fields, from);
  } else if (type == "digest") {
    signal = digest_of(fields, from, sound);
  } else if (type == "server") {
    signal = server_of(fields, from);
  } else if (type == "typing") {
    signal =
        chat::TypingSignal{fields.room(), fields.user(), fields.name(), fields.truth("typing")};
  } else if (type == "read") {
    signal = chat::ReadSignal{/*knowing_session=*/0,
                              fields.room(),
                              fields.user(),
                              fields.number("seq", 0, chat::max_id),
                              fields.number("head", 0, chat::max_id),
                              fields.number("unread", 0, chat::max_id)};
  } else if (type == "status") {
    signal = chat::StatusSignal{fields.user(), fields.name(), fields.truth("online"),
                                fields.time("lastSeenAt")};
  } else if (type == "revoked") {
    signal = chat::RevokedSignal{fields.text("token", max_text_bytes), fields.time("expires")};
  }
  if (!fields.ok() || !sound) return std::nullopt;
  return signal;
}

}  // namespace starling::bus
