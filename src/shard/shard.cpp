#include "shard/shard.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/check.hpp"
#include "base/log.hpp"
#include "io/clock.hpp"
#include "net/listener.hpp"
#include "shard/core.hpp"

namespace starling::shard {
namespace {

using std::chrono::milliseconds;

constexpr base::Duration tick_interval = std::chrono::seconds{1};
constexpr std::size_t echo_message_bytes = std::size_t{16} << 20;
constexpr unsigned welcome_steps = 1;
// What a turn gives up of the seats of those who go: half a microsecond each.
constexpr std::size_t seats_per_turn = 256;
constexpr base::Duration accept_pause = milliseconds{100};  // after EMFILE and the like

net::ConnectionLimits limits_of(const Config& config) {
  net::ConnectionLimits limits;
  limits.head_timeout = milliseconds{config.http.head_timeout_ms};
  limits.body_timeout = milliseconds{config.http.body_timeout_ms};
  limits.body_bytes_per_second = config.http.body_bytes_per_second;
  limits.idle_timeout = milliseconds{config.http.idle_timeout_ms};
  limits.send_timeout = milliseconds{config.limits.send_timeout_ms};
  limits.ping_interval = milliseconds{config.limits.ping_interval_ms};
  limits.max_body_bytes = config.http.max_body_bytes;
  limits.private_buffer_bytes = config.limits.private_buffer_bytes;
  limits.messages = {config.limits.frame_bytes, config.limits.fragments, false};
  return limits;
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

}  // namespace

base::Result<std::unique_ptr<Shard>> Shard::create(const ShardOptions& options) {
  base::Result<std::unique_ptr<io::Ring>> ring = io::Ring::create({});
  if (!ring) return tl::make_unexpected(std::move(ring.error()));
  return std::make_unique<Core>(options, std::move(*ring));
}

Core::Core(const ShardOptions& options, std::unique_ptr<io::Ring> ring)
    : options_(options),
      config_(*options.config),
      quotas_(*options.quotas),
      memory_(*options.memory),
      ring_(std::move(ring)),
      inbox_(config_.limits.requests_in_flight, options_.inbox),
      budget_(config_.limits.shard_buffer_bytes),
      json_(std::max(config_.limits.frame_bytes, config_.http.max_body_bytes)),
      echo_limits_{echo_message_bytes, 0, true},
      deflated_echo_limits_{echo_message_bytes, 0, true, true},
      listener_(options_.public_listener),
      epoch_(options_.epoch),
      jitter_(static_cast<std::uint32_t>(io::now().time_since_epoch().count()) + options.index) {
  context_.ring = ring_.get();
  context_.owner = this;
  context_.budget = &budget_;
  context_.readers = &readers_;
  context_.limits = &connection_limits_;
  context_.metrics = &connection_metrics_;
  context_.now = io::now();
  context_.wall = wall_ = io::wall_clock();

  rest_.config = &config_;
  rest_.keys = options_.keys;
  rest_.pages = options_.pages;
  rest_.quotas = &quotas_;
  rest_.surroundings = this;
  rest_.json = &json_;
  apply_settings();

  for (const chat::RevokeToken& token : options_.revocations) {
    if (!keep_user_revocation(token)) revoked_.emplace(token.token_id, token.expires);
  }
  accept_again_ = context_.now;
  next_tick_ = context_.now + tick_interval;
  last_compare_ = context_.now;
}

Core::~Core() {
  delete settings_due_.load();
  // Whoever is still connected is cut off: the process is about to end.
  clients_.for_each([this](base::Handle handle, Client&) { clients_.erase(handle); });
  while (std::optional<int> socket = inbox_.take_socket()) ring_->close(*socket);
}

bool Core::committed(const chat::CommittedBatchRef& batch) {
  if (!interest_.any_of(batch->buckets)) return false;
  inbox_.post_batch(batch);
  return true;
}

// As the writer's, as far as rooms are concerned whose members were let in before it was committed:
// the commit was behind theirs.
bool Core::committed_elsewhere(const chat::CommittedBatchRef& batch) {
  if (!interest_.any_of(batch->buckets)) return false;
  inbox_.post_batch_elsewhere(batch);
  return true;
}

bool Core::signal(const chat::Signal& signal) {
  const bool posted = inbox_.post_signal(signal);
  wake();
  return posted;
}

bool Core::turn(base::Duration longest) {
  base::Duration wait = std::min(longest, until_next_timer());
  ring_->wake().prepare_sleep();
  if (inbox_.ready() || settings_due_.load(std::memory_order_relaxed) ||
      drain_asked_.load(std::memory_order_acquire) != draining_) {
    wait = {};
  }
  const std::span<const io::Completion> completions = ring_->turn(wait);
  ring_->wake().awake();
  context_.now = io::now();
  context_.wall = wall_ = io::wall_clock();

  take_settings();
  heed_memory();
  begin_strangers();
  for (const io::Completion& completion : completions) run(completion);
  go_on_deflating();
  net::rearm_starved(context_);
  take_inbox();
  const bool ticked = run_timers();
  pump_fills();
  options_.backend->hand_over();  // first: it is done while this shard sends
  flush();
  net::run_deferred(context_);
  sweep();
  options_.backend->hand_over();
  measure_turn();
  // Here what came in this turn has been sent or given up.
  if (ticked) publish_metrics();
  return !drained();
}

void Core::run(const io::Completion& completion) {
  const io::Token token = completion.token;
  if (token.operation == io::Operation::accept) {
    on_accepted(completion);
    return;
  }
  Client* client = clients_.find(token.owner);
  if (!client) return;  // of a client that is gone
  if (token.operation == io::Operation::receive) {
    receive(*client, completion);
  } else if (token.operation == io::Operation::poll) {
    client->connection.on_readable();
  } else if (token.operation == io::Operation::send) {
    client->connection.on_sent(completion);
  }
}

void Core::on_accepted(const io::Completion& completion) {
  if (!completion.armed) {
    accepting_ = false;
    accept_again_ = context_.now;
  }
  if (completion.result < 0) {
    if (draining_) return;
    accept_again_ = context_.now + accept_pause;
    base::log(base::LogLevel::warning, "a connection could not be accepted",
              {{"error", std::strerror(-completion.result)}});
    return;
  }
  const int socket = completion.result;
  const bool full = connections() >= config_.limits.connections;
  if (full) quotas_.count_refusal(chat::Limit::connections);
  if (memory_.refuses(chat::Service::connections) || full) {
    ring_->close(socket);
    return;
  }
  // While draining, the others end as they are done; this shard is the last.
  if (!draining_ && least_loaded().adopt(socket)) return;
  // The other shard has more than it can take: this one has just shown that it turns.
  load_.fetch_add(1, std::memory_order_relaxed);
  welcome_socket(socket);
}

std::size_t Core::connections() const {
  std::size_t sum = 0;
  for (const Shard* shard : shards_) sum += shard->load();
  return sum;
}

// Of equals each in its turn.
Shard& Core::least_loaded() {
  next_shard_ = (next_shard_ + 1) % shards_.size();
  Shard* least = shards_[next_shard_];
  for (std::size_t i = 1; i < shards_.size(); ++i) {
    Shard* const other = shards_[(next_shard_ + i) % shards_.size()];
    if (other->load() < least->load()) least = other;
  }
  return *least;
}

bool Core::adopt(int socket) {
  load_.fetch_add(1, std::memory_order_relaxed);  // first: it may be closed before we look again
  if (!inbox_.post_socket(socket)) {
    load_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  wake();
  return true;
}

// The connection counts in load_ already. Of a trusted proxy's it is not known yet whose it is.
void Core::welcome_socket(int socket) {
  const std::optional<base::IpAddress> peer = net::peer_address(socket);
  const bool by_proxy = peer && base::any_contains(trusted_proxies_, *peer);
  const bool counted = !by_proxy;
  const chat::AddressKey address = quotas_.address_key(peer ? peer->subscriber() : "");
  if (counted && !quotas_.enter(chat::Limit::address_connections, quotas_.key_of(address))) {
    ring_->close(socket);
    load_.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  const base::Handle handle = clients_.emplace(context_, clients_.next_handle(), socket, address);
  Client& client = *clients_.find(handle);
  client.by_proxy = by_proxy;
  client.counted = counted;
  if (client.by_proxy && config_.http.proxy_protocol) client.connection.expect_proxy_header();
  client.connection.start();
}

void Core::take_inbox() {
  do {  // one in each turn, whoever else waits
    const std::optional<int> socket = inbox_.take_socket();
    if (!socket) break;
    welcome_socket(*socket);
    count_stranger(welcome_steps);
  } while (!strangers_are_done_);
  // Replies are looked at before batches but run after them: whatever a reply speaks of has then
  // been delivered to the feeds.
  std::vector<chat::TicketedReply> replies;
  while (std::optional<chat::TicketedReply> reply = inbox_.take_reply()) {
    replies.push_back(std::move(*reply));
  }
  while (std::optional<chat::CommittedBatchRef> batch = inbox_.take_batch()) on_batch(*batch);
  if (inbox_.lapped()) compare_wanted_ = true;
  for (chat::TicketedReply& reply : replies) on_reply(std::move(reply));
  // Looked at first: whatever was sent before the loss is then among what is taken.
  const bool signals_lost = inbox_.signals_lost();
  while (std::optional<chat::Signal> signal = inbox_.take_signal()) on_signal(*signal);
  if (signals_lost) on_signals_lost();
  tell_reads();
}

bool Core::ask(chat::Request&& request, Call& call) {
  if (calls_.size() >= config_.limits.requests_in_flight) {
    ++counts_.calls_refused;
    return false;
  }
  call.received_at = context_.now;
  const base::Handle handle = calls_.emplace(std::move(call));
  if (options_.backend->submit(std::move(request), {options_.index, handle})) return true;
  call = std::move(*calls_.find(handle));
  calls_.erase(handle);
  ++counts_.calls_refused;
  return false;
}

void Core::on_reply(chat::TicketedReply&& ticketed) {
  Call* found = calls_.find(ticketed.ticket.call);
  CHECK(found != nullptr);
  Call call = std::move(*found);
  calls_.erase(ticketed.ticket.call);
  if (call.hashing_for != 0) {
    quotas_.leave(chat::Limit::address_passwords, quotas_.key_of(call.hashing_for));
  }
  if (const auto* failure = std::get_if<chat::Failure>(&ticketed.reply);
      failure && failure->code == chat::FailureCode::rate_limited) {
    quotas_.count_refusal(chat::Limit::user_rooms_created);  // all that the archive limits
  }

  Client* client = clients_.find(call.client);
  Session* session = client ? client->session.get() : nullptr;
  note_read(call, session, ticketed.reply);
  switch (call.kind) {
    case Call::Kind::status:
      on_status_reply(call.user, ticketed.reply);
      return;
    case Call::Kind::revoked:
      on_revocations(ticketed.reply);
      return;
    case Call::Kind::online:
      on_online(ticketed.reply);
      return;
    case Call::Kind::fill:
      on_fill_reply(call, std::move(ticketed.reply));
      return;
    case Call::Kind::heads:
      on_heads_reply(call, std::move(ticketed.reply));
      return;
    case Call::Kind::check:
      on_check_reply(call, ticketed.reply);
      return;
    case Call::Kind::rest:
      if (client) run_step(*client, call.caller, call.then(std::move(ticketed.reply)));
      return;
    default:
      break;
  }
  if (call.kind == Call::Kind::post) close_post(call, ticketed.reply);
  if (session) --session->open_calls;
  if (call.kind == Call::Kind::join) {
    on_join_reply(client, call, std::move(ticketed.reply));
  } else if (session && session->stage != Session::Stage::leaving) {
    on_session_reply(*session, call, std::move(ticketed.reply));
  }
  if (!session) return;
  maybe_resume_reading(*session);
  if (draining_) drain_session(*session);
}

base::Duration Core::until_next_timer() const {
  base::Instant next = next_tick_;
  const base::Instant after_a_breath = context_.now + options_.breath_before_strangers;
  if (!context_.waiting.empty() || !deflations_.empty() || sweeps()) {
    next = std::min(next, after_a_breath);
  }
  for (const Room* room : dirty_rooms_)
    next = std::min(next, room->dirty_since + options_.longest_hold);
  // Those that a turn had no time for have been due for a while.
  if (!departures_.empty()) {
    next = std::min(next, std::max(departures_.front().at, after_a_breath));
  }
  if (!typing_ends_.empty()) next = std::min(next, typing_ends_.front().at);
  if (!shown_typing_ends_.empty()) next = std::min(next, shown_typing_ends_.front().at);
  if (!gap_waits_.empty()) next = std::min(next, gap_waits_.front().at);
  if (!rooms_.empty() && heads_open_ == 0 && heads_wanted_.empty()) {
    next = std::min(next, next_compare());
  }
  for (const Paused& paused : paused_) next = std::min(next, paused.until);
  if (listener_ >= 0 && !accepting_) next = std::min(next, accept_again_);
  return std::max(base::Duration::zero(), next - context_.now);
}

bool Core::run_timers() {
  if (drain_asked_.load(std::memory_order_acquire) && !draining_) begin_drain();
  if (listener_ >= 0 && !accepting_ && accept_again_ <= context_.now) {
    ring_->accept(listener_, accept_token);
    accepting_ = true;
  }
  expire_departures();
  expire_typing();
  for (std::size_t i = 0; i < paused_.size();) {
    if (paused_[i].until > context_.now) {
      ++i;
      continue;
    }
    Client* client = clients_.find(paused_[i].client);
    paused_[i] = paused_.back();
    paused_.pop_back();
    if (client && client->session) maybe_resume_reading(*client->session);
  }
  if (context_.now < next_tick_) return false;
  next_tick_ = context_.now + tick_interval;
  tick();
  return true;
}

void Core::tick() {
  clients_.for_each([&](base::Handle, Client& client) {
    client.connection.tick();
    Session* session = client.session.get();
    if (!session || session->echo || session->stage == Session::Stage::leaving) return;
    if (session->throttled_ticks > 0 && --session->throttled_ticks == 0) session->refusals = 0;
    if (session->ends_at > context_.now) return;
    if (session->stage == Session::Stage::anonymous) {
      hang_up(*session, proto::CloseCode::not_authenticated, "not authenticated");
    } else {
      hang_up(*session, proto::CloseCode::token_ended, "token expired");
    }
  });
  std::erase_if(revoked_, [this](const auto& entry) { return entry.second <= wall_; });
  if (!memory_.gives_up(chat::Service::names)) tell_withheld();
  send_presence_counts();
  watch_archive();
  retry_fills();
  retry_signals();
  if (options_.fleet) tick_fleet();
}

void Core::drain() {
  drain_asked_.store(true, std::memory_order_release);
  wake();
}

void Core::reconfigure(const Config& config) {
  delete settings_due_.exchange(new Config{config}, std::memory_order_acq_rel);
  wake();
}

void Core::take_settings() {
  if (!settings_due_.load(std::memory_order_relaxed)) return;
  const std::unique_ptr<const Config> due{
      settings_due_.exchange(nullptr, std::memory_order_acquire)};
  config_ = *due;
  apply_settings();
}

// What is derived from settings. Timers that run keep their deadlines.
void Core::apply_settings() {
  rate_rule_ = {static_cast<double>(config_.limits.messages_per_second),
                static_cast<double>(config_.limits.message_burst)};
  connection_limits_ = limits_of(config_);
  trusted_proxies_.clear();
  for (const std::string& proxy : config_.http.trusted_proxies) {
    if (const auto network = base::IpNetwork::parse(proxy)) trusted_proxies_.push_back(*network);
  }
  rest_.origins.allowed = config_.http.allowed_origins;
  rest_.origins.any_loopback =
      config_.auth.mode == AuthMode::open && is_loopback(config_.server.host);
}

void Core::begin_drain() {
  draining_ = true;
  flush();  // what is held goes before the goodbyes
  const unsigned window = std::max(1u, config_.server.drain_window_ms);
  clients_.for_each([&](base::Handle, Client& client) {
    if (!client.session) return;
    if (client.session->stage == Session::Stage::leaving) return;
    tell(*client.session, api::reconnect(static_cast<unsigned>(jitter_() % window), "drain"));
    drain_session(*client.session);
  });
}

// The shard that listens is the last, so that whoever asks during the drain (a balancer for
// readyz, a client for an upgrade) is told, not cut off; then it listens no more. Who only keeps a
// connection open is not waited for.
bool Core::drained() {
  if (!draining_ || calls_.size() != 0) return false;
  bool waiting = false;
  clients_.for_each([&waiting](base::Handle, const Client& client) {
    const bool idle = client.connection.state() == net::Connection::State::http &&
                      !client.request_open && client.connection.private_bytes() == 0;
    waiting |= !idle;
  });
  const bool listens = options_.public_listener >= 0;
  if (waiting || (listens && connections() != clients_.size())) return false;
  if (accepting_) ring_->cancel(accept_token);
  listener_ = -1;
  clients_.for_each(
      [](base::Handle, Client& client) { client.connection.abort(net::Ending::stopped); });
  return clients_.size() == 0;
}

// A client that waits for an answer is sent away when it has it.
void Core::drain_session(Session& session) {
  if (session.open_calls == 0) hang_up(session, proto::CloseCode::drain, "drain");
}

// Destroys what this turn and those before have left behind: sessions first, then sockets, then
// rooms. Where that is much, some of it stays for the next turn; a session that still has its seats
// hears and says nothing.
void Core::sweep() {
  std::size_t seats = 0;
  std::size_t left = 0;
  for (; left < leaving_.size() && seats < seats_per_turn; ++left) {
    Client* client = clients_.find(leaving_[left]);
    if (!client || !client->session) continue;
    seats += 1 + client->session->places.size();
    leave(*client);
  }
  leaving_.erase(leaving_.begin(), leaving_.begin() + static_cast<std::ptrdiff_t>(left));
  for (const base::Handle handle : std::exchange(closed_, {})) {
    const Client& client = *clients_.find(handle);
    if (client.session) {
      closed_.push_back(handle);
      continue;
    }
    if (client.counted) {
      quotas_.leave(chat::Limit::address_connections, quotas_.key_of(client.address));
    }
    clients_.erase(handle);
    load_.fetch_sub(1, std::memory_order_relaxed);
  }
  for (const std::string& name : std::exchange(maybe_abandoned_, {})) {
    const Room* room = find_room(name);
    if (room && room->abandoned()) erase_room(name);
  }
}

bool Core::sweeps() const {
  return !context_.finished.empty() || !leaving_.empty() || !closed_.empty();
}

void Core::leave(Client& client) {
  Session& session = *client.session;
  while (!session.places.empty()) vacate(session, session.places.size() - 1);
  if (session.user != 0) {
    disappear(session);
    quotas_.leave(chat::Limit::user_connections, quotas_.key_of(session.user));
  }
  client.connection.owner_data = nullptr;
  client.session.reset();
}

// At the end of the turn the sends to this shard's members are with the kernel.
void Core::measure_turn() {
  const base::Instant end = io::now();
  for (const base::Instant received : delivered_) counts_.delivery.add(end - received);
  delivered_.clear();
  ++counts_.turns;
  counts_.busy_ns += static_cast<std::uint64_t>((end - context_.now).count());
}

void Core::publish_metrics() {
  counts_.connections = clients_.size();
  counts_.connections_opened = connection_metrics_.opened;
  counts_.connections_closed = connection_metrics_.closed;
  counts_.http_requests = connection_metrics_.requests;
  counts_.messages_received = connection_metrics_.messages_received;
  counts_.sends = connection_metrics_.sends;
  counts_.bytes_sent = connection_metrics_.bytes_sent;
  counts_.bytes_received = connection_metrics_.bytes_received;
  counts_.signals_dropped = inbox_.dropped_signals();
  counts_.batches_dropped = inbox_.dropped_batches();
  counts_.receives_starved = connection_metrics_.starved_receives;
  counts_.proxy_headers_refused = connection_metrics_.proxy_headers_refused;
  counts_.ended = connection_metrics_.ended;
  counts_.buffer_bytes = budget_.used_bytes();
  counts_.rooms = rooms_.size();
  counts_.server_rooms = presence_.own_rooms();
  using Numbers = std::array<std::uint64_t, sizeof(ShardMetrics) / sizeof(std::uint64_t)>;
  const auto numbers = std::bit_cast<Numbers>(counts_);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    published_[i].store(numbers[i], std::memory_order_relaxed);
  }
}

ShardMetrics Core::metrics() const {
  std::array<std::uint64_t, sizeof(ShardMetrics) / sizeof(std::uint64_t)> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = published_[i].load(std::memory_order_relaxed);
  }
  return std::bit_cast<ShardMetrics>(numbers);
}

}  // namespace starling::shard
