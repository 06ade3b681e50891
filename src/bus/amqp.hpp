// A connection to RabbitMQ: the only code that knows rabbitmq-c.
//
// The library blocks and belongs to one thread at a time, so whoever owns a connection is a thread
// of its own (the publisher, the consumer). Every call here ends within call_limit but one: a
// broker that has stopped reading can hold publish() until it goes on or the connection dies, which
// is why blocked() is to be asked before. A line on which nothing is acknowledged for dead_after is
// dead: TCP alone would try for a quarter of an hour, at ever longer intervals.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "bus/body.hpp"

struct amqp_connection_state_t_;

namespace starling::bus {

struct AmqpAddress {
  std::string host = "localhost";
  std::uint16_t port = 5672;
  std::string user = "guest";
  std::string password = "guest";
  std::string vhost = "/";
  bool tls = false;    // with a certificate that is verified against `tls_ca` and the host's name
  std::string tls_ca;  // a file; empty: the system's
};

// "amqp://user:password@host:port/vhost", or amqps:// for TLS; all but the scheme optional, percent
// escapes decoded. Without a port it is 5672, or 5671 for amqps. A
// failure does not show the text: it may hold a password. "amqp://host/" is the virtual host "/",
// too: hardly anybody has one without a name.
base::Result<AmqpAddress> parse_amqp_url(std::string_view url);

// What a queue may hold; beyond it the oldest messages go.
struct QueueBounds {
  std::uint32_t messages = 0;
  std::uint32_t bytes = 0;
  std::uint32_t age_ms = 0;  // messages older than that go, too; 0: of any age
};

class AmqpConnection {
 public:
  static constexpr std::chrono::milliseconds call_limit{2'000};
  static constexpr std::chrono::milliseconds dead_after{4'000};

  // Connects and logs in. `heartbeat_s`: a broker that is silent for twice as long is lost. `name`
  // is what `rabbitmqctl list_connections client_properties` shows.
  static base::Result<AmqpConnection> open(const AmqpAddress& address, unsigned heartbeat_s,
                                           const std::string& name);
  AmqpConnection(AmqpConnection&& other) noexcept = default;
  AmqpConnection& operator=(AmqpConnection&& other) noexcept = default;
  ~AmqpConnection() = default;

  base::Result<void> declare_exchange(std::string_view name, std::string_view type, bool durable);
  // A queue of this connection alone, with a name that the broker makes.
  base::Result<std::string> declare_queue(const QueueBounds& bounds);
  base::Result<void> bind(const std::string& queue, std::string_view exchange,
                          std::string_view routing_key);
  // receive() gives what comes to this queue from now on, taken from it for good.
  base::Result<void> consume(const std::string& queue);

  // Not waited for: the broker's answer to a message that it refuses closes the connection later.
  base::Result<void> publish(const Message& message);
  // Looks what the broker has sent; sees to heartbeats and blocked(). For a connection that
  // publishes.
  base::Result<void> serve();
  // The next message; nothing if none has come. Does not wait. For a connection that consumes.
  base::Result<std::optional<Message>> receive();

  // The broker takes nothing now: an alarm of its memory or disk.
  bool blocked() const { return blocked_; }
  int descriptor() const;  // to wait for
  // receive() may find something that the descriptor does not show.
  bool has_buffered() const;
  // Says goodbye, within call_limit.
  void close();

 private:
  struct Destroy {
    void operator()(amqp_connection_state_t_* state) const;
  };
  explicit AmqpConnection(amqp_connection_state_t_* state) : state_(state) {}
  base::Result<void> answer(const std::string& what);
  base::Result<bool> serve_frame();  // false: there was none

  std::unique_ptr<amqp_connection_state_t_, Destroy> state_;
  bool blocked_ = false;
};

}  // namespace starling::bus
