// Bodies: what servers say to each other over the broker, as values and as AMQP messages.
//
// The text of a body is lines. Of a body of events each is the JSON that clients get, byte for
// byte, so that any AMQP client can listen in. What only servers need stands in the message's
// headers: who says it, the number, the epoch, what each event follows, and a signature over all of
// it and the text.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bus/line_transport.hpp"
#include "chat/ids.hpp"

namespace starling::bus {

inline constexpr std::string_view event_exchange = "chat_exchange";  // topic, durable
inline constexpr std::string_view signal_exchange = "chat_signals";  // fanout, transient
inline constexpr std::string_view event_key_prefix = "chat.";        // and the partition
inline constexpr std::string_view beat_key = "beat";

inline constexpr unsigned max_partitions = 256;
inline constexpr std::size_t max_body_bytes = std::size_t{4} << 20;  // of one that is believed

enum class BodyKind : std::uint8_t {
  events,    // of one partition, numbered
  beat,      // the newest number of every partition, once a second: what is missing shows by it
  farewell,  // a beat of a server that ends: nothing follows
  lines,     // of a LineTransport
};

// What an event's line does not tell: its own id (a deletion's line has the message's), and that of
// the event before it in its room (0: there is none, or it is not known).
struct Link {
  chat::MessageId id = 0;
  chat::MessageId previous = 0;

  bool operator==(const Link&) const = default;
};

struct Body {
  BodyKind kind = BodyKind::events;
  Origin origin;
  std::uint64_t epoch = 0;    // events: of the archive that numbered them
  unsigned partition = 0;     // events
  std::uint64_t number = 0;   // events: 1, 2, 3, ... in (origin, partition), dropped ones included
  std::string text;           // lines, each with its end
  std::vector<Link> chain{};  // events: one for each line; empty: not told
};

// A message as AMQP carries it. Headers are text.
struct Message {
  std::string exchange;
  std::string routing_key;
  std::string type;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string text;
};

// What bodies are signed with (HMAC-SHA256), derived from a secret that all servers share.
using SigningKey = std::array<unsigned char, 32>;
SigningKey signing_key(std::string_view secret);

Message seal(Body&& body, const SigningKey& key);
// Nothing for what no server of the fleet has sealed.
std::optional<Body> open(Message&& message, const SigningKey& key);

// The text of a beat, and the numbers in one by partition; nothing if it is no beat's.
std::string beat_text(const std::vector<std::uint64_t>& numbers);
std::optional<std::vector<std::uint64_t>> numbers_of(std::string_view text);

// Where a room's events go: the same on every server, whatever it was built with (FNV-1a).
unsigned partition_of(std::string_view room, unsigned partitions);

// Calls visit(std::string_view line) for each line, without its end.
template <typename Visit>
void for_each_line(std::string_view text, Visit&& visit) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    visit(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

}  // namespace starling::bus
