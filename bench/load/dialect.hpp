// Dialect: the adapter between the load and one kind of server. What is measured is the same for
// all of them: a message of a room's first member, with a mark in it, comes to every member.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "client.hpp"

namespace starling::bench {

class Dialect {
 public:
  virtual ~Dialect() = default;

  virtual std::string path(std::string_view room) const = 0;
  virtual std::string_view subprotocol() const { return {}; }
  // Where the server knows its users; each member is one of its own then.
  virtual bool has_users() const { return false; }
  // Where a frame may hold many messages.
  virtual bool packs() const { return false; }

  // A part of what the server says first; empty: nothing is awaited.
  virtual std::string_view greeting() const { return {}; }
  // What a client that has been greeted says to become a member.
  virtual void enter(Client&, std::string_view room, std::string_view user) const {
    static_cast<void>(room), static_cast<void>(user);
  }
  // A part of what the server says to a new member; empty: nothing is awaited.
  virtual std::string_view welcome() const { return {}; }
  virtual void say(Client& client, std::string_view room, std::string_view content) const = 0;
  // A frame in which nobody's message is: a refusal of what this client has said, if true.
  virtual bool refuses(Client&, std::string_view payload) const {
    static_cast<void>(payload);
    return false;
  }
};

// "starling": its own protocol, in open mode.
// "raw": connections of one path are a room, and every frame goes to all of them as it is. `path`
//   has "{room}" where the room's name belongs.
// "socketio": Socket.IO 4 over WebSocket, as bench/peers/socketio.mjs speaks it.
// "nats": NATS over its WebSocket listener; a room is a subject.
std::unique_ptr<Dialect> make_dialect(const std::string& name, const std::string& path);

}  // namespace starling::bench
