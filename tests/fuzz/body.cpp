// What comes from the broker: a body that was sealed comes back as it was; one that was changed, or
// that nobody of the fleet has sealed, does not; and its lines are events or are left out.
#include "bus/body.hpp"

#include "bus/event_lines.hpp"
#include "chat/ids.hpp"
#include "input.hpp"

namespace starling::fuzz {
namespace {

using bus::Body;
using bus::Message;

const bus::SigningKey key = bus::signing_key("a secret of all servers");

bool same(const Body& a, const Body& b) {
  return a.kind == b.kind && a.origin == b.origin && a.epoch == b.epoch &&
         a.partition == b.partition && a.number == b.number && a.text == b.text &&
         a.chain == b.chain;
}

void read_lines(const Body& body) {
  static proto::JsonReader json{bus::max_line_bytes};
  chat::CommittedBatch batch;
  std::size_t lines = 0;
  bus::for_each_line(body.text, [&](std::string_view line) {
    ++lines;
    const std::size_t before = batch.frames.size();
    const bool taken = bus::append_event(json, line, {1, 0}, batch);
    require(taken == (batch.frames.size() > before), "what is left out leaves nothing behind");
    require(!taken || batch.frames.ends_with(line), "a frame is the line itself");
  });
  require(batch.entries.size() <= lines, "a line is one event at most");
  for (const auto& entry : batch.entries) {
    require(chat::valid_room_id(entry.event.room), "an event is of a room");
    require(entry.event.seq > 0 && entry.event.id > 0, "an event has its place");
  }
}

// One byte of what was sealed becomes another one.
void change(Message& message, unsigned where, unsigned what) {
  std::vector<std::string*> parts{&message.type, &message.text};
  for (auto& [name, value] : message.headers) parts.insert(parts.end(), {&name, &value});
  std::string& part = *parts[where % parts.size()];
  if (part.empty()) {
    part.push_back(static_cast<char>(what));
  } else {
    part[where / parts.size() % part.size()] = static_cast<char>(what);
  }
}

// Headers as a stranger may write them: name=value, a line each, and behind an empty one the text.
Message message_of(std::string_view text) {
  Message message;
  message.type = "events";
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.empty()) break;
    const std::size_t name = std::min(line.size(), line.find('='));
    message.headers.emplace_back(line.substr(0, name),
                                 line.substr(std::min(line.size(), name + 1)));
  }
  message.text = text;
  return message;
}

}  // namespace
}  // namespace starling::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace starling;
  fuzz::Input input{data, size};
  const unsigned kind = input.byte();
  const unsigned where = input.byte();
  const unsigned what = input.byte();
  const std::string_view rest = input.rest();

  fuzz::require(!bus::open(fuzz::message_of(rest), fuzz::key), "a stranger is not believed");

  bus::Body body;
  body.kind = static_cast<bus::BodyKind>(kind % 4);
  body.origin = {std::string{rest.substr(0, kind / 4)}, std::uint64_t{what} << (where % 56)};
  body.epoch = what;
  body.partition = where % bus::max_partitions;
  body.number = std::uint64_t{where} << (what % 56);
  body.text = rest;
  body.chain.assign(kind % 3, {where, what});
  const bus::Message sealed = bus::seal(bus::Body{body}, fuzz::key);
  const auto opened = bus::open(bus::Message{sealed}, fuzz::key);
  fuzz::require(opened && fuzz::same(*opened, body), "a body comes back as it was sealed");
  fuzz::read_lines(*opened);

  bus::Message changed = sealed;
  fuzz::change(changed, where, what);
  const auto reopened = bus::open(std::move(changed), fuzz::key);
  fuzz::require(!reopened || fuzz::same(*reopened, body), "what was changed is not believed");

  if (const auto numbers = bus::numbers_of(rest)) {
    fuzz::require(numbers->size() <= bus::max_partitions, "a beat is bounded");
    fuzz::require(bus::numbers_of(bus::beat_text(*numbers)) == numbers, "a beat comes back");
  }
  return 0;
}
