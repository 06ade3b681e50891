// What is refused while memory is short (chat/memory_ladder.hpp). What keeps the promises to those
// who are here (the pages of a resume, holes, marks, leaving, logging out) is never refused.
#include <memory>
#include <utility>
#include <variant>

#include "shard/core.hpp"

namespace starling::shard {
namespace {

using chat::Service;

constexpr std::size_t max_withheld = 1'000;            // of a room; then they are told after all
constexpr std::size_t spared_backlog_bytes = 8 << 20;  // of a shard: laggards keep so much

std::optional<Service> service_of(const chat::WriteRequest& request) {
  if (std::holds_alternative<chat::PostMessage>(request)) return Service::messages;
  if (std::holds_alternative<chat::JoinRoom>(request)) return Service::joins;
  if (std::holds_alternative<chat::CreateUser>(request)) return Service::joins;
  return std::nullopt;
}

std::optional<Service> service_of(const chat::ReadRequest& request) {
  const bool page_or_list = std::holds_alternative<chat::ReadPage>(request) ||
                            std::holds_alternative<chat::ListUsers>(request) ||
                            std::holds_alternative<chat::ListRooms>(request) ||
                            std::holds_alternative<chat::CountRoom>(request) ||
                            std::holds_alternative<chat::CountAll>(request);
  return page_or_list ? std::optional{Service::history} : std::nullopt;
}

std::optional<Service> service_of(const chat::HashRequest&) { return std::nullopt; }

}  // namespace

// True: it is not to be asked, and has been counted.
bool Core::refused_for_memory(const chat::Request& request) {
  if (memory_.step() == 0) return false;
  const std::optional<Service> service =
      std::visit([](const auto& group) { return service_of(group); }, request);
  return service && memory_.refuses(*service);
}

// Once a turn.
void Core::heed_memory() {
  const std::uint64_t received = connection_metrics_.bytes_received;
  if (received - measured_at_bytes_ >= memory_.measure_after_bytes()) {
    measured_at_bytes_ = received;
    options_.measure_memory();
  }
  const bool was_short = context_.short_of_memory;
  context_.short_of_memory = memory_.gives_up(Service::connections);
  if (was_short || !context_.short_of_memory) return;
  clients_.for_each([](base::Handle, Client& client) { client.connection.spare_memory(); });
  if (budget_.used_bytes() < spared_backlog_bytes) return;
  forget_backlogs();
  cut_off_stuck();
}

// Whoever came and went is told of as well: a member that entered in between may have been told
// that they are here.
void Core::withhold(Room& room, const chat::PresenceView::Change& change) {
  static_cast<void>(memory_.refuses(Service::names));
  room.count_changed = true;
  if (!room.withheld) room.withheld = std::make_unique<std::map<chat::UserId, std::string>>();
  room.withheld->insert_or_assign(change.user, change.username);
  if (room.withheld->size() >= max_withheld) tell_withheld(room);
}

void Core::tell_withheld() {
  for (auto& [name, room] : rooms_) {
    if (room.withheld) tell_withheld(room);
  }
}

void Core::tell_withheld(Room& room) {
  const auto changes = std::exchange(room.withheld, nullptr);
  const std::size_t count = presence_.count(room.name);
  if (count > config_.presence.events_max) return;  // names are not told there
  for (const auto& [user, username] : *changes) {
    const bool online = presence_.contains(room.name, user);
    tell_room(room,
              online ? api::user_joined(room.name, user, username, count, wall_)
                     : api::user_left(room.name, user, username, count, wall_),
              user);
  }
}

}  // namespace starling::shard
