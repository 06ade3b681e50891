#include "members.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "http.hpp"

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
  const Dialect& dialect = *party.dialect;
  std::vector<std::string> users(last - first);
  if (dialect.has_users()) users = make_users(options.ports[0], last - first);
  for (std::size_t i = first; i < last; ++i) {
    Room& room = party.rooms[i / options.members];
    const std::size_t place = i % options.members;
    const bool stalled = i < options.members && place >= options.members - options.stalled;
    Origin origin = origin_of(i);
    if (stalled) origin.receive_buffer_bytes = stalled_receive_bytes;
    Member& member = party.members.emplace_back(address_of(options, dialect, room.name, i), origin);
    member.room = &room;
    member.server = i % options.ports.size();
    member.user = users[i - first];
    member.stalled = stalled;
    if (place == 0) room.sender = &member;
    if (options.one_room) member.ledgers.resize(party.rooms.size());
    if (stalled) continue;
    if (options.one_room) {
      for (Room& other : party.rooms) ++other.readers;
    } else {
      ++room.readers;
    }
  }
  for (std::size_t i = first; i < last; ++i) {
    Member& member = party.members[i];
    member.client.finish_upgrade();
    if (!dialect.greeting().empty()) member.client.await(dialect.greeting());
    dialect.enter(member.client, member.room->name, member.user);
  }
  for (std::size_t i = first; i < last && !dialect.welcome().empty(); ++i) {
    party.members[i].client.await(dialect.welcome());
  }
}

}  // namespace

std::vector<std::string> make_users(std::uint16_t port, std::size_t count) {
  static std::size_t made = 0;  // one thread
  std::vector<std::string> users;
  while (users.size() < count) {
    std::vector<Post> posts;
    const std::size_t group = std::min(group_size, count - users.size());
    for (std::size_t i = 0; i < group; ++i) {
      const std::string name = "load-" + std::to_string(::getpid()) + "-" + std::to_string(++made);
      posts.emplace_back(port, "/api/users", R"({"username":")" + name + R"(","email":"l@x"})");
    }
    for (Post& post : posts) users.push_back(user_id(post.answer()));
  }
  return users;
}

Address address_of(const Options& options, const Dialect& dialect, std::string_view room,
                   std::size_t index) {
  return {options.ports[index % options.ports.size()], dialect.path(room), dialect.subprotocol()};
}

Origin origin_of(std::size_t index) {
  return {1 + static_cast<int>(index / clients_per_source), 0};
}

Party make_party(const Options& options) {
  Party party{make_dialect(options.adapter, options.path), {}, {}};
  party.rooms.resize(options.rooms);
  for (unsigned i = 0; i < options.rooms; ++i) {
    party.rooms[i].name =
        "load-" + std::to_string(::getpid()) + "-" + std::to_string(options.one_room ? 0 : i);
    if (options.mode == Mode::closed) party.rooms[i].readers_missing.resize(options.window);
  }
  return party;
}

void gather(const Options& options, Party& party, std::size_t members) {
  const bool watched = ::isatty(STDERR_FILENO) == 1;
  for (std::size_t first = party.members.size(); first < members; first += group_size) {
    connect_group(options, party, first, std::min(members, first + group_size));
    if (watched) std::fprintf(stderr, "\r%zu of %zu members ", party.members.size(), members);
  }
  if (watched) std::fprintf(stderr, "\n");
}

}  // namespace starling::bench
