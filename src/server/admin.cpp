#include "server/admin.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "base/slot_map.hpp"
#include "io/clock.hpp"
#include "io/ring.hpp"
#include "net/connection.hpp"
#include "net/listener.hpp"
#include "server/crew.hpp"

namespace starling::server {
namespace {

using std::chrono::seconds;

constexpr std::size_t max_connections = 64;       // further ones are accepted and closed at once
constexpr std::size_t unread_bytes = 256 * 1024;  // of answers of one; it is read no further then
constexpr base::Duration tick_interval = seconds{1};
constexpr base::Duration accept_pause = std::chrono::milliseconds{100};  // after EMFILE and such
constexpr base::Duration longest_wait = std::chrono::milliseconds{100};
constexpr io::RingOptions small_ring{.submission_entries = 64,
                                     .completion_entries = 256,
                                     .receive_buffers = 64,
                                     .receive_buffer_bytes = 1'024};

// Whoever asks here is a program nearby; what operators set is for clients.
net::ConnectionLimits limits_of_admin() {
  net::ConnectionLimits limits;
  limits.head_timeout = seconds{10};
  limits.body_timeout = seconds{10};
  limits.idle_timeout = seconds{120};  // longer than Prometheus waits between two scrapes
  limits.send_timeout = seconds{10};
  limits.max_body_bytes = 1'024;  // nothing here takes one
  limits.private_buffer_bytes = unread_bytes;
  return limits;
}

}  // namespace

// The connections of the listener, and what they are told. Lives on Admin's thread.
class Admin::Desk final : private net::ConnectionOwner {
 public:
  Desk(std::unique_ptr<io::Ring> ring, int listener, const api::AdminSources& sources);

  // Waits at most `longest`, or until wake().
  void turn(base::Duration longest);
  void close();  // cuts off who is connected; returns when nothing is in flight
  io::Wake& wake() { return ring_->wake(); }

 private:
  void run(const io::Completion& completion);
  void on_accepted(const io::Completion& completion);
  void run_timers();

  void on_request(net::Connection& connection, proto::HttpRequest& request) override {
    connection.respond(api::answer_admin(request, sources_));
  }
  void on_upgrade(net::Connection& connection, proto::HttpRequest&) override {
    connection.respond(proto::problem(404, "not_found", "No WebSocket endpoint here"));
  }
  void on_writable(net::Connection& connection) override { connection.flush(); }
  void on_closing(net::Connection&) override {}
  void on_closed(net::Connection& connection) override { closed_.push_back(connection.handle()); }
  // Nobody is asked for a PROXY header, and nobody upgrades.
  void on_proxy_header(net::Connection&, const proto::ProxyHeader&) override {}
  bool on_message(net::Connection&, proto::Opcode, std::string_view) override { return false; }
  void on_control(net::Connection&) override {}

  const std::unique_ptr<io::Ring> ring_;
  const int listener_;
  const api::AdminSources& sources_;
  const net::ConnectionLimits limits_ = limits_of_admin();
  base::ChunkBudget budget_{max_connections * unread_bytes};  // as much as they may hold together
  proto::MessageReaderPool readers_;
  net::ConnectionMetrics metrics_;
  net::ConnectionContext context_;
  base::SlotMap<net::Connection> connections_;
  std::vector<base::Handle> closed_;
  bool closing_ = false;
  bool accepting_ = false;
  base::Instant accept_again_;
  base::Instant next_tick_;
};

Admin::Desk::Desk(std::unique_ptr<io::Ring> ring, int listener, const api::AdminSources& sources)
    : ring_(std::move(ring)), listener_(listener), sources_(sources) {
  context_.ring = ring_.get();
  context_.owner = this;
  context_.budget = &budget_;
  context_.readers = &readers_;
  context_.limits = &limits_;
  context_.metrics = &metrics_;
  context_.now = io::now();
  context_.wall = io::wall_clock();
  accept_again_ = context_.now;
  next_tick_ = context_.now + tick_interval;
}

void Admin::Desk::turn(base::Duration longest) {
  const base::Duration until_tick = next_tick_ - io::now();
  const base::Duration wait = std::clamp(until_tick, base::Duration::zero(), longest);
  const std::span<const io::Completion> completions = ring_->turn(wait);
  ring_->wake().awake();
  context_.now = io::now();
  context_.wall = io::wall_clock();
  for (const io::Completion& completion : completions) run(completion);
  net::rearm_starved(context_);
  run_timers();
  net::run_deferred(context_);
  for (const base::Handle handle : std::exchange(closed_, {})) connections_.erase(handle);
  ring_->wake().prepare_sleep();  // from here on wake() ends the next wait
}

void Admin::Desk::run(const io::Completion& completion) {
  const io::Token token = completion.token;
  if (token.operation == io::Operation::accept) {
    on_accepted(completion);
    return;
  }
  net::Connection* const connection = connections_.find(token.owner);
  if (!connection) return;  // it is gone
  if (token.operation == io::Operation::receive) {
    connection->on_received(completion);
  } else if (token.operation == io::Operation::send) {
    connection->on_sent(completion);
  }
}

void Admin::Desk::on_accepted(const io::Completion& completion) {
  if (!completion.armed) accepting_ = false;
  const int socket = completion.result;
  if (socket < 0) {
    if (closing_) return;
    accept_again_ = context_.now + accept_pause;
    base::log(base::LogLevel::warning, "a connection to the admin listener could not be accepted",
              {{"error", std::strerror(-socket)}});
    return;
  }
  if (closing_ || connections_.size() >= max_connections) {
    ring_->close(socket);
    return;
  }
  const base::Handle handle = connections_.emplace(context_, connections_.next_handle(), socket);
  connections_.find(handle)->start();
}

void Admin::Desk::run_timers() {
  if (!closing_ && !accepting_ && accept_again_ <= context_.now) {
    ring_->accept(listener_, {io::Operation::accept, {0, 1}});
    accepting_ = true;
  }
  if (context_.now < next_tick_) return;
  next_tick_ = context_.now + tick_interval;
  connections_.for_each([](base::Handle, net::Connection& connection) { connection.tick(); });
}

void Admin::Desk::close() {
  closing_ = true;
  if (accepting_) ring_->cancel({io::Operation::accept, {0, 1}});
  connections_.for_each(
      [](base::Handle, net::Connection& connection) { connection.abort(net::Ending::stopped); });
  while (accepting_ || connections_.size() != 0) turn(longest_wait);
}

base::Result<std::unique_ptr<Admin>> Admin::start(int listener, api::AdminSources sources) {
  std::unique_ptr<Admin> admin{new Admin};
  admin->thread_ = std::thread{
      [self = admin.get(), listener, own = std::move(sources)] { self->live(listener, own); }};
  base::Error failure = admin->made_.get_future().get();
  if (!failure.message.empty()) return tl::make_unexpected(std::move(failure));
  return admin;
}

void Admin::live(int listener, const api::AdminSources& sources) {
  name_thread("admin");
  base::Result<std::unique_ptr<io::Ring>> ring = io::Ring::create(small_ring);
  if (ring) desk_ = std::make_unique<Desk>(std::move(*ring), listener, sources);
  made_.set_value(ring ? base::Error{} : std::move(ring.error()));
  if (!desk_) return;
  while (!stopping_.load(std::memory_order_acquire)) desk_->turn(longest_wait);
  desk_->close();
}

Admin::~Admin() {
  stopping_.store(true, std::memory_order_release);
  if (desk_) desk_->wake().notify();
  thread_.join();
}

}  // namespace starling::server
