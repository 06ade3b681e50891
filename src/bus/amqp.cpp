#include "bus/amqp.hpp"

#include <amqp.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <initializer_list>
#include <utility>
#include <vector>

namespace starling::bus {
namespace {

constexpr amqp_channel_t channel = 1;
constexpr int frame_bytes = 131'072;  // RabbitMQ's own default
constexpr const char* system_authorities = "/etc/ssl/certs/ca-certificates.crt";

amqp_bytes_t bytes_of(std::string_view text) {
  return {text.size(), const_cast<char*>(text.data())};  // the library only reads it
}

std::string text_of(amqp_bytes_t bytes) {
  return {static_cast<const char*>(bytes.bytes), bytes.len};
}

timeval time_of(std::chrono::milliseconds time) {
  constexpr long per_second = 1'000;
  return {time.count() / per_second, time.count() % per_second * per_second};
}

amqp_table_entry_t entry(std::string_view key, amqp_field_value_kind_t kind) {
  amqp_table_entry_t entry{};
  entry.key = bytes_of(key);
  entry.value.kind = static_cast<std::uint8_t>(kind);
  return entry;
}
amqp_table_entry_t text_entry(std::string_view key, std::string_view text) {
  amqp_table_entry_t made = entry(key, AMQP_FIELD_KIND_UTF8);
  made.value.value.bytes = bytes_of(text);
  return made;
}
amqp_table_entry_t number_entry(std::string_view key, std::int64_t number) {
  amqp_table_entry_t made = entry(key, AMQP_FIELD_KIND_I64);
  made.value.value.i64 = number;
  return made;
}
amqp_table_entry_t truth_entry(std::string_view key, bool truth) {
  amqp_table_entry_t made = entry(key, AMQP_FIELD_KIND_BOOLEAN);
  made.value.value.boolean = truth ? 1 : 0;
  return made;
}

// What the broker said when it refused: "NOT_ALLOWED - vhost x not found".
std::string refusal(const amqp_method_t& method) {
  if (method.id == AMQP_CONNECTION_CLOSE_METHOD) {
    return text_of(static_cast<amqp_connection_close_t*>(method.decoded)->reply_text);
  }
  if (method.id == AMQP_CHANNEL_CLOSE_METHOD) {
    return text_of(static_cast<amqp_channel_close_t*>(method.decoded)->reply_text);
  }
  return amqp_method_name(method.id);
}

std::string error_of(const amqp_rpc_reply_t& reply) {
  switch (reply.reply_type) {
    case AMQP_RESPONSE_SERVER_EXCEPTION:
      return refusal(reply.reply);
    case AMQP_RESPONSE_LIBRARY_EXCEPTION:
      return amqp_error_string2(reply.library_error);
    default:
      return "no answer";
  }
}

// The socket that `state` will own, not yet connected; a failure names what is wrong with it.
base::Result<amqp_socket_t*> make_socket(amqp_connection_state_t state, const AmqpAddress& to) {
  amqp_socket_t* const socket = to.tls ? amqp_ssl_socket_new(state) : amqp_tcp_socket_new(state);
  if (!socket) return base::failure("no memory for a connection");
  if (!to.tls) return socket;
  amqp_ssl_socket_set_verify_peer(socket, 1);
  amqp_ssl_socket_set_verify_hostname(socket, 1);
  amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST);
  const char* const authorities = to.tls_ca.empty() ? system_authorities : to.tls_ca.c_str();
  if (amqp_ssl_socket_set_cacert(socket, authorities) != AMQP_STATUS_OK) {
    return base::failure("no certificates can be read from " + std::string{authorities});
  }
  return socket;
}

// Without it a line that is cut without a word is found out by heartbeats only (tcp(7),
// TCP_USER_TIMEOUT); refused, they are all there is.
void give_up_in_time(int descriptor) {
  const auto limit = static_cast<unsigned>(AmqpConnection::dead_after.count());
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, sizeof limit);
}

bool failed(const amqp_rpc_reply_t& reply) { return reply.reply_type != AMQP_RESPONSE_NORMAL; }

Message message_of(amqp_envelope_t& envelope) {
  Message message;
  message.exchange = text_of(envelope.exchange);
  message.routing_key = text_of(envelope.routing_key);
  const amqp_basic_properties_t& properties = envelope.message.properties;
  if (properties._flags & AMQP_BASIC_TYPE_FLAG) message.type = text_of(properties.type);
  if (properties._flags & AMQP_BASIC_HEADERS_FLAG) {
    for (int i = 0; i < properties.headers.num_entries; ++i) {
      const amqp_table_entry_t& header = properties.headers.entries[i];
      if (header.value.kind != AMQP_FIELD_KIND_UTF8) continue;
      message.headers.emplace_back(text_of(header.key), text_of(header.value.value.bytes));
    }
  }
  message.text = text_of(envelope.message.body);
  return message;
}

}  // namespace

base::Result<AmqpAddress> parse_amqp_url(std::string_view url) {
  std::vector<char> text{url.begin(), url.end()};  // the library writes into it
  text.push_back('\0');
  amqp_connection_info parsed{};
  if (amqp_parse_url(text.data(), &parsed) != AMQP_STATUS_OK || parsed.port <= 0 ||
      parsed.port > 65'535) {
    return base::failure("is no amqp://user:password@host:port/vhost, or amqps://");
  }
  const std::string vhost = parsed.vhost;
  return AmqpAddress{parsed.host,
                     static_cast<std::uint16_t>(parsed.port),
                     parsed.user,
                     parsed.password,
                     vhost.empty() ? "/" : vhost,
                     parsed.ssl != 0,
                     {}};
}

void AmqpConnection::Destroy::operator()(amqp_connection_state_t_* state) const {
  amqp_destroy_connection(state);  // closes the socket; what it returns is of no use any more
}

base::Result<AmqpConnection> AmqpConnection::open(const AmqpAddress& address, unsigned heartbeat_s,
                                                  const std::string& name) {
  AmqpConnection made{amqp_new_connection()};
  amqp_connection_state_t state = made.state_.get();
  if (!state) return base::failure("no memory for a connection");
  const base::Result<amqp_socket_t*> socket = make_socket(state, address);
  if (!socket) return tl::make_unexpected(socket.error());
  const timeval limit = time_of(call_limit);
  amqp_set_handshake_timeout(state, &limit);
  amqp_set_rpc_timeout(state, &limit);
  const int opened = amqp_socket_open_noblock(*socket, address.host.c_str(), address.port, &limit);
  if (opened != AMQP_STATUS_OK) return base::failure(amqp_error_string2(opened));
  give_up_in_time(made.descriptor());

  std::array capabilities{truth_entry("connection.blocked", true),
                          truth_entry("consumer_cancel_notify", true)};
  amqp_table_entry_t can = entry("capabilities", AMQP_FIELD_KIND_TABLE);
  can.value.value.table = {static_cast<int>(capabilities.size()), capabilities.data()};
  std::array properties{can, text_entry("connection_name", name)};
  const amqp_table_t table{static_cast<int>(properties.size()), properties.data()};
  const amqp_rpc_reply_t login = amqp_login_with_properties(
      state, address.vhost.c_str(), 0, frame_bytes, static_cast<int>(heartbeat_s), &table,
      AMQP_SASL_METHOD_PLAIN, address.user.c_str(), address.password.c_str());
  if (failed(login)) return base::failure("login: " + error_of(login));
  amqp_channel_open(state, channel);
  if (auto done = made.answer("channel.open"); !done) {
    return tl::make_unexpected(std::move(done.error()));
  }
  return made;
}

base::Result<void> AmqpConnection::answer(const std::string& what) {
  const amqp_rpc_reply_t reply = amqp_get_rpc_reply(state_.get());
  if (failed(reply)) return base::failure(what + ": " + error_of(reply));
  return {};
}

base::Result<void> AmqpConnection::declare_exchange(std::string_view name, std::string_view type,
                                                    bool durable) {
  amqp_exchange_declare(state_.get(), channel, bytes_of(name), bytes_of(type), 0, durable ? 1 : 0,
                        0, 0, amqp_empty_table);
  return answer("exchange " + std::string{name});
}

base::Result<std::string> AmqpConnection::declare_queue(const QueueBounds& bounds) {
  std::vector<amqp_table_entry_t> arguments{
      number_entry("x-max-length", bounds.messages),
      number_entry("x-max-length-bytes", bounds.bytes),
      text_entry("x-overflow", "drop-head"),
  };
  if (bounds.age_ms != 0) arguments.push_back(number_entry("x-message-ttl", bounds.age_ms));
  const amqp_queue_declare_ok_t* const declared =
      amqp_queue_declare(state_.get(), channel, amqp_empty_bytes, 0, 0, 1, 1,
                         {static_cast<int>(arguments.size()), arguments.data()});
  if (auto done = answer("queue"); !done) return tl::make_unexpected(std::move(done.error()));
  return text_of(declared->queue);
}

base::Result<void> AmqpConnection::bind(const std::string& queue, std::string_view exchange,
                                        std::string_view routing_key) {
  amqp_queue_bind(state_.get(), channel, bytes_of(queue), bytes_of(exchange), bytes_of(routing_key),
                  amqp_empty_table);
  return answer("binding to " + std::string{exchange});
}

base::Result<void> AmqpConnection::consume(const std::string& queue) {
  constexpr amqp_boolean_t no_local = 0;
  constexpr amqp_boolean_t no_ack = 1;  // what is lost on the way is asked of the archive
  constexpr amqp_boolean_t exclusive = 1;
  amqp_basic_consume(state_.get(), channel, bytes_of(queue), amqp_empty_bytes, no_local, no_ack,
                     exclusive, amqp_empty_table);
  return answer("consuming");
}

base::Result<void> AmqpConnection::publish(const Message& message) {
  std::vector<amqp_table_entry_t> headers;
  headers.reserve(message.headers.size());
  for (const auto& [key, text] : message.headers) headers.push_back(text_entry(key, text));
  amqp_basic_properties_t properties{};
  properties._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
                      AMQP_BASIC_TYPE_FLAG | AMQP_BASIC_HEADERS_FLAG;
  properties.content_type = bytes_of("application/x-ndjson");
  properties.delivery_mode = AMQP_DELIVERY_NONPERSISTENT;  // the archive keeps, the bus hurries
  properties.type = bytes_of(message.type);
  properties.headers = {static_cast<int>(headers.size()), headers.data()};
  const int published =
      amqp_basic_publish(state_.get(), channel, bytes_of(message.exchange),
                         bytes_of(message.routing_key), 0, 0, &properties, bytes_of(message.text));
  if (published != AMQP_STATUS_OK) return base::failure(amqp_error_string2(published));
  return {};
}

base::Result<bool> AmqpConnection::serve_frame() {
  const timeval now{0, 0};
  amqp_frame_t frame{};
  const int got = amqp_simple_wait_frame_noblock(state_.get(), &frame, &now);
  if (got == AMQP_STATUS_TIMEOUT) return false;
  if (got != AMQP_STATUS_OK) return base::failure(amqp_error_string2(got));
  if (frame.frame_type != AMQP_FRAME_METHOD) return true;
  switch (frame.payload.method.id) {
    case AMQP_CONNECTION_BLOCKED_METHOD:
      blocked_ = true;
      return true;
    case AMQP_CONNECTION_UNBLOCKED_METHOD:
      blocked_ = false;
      return true;
    case AMQP_CONNECTION_CLOSE_METHOD:
    case AMQP_CHANNEL_CLOSE_METHOD:
    case AMQP_BASIC_CANCEL_METHOD:
      return base::failure(refusal(frame.payload.method));
    default:
      return true;
  }
}

base::Result<void> AmqpConnection::serve() {
  for (;;) {
    const base::Result<bool> served = serve_frame();
    if (!served) return tl::make_unexpected(served.error());
    if (!*served) break;
  }
  amqp_maybe_release_buffers(state_.get());
  return {};
}

base::Result<std::optional<Message>> AmqpConnection::receive() {
  const timeval now{0, 0};
  amqp_envelope_t envelope{};
  amqp_maybe_release_buffers(state_.get());
  const amqp_rpc_reply_t reply = amqp_consume_message(state_.get(), &envelope, &now, 0);
  if (!failed(reply)) {
    std::optional<Message> message = message_of(envelope);
    amqp_destroy_envelope(&envelope);
    return message;
  }
  const bool local = reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION;
  if (local && reply.library_error == AMQP_STATUS_TIMEOUT) return std::optional<Message>{};
  if (local && reply.library_error == AMQP_STATUS_UNEXPECTED_STATE) {  // no delivery
    const base::Result<bool> served = serve_frame();
    if (!served) return tl::make_unexpected(served.error());
    return std::optional<Message>{};
  }
  return base::failure(error_of(reply));
}

int AmqpConnection::descriptor() const { return amqp_get_sockfd(state_.get()); }

bool AmqpConnection::has_buffered() const {
  return amqp_frames_enqueued(state_.get()) || amqp_data_in_buffer(state_.get());
}

void AmqpConnection::close() { amqp_connection_close(state_.get(), AMQP_REPLY_SUCCESS); }

}  // namespace starling::bus
