#include "members.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace starling::bench {
namespace {

constexpr unsigned clients_per_source = 20'000;
// So many join side by side: their commits are shared, and the server's backlog holds them.
constexpr std::size_t group_size = 64;
constexpr int stalled_receive_bytes = 8 * 1024;

std::string user_id(const std::string& answer) {
  constexpr std::string_view name = "\"id\":";
  const std::size_t at = answer.find(name);
  std::uint64_t id = 0;
  if (at != std::string::npos) {
    std::from_chars(answer.data() + at + name.size(), answer.data() + answer.size(), id);
  }
  if (id == 0) give_up("the server makes no user: " + answer);
  return std::to_string(id);
}

void connect_group(const Options& options, Party& party, std::size_t first, std::size_t last) {
  const std::string run = std::to_string(::getpid());
  std::vector<Post> users;
  for (std::size_t i = first; i < last; ++i) {
    if (!options.raw) {
      const std::string name = "load-" + run + "-" + std::to_string(i);
      users.emplace_back(options.port, "/api/users",
                         R"({"username":")" + name + R"(","email":"l@x"})");
    }
    Room& room = party.rooms[i / options.members];
    const std::size_t place = i % options.members;
    const bool stalled = i < options.members && place >= options.members - options.stalled;
    const Origin origin{1 + static_cast<int>(i / clients_per_source),
                        stalled ? stalled_receive_bytes : 0};
    Member& member =
        party.members.emplace_back(options.port, options.raw ? "" : "starling.v1", origin);
    member.room = &room;
    member.stalled = stalled;
    if (place == 0) room.sender = &member;
    if (!stalled) ++room.readers;
  }
  for (std::size_t i = first; i < last; ++i) {
    Member& member = party.members[i];
    member.client.finish_upgrade();
    if (options.raw) continue;
    member.client.await("\"welcome\"");
    member.client.send(R"({"type":"auth","userId":)" + user_id(users[i - first].answer()) +
                       R"(,"roomId":")" + member.room->name + "\"}");
    member.client.flush();
  }
  for (std::size_t i = first; i < last && !options.raw; ++i) {
    party.members[i].client.await("\"room_joined\"");
  }
}

}  // namespace

Party gather(const Options& options) {
  Party party;
  party.rooms.resize(options.rooms);
  for (unsigned i = 0; i < options.rooms; ++i) {
    party.rooms[i].name = "load-" + std::to_string(::getpid()) + "-" + std::to_string(i);
    if (options.mode == Mode::closed) party.rooms[i].readers_missing.resize(options.window);
  }
  const bool watched = ::isatty(STDERR_FILENO) == 1;
  const std::size_t total = std::size_t{options.rooms} * options.members;
  for (std::size_t first = 0; first < total; first += group_size) {
    connect_group(options, party, first, std::min(total, first + group_size));
    if (watched) std::fprintf(stderr, "\r%zu of %zu members ", party.members.size(), total);
  }
  if (watched) std::fprintf(stderr, "\n");
  return party;
}

void say(const Options& options, Room& room, std::string_view content) {
  Client& client = room.sender->client;
  if (options.raw) {
    client.send(content);
    return;
  }
  static std::string command;  // one thread; its memory is used again
  command.assign(R"({"type":"chat_message","roomId":")").append(room.name);
  command.append(R"(","content":")").append(content).append("\"}");
  client.send(command);
}

}  // namespace starling::bench
