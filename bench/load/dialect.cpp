#include "dialect.hpp"

#include <utility>

namespace starling::bench {
namespace {

class Starling final : public Dialect {
 public:
  std::string path(std::string_view) const override { return "/ws"; }
  std::string_view subprotocol() const override { return "starling.v1"; }
  bool has_users() const override { return true; }
  std::string_view greeting() const override { return "\"welcome\""; }
  std::string_view welcome() const override { return "\"room_joined\""; }

  void enter(Client& client, std::string_view room, std::string_view user) const override {
    client.send(std::string{R"({"type":"auth","userId":)"}.append(user).append(R"(,"roomId":")") +
                std::string{room} + "\"}");
    client.flush();
  }

  void say(Client& client, std::string_view room, std::string_view content) const override {
    static std::string command;  // one thread; its memory is used again
    command.assign(R"({"type":"chat_message","roomId":")").append(room);
    command.append(R"(","content":")").append(content).append("\"}");
    client.send(command);
  }

  bool refuses(Client&, std::string_view payload) const override {
    return payload.starts_with(R"({"type":"error")");
  }
};

class Raw final : public Dialect {
 public:
  explicit Raw(std::string path) : path_(std::move(path)) {}

  std::string path(std::string_view room) const override {
    constexpr std::string_view place = "{room}";
    std::string path = path_;
    if (const std::size_t at = path.find(place); at != std::string::npos) {
      path.replace(at, place.size(), room);
    }
    return path;
  }

  void say(Client& client, std::string_view, std::string_view content) const override {
    client.send(content);
  }

 private:
  std::string path_;
};

class SocketIo final : public Dialect {
 public:
  std::string path(std::string_view room) const override {
    return std::string{"/socket.io/?EIO=4&transport=websocket&room="}.append(room);
  }
  std::string_view greeting() const override { return "\"sid\""; }
  std::string_view welcome() const override { return "joined"; }

  void enter(Client& client, std::string_view, std::string_view) const override {
    client.send("40");
    client.flush();
  }

  void say(Client& client, std::string_view, std::string_view content) const override {
    client.send(std::string{"42[\"say\",\""}.append(content).append("\"]"));
  }

  bool refuses(Client& client, std::string_view payload) const override {
    if (payload == "2") {  // its ping
      client.send("3");
      client.flush();
    }
    return false;
  }
};

class Nats final : public Dialect {
 public:
  std::string path(std::string_view) const override { return "/"; }
  std::string_view greeting() const override { return "INFO"; }
  std::string_view welcome() const override { return "PONG"; }
  bool packs() const override { return true; }

  void enter(Client& client, std::string_view room, std::string_view) const override {
    client.send(std::string{"CONNECT {\"verbose\":false,\"pedantic\":false}\r\nSUB "}.append(room) +
                    " 1\r\nPING\r\n",
                opcode_binary);
    client.flush();
  }

  void say(Client& client, std::string_view room, std::string_view content) const override {
    client.send(std::string{"PUB "}.append(room).append(" ") + std::to_string(content.size()) +
                    std::string{"\r\n"}.append(content).append("\r\n"),
                opcode_binary);
  }

  bool refuses(Client& client, std::string_view payload) const override {
    if (payload.ends_with("PING\r\n")) {
      client.send("PONG\r\n", opcode_binary);
      client.flush();
    }
    return payload.starts_with("-ERR");
  }
};

}  // namespace

std::unique_ptr<Dialect> make_dialect(const std::string& name, const std::string& path) {
  if (name == "raw") return std::make_unique<Raw>(path);
  if (name == "socketio") return std::make_unique<SocketIo>();
  if (name == "nats") return std::make_unique<Nats>();
  return std::make_unique<Starling>();
}

}  // namespace starling::bench
