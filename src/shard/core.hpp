// Core: what a shard is made of. One object, one thread; its functions stand in one file per
// concern:
//
//   shard.cpp      the turn of the loop, accepting, timers, drain, metrics
//   http.cpp       requests, upgrades, the steps of REST calls
//   commands.cpp   what clients ask for over WebSocket, and the archive's answers to it
//   rooms.cpp      the order of events, members coming and going, catching up after a resume
//   holes.cpp      what a room's feed lacks, from the archive
//   fanout.cpp     from the rooms' wire buffers to the sockets
//   presence.cpp   signals: who is here, who types, what was read, which token ended
//   fleet.cpp      what this server and others tell each other of that, and who the others are
//   echo.cpp       what tests may ask for: everything comes back
//   strangers.cpp  how much of a turn those have who are in no room
//   memory.cpp     what is refused while memory is short
//   notices.cpp    soft trouble: the archive is away, a session is too fast
//
// Objects of clients are only destroyed at the end of a turn, so no function has to fear that
// something it called has taken the ground from under it: closing marks, the end of the turn
// sweeps.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/rest.hpp"
#include "api/ws_protocol.hpp"
#include "base/chunk.hpp"
#include "base/slot_map.hpp"
#include "base/sorted_map.hpp"
#include "chat/archive.hpp"
#include "chat/command.hpp"
#include "chat/fleet_view.hpp"
#include "chat/memory_ladder.hpp"
#include "chat/presence.hpp"
#include "chat/presence_view.hpp"
#include "chat/quotas.hpp"
#include "chat/room_interest.hpp"
#include "chat/signal.hpp"
#include "io/ring.hpp"
#include "net/connection.hpp"
#include "proto/deflate.hpp"
#include "proto/handshake.hpp"
#include "proto/json_reader.hpp"
#include "proto/websocket.hpp"
#include "shard/inbox.hpp"
#include "shard/room.hpp"
#include "shard/shard.hpp"

namespace starling::shard {

// A socket of ours and, once it has been upgraded, its session.
struct Client {
  Client(net::ConnectionContext& context, base::Handle self, int socket, chat::AddressKey from)
      : connection(context, self, socket), address(from) {}

  net::Connection connection;
  std::unique_ptr<Session> session;
  bool request_open : 1 = false;  // a REST call waits for its answer
  bool by_proxy : 1 = false;      // of a trusted proxy, which is believed about each request
  bool over_tls : 1 = false;      // the client's part, as a PROXY header says
  bool counted : 1 = false;       // among limits.address_connections
  chat::AddressKey address;       // whose it is; the proxy's own until an upgrade or a header says
};
// The address stands where there was padding.
static_assert(sizeof(Client) <= sizeof(net::Connection) + 16);

// Who waits for an answer of the archive, and what to do with it.
struct Call {
  enum class Kind : std::uint8_t {
    rest,          // `then` makes the next step
    open_session,  // `auth`, sent by a client that says who it is
    ensure_user,   // the same, where a token of another backend names a user unknown here
    join,
    leave,
    post,
    mark_read,
    recent,
    catch_up,  // a page for a resuming member
    fill,      // a hole of a room's feed
    heads,     // the heads of rooms, after batches were lost or from time to time
    check,     // whether what was delivered is still in the archive
    status,    // keeps the archive's picture of who is online true
    revoked,   // all revocations, after signals were dropped
    online,    // whom the archive shows online, to be compared
  };
  Kind kind = Kind::rest;
  base::Handle client{};
  chat::UserId user = 0;             // status, join, mark_read: whose
  api::Caller caller;                // rest: whose request it is
  chat::AddressKey hashing_for = 0;  // rest: whose place in the hasher's queue; 0: nobody's
  std::string room;
  std::string ref;
  std::string client_message_id;
  std::string greeting;         // join: what the session is told first
  base::Instant received_at{};  // when it was read from its socket
  std::optional<chat::Seq> after_seq;
  std::optional<std::uint64_t> epoch;
  std::unique_ptr<chat::Authenticate> auth;
  std::unique_ptr<chat::Command> resumed;  // open mode: done once the session is open
  std::function<api::Step(chat::Reply&&)> then;
};

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};

class Core final : public Shard, private net::ConnectionOwner, private api::Surroundings {
 public:
  Core(const ShardOptions& options, std::unique_ptr<io::Ring> ring);
  ~Core() override;

  // ---- Shard (shard.cpp)
  void meet(std::vector<Shard*> all) override { shards_ = std::move(all); }
  bool turn(base::Duration longest) override;
  void drain() override;
  void reconfigure(const Config& config) override;
  void reread_revocations() override { revocations_asked_.store(true, std::memory_order_relaxed); }
  bool adopt(int socket) override;
  std::size_t load() const override { return load_.load(std::memory_order_relaxed); }
  ShardMetrics metrics() const override;
  void reply(chat::TicketedReply&& reply) override { inbox_.post_reply(std::move(reply)); }
  bool committed(const chat::CommittedBatchRef& batch) override;
  bool committed_elsewhere(const chat::CommittedBatchRef& batch) override;
  void missed() override { inbox_.mark_lapped(); }
  bool signal(const chat::Signal& signal) override;
  void wake() override { ring_->wake().notify(); }

 private:
  static constexpr io::Token accept_token{io::Operation::accept, {0, 1}};
  static constexpr unsigned max_fills = 64;        // holes and heads asked for at once
  static constexpr unsigned max_open_calls = 256;  // of one session; beyond it the session waits
  static constexpr unsigned page_events = 200;     // of one page while catching up or filling
  static constexpr base::Duration stuck_too_long = std::chrono::seconds{1};  // when memory is short
  static constexpr const char* short_of_memory = "The server is short of memory, try again later";
  static constexpr unsigned memory_retry_ms = 2'000;
  static constexpr std::size_t catch_up_backlog_bytes = 256 * 1024;  // unsent: no further page

  // ---- shard.cpp
  void run(const io::Completion& completion);
  void on_accepted(const io::Completion& completion);
  std::size_t connections() const;  // of the whole server
  Shard& least_loaded();
  void welcome_socket(int socket);
  void take_inbox();
  bool run_timers();  // true: a tick was among them
  void tick();
  void begin_drain();
  void take_settings();
  void apply_settings();
  void drain_session(Session& session);
  bool drained();
  void sweep();
  bool sweeps() const;
  void leave(Client& client);
  base::Duration until_next_timer() const;
  void publish_metrics();
  void measure_turn();
  // Takes `call` until the answer comes. False: refused, nothing will be answered, `call` stays.
  [[nodiscard]] bool ask(chat::Request&& request, Call& call);
  void on_reply(chat::TicketedReply&& reply);

  // ---- strangers.cpp
  static bool is_stranger(const Client& client);
  void begin_strangers();
  void count_stranger(unsigned steps);
  bool turn_is_old() const;
  void count_request(net::Connection& connection);
  void count_message(net::Connection& connection);
  void on_control(net::Connection& connection) override;
  void receive(Client& client, const io::Completion& completion);

  // ---- echo.cpp
  bool echo(Session& session, proto::Opcode kind, std::string_view payload);
  bool reads_its_echo(const net::Connection& connection) const;
  void begin_deflating(Session& session, proto::Opcode kind, std::string_view payload);
  bool is_deflating(base::Handle client) const;
  void go_on_deflating();

  // ---- http.cpp
  void on_request(net::Connection& connection, proto::HttpRequest& request) override;
  void on_upgrade(net::Connection& connection, proto::HttpRequest& request) override;
  void on_proxy_header(net::Connection& connection, const proto::ProxyHeader& header) override;
  api::Caller caller_of(const Client& client, const proto::HttpRequest& request) const;
  bool count_connection(Client& client, chat::AddressKey address);
  bool too_many_requests(Client& client, const proto::HttpRequest& request,
                         const api::Caller& caller);
  void run_step(Client& client, const api::Caller& caller, api::Step&& step);
  std::optional<chat::FailureCode> ask_step(chat::Request&& request, Call& call);
  void open_session(Client& client, const proto::HttpRequest& request, bool echo,
                    const proto::Handshake& handshake);
  base::WallMs wall_clock() const override { return wall_; }
  base::Instant now() const override { return context_.now; }
  bool token_revoked(const api::Identity& token) const override;
  std::uint64_t online_count(std::string_view room) const override;
  void publish(const chat::Signal& signal) override;
  api::Readiness readiness() const override;
  std::vector<api::FleetEntry> fleet() const override;

  // ---- commands.cpp
  bool on_message(net::Connection& connection, proto::Opcode kind,
                  std::string_view payload) override;
  base::Duration pace(Session& session, chat::AddressKey address);
  void refuse_message(Session& session, std::string_view payload, base::Duration wait);
  void slow_down(Session& session, base::Duration wait);
  void obey(Session& session, chat::Command&& command);
  void obey(Session& session, const std::string& ref, chat::Authenticate&& auth);
  void obey(Session& session, const std::string& ref, chat::Join&& join);
  void obey(Session& session, const std::string& ref, chat::Leave&& leave);
  void obey(Session& session, const std::string& ref, chat::Say&& say);
  void obey(Session& session, const std::string& ref, chat::GetRecent&& recent);
  void obey(Session& session, const std::string& ref, chat::Typing&& typing);
  void obey(Session& session, const std::string& ref, chat::SetRead&& read);
  void obey(Session& session, const std::string& ref, chat::Ping&& ping);
  base::Duration auth_deadline() const {
    return std::chrono::milliseconds{config_.auth.deadline_ms};
  }
  // When the wall clock will show `time`, unless somebody sets it.
  base::Instant instant_of(base::WallMs time) const {
    return context_.now + std::chrono::milliseconds{time - wall_};
  }
  bool token_identifies(Session& session, const std::string& ref, chat::Authenticate& auth);
  // Whether the session may act as `claimed` (0: as itself); tells it if not.
  chat::UserId acting_user(Session& session, const std::string& ref, chat::UserId claimed,
                           std::string_view client_message_id);
  bool ask_for(Session& session, chat::Request&& request, Call&& call);
  void tell(Session& session, std::string_view json);
  void tell_error(Session& session, const chat::Failure& failure, std::string_view ref,
                  std::string_view client_message_id = {},
                  std::optional<unsigned> retry_after_ms = std::nullopt);
  void on_session_reply(Session& session, Call& call, chat::Reply&& reply);
  bool revoked_meanwhile(const Call& call) const;
  void on_opened(Session& session, Call& call, chat::SessionOpened&& opened);
  void stay_anonymous(Session& session);
  void on_open_failed(Session& session, Call& call, const chat::Failure& failure);
  void hang_up(Session& session, proto::CloseCode code, std::string_view reason);
  void maybe_resume_reading(Session& session);

  // ---- rooms.cpp
  Room& room_for(std::string_view name);
  Room* find_room(std::string_view name);
  void on_batch(const chat::CommittedBatchRef& batch);
  void deliver(Room& room, const std::vector<chat::FeedItem>& items);
  void append(Room& room, std::string_view frame, chat::Seq before, chat::Seq after);
  void start_join(Session& session, std::string room, std::optional<chat::Seq> after_seq,
                  std::optional<std::uint64_t> epoch, std::string ref, std::string greeting = {});
  void on_join_reply(Client* client, Call& call, chat::Reply&& reply);
  void enter(Session& session, Room& room, const chat::RoomJoined& joined, const Call& call);
  void begin_catch_up(Session& session, Session::Place& place, const chat::RoomJoined& joined,
                      const Call& call);
  void continue_catch_up(Session& session, Room& room);
  void feed_came_up(Room& room);
  void on_catch_up_reply(Session& session, Call& call, chat::Reply&& reply);
  void leave_room(Session& session, Room& room);
  void vacate(Session& session, std::size_t place);
  void erase_room(const std::string& name);

  // ---- holes.cpp
  void note_hole(Room& room);
  void expire_gap_waits();
  void want_fill(Room& room);
  void retry_fills();
  bool keep_epoch(std::uint64_t epoch);
  void want_check(Room& room);
  void pump_checks();
  void on_check_reply(const Call& call, const chat::Reply& reply);
  base::Instant next_compare() const;
  void compare_heads();
  bool pump_heads();
  void on_heads_reply(const Call& call, chat::Reply&& reply);
  void pump_fills();
  void on_fill_reply(Call& call, chat::Reply&& reply);

  // ---- fanout.cpp
  void on_writable(net::Connection& connection) override;
  void on_closing(net::Connection& connection) override;
  void on_closed(net::Connection& connection) override;
  void touch(Session& session);
  bool held(const Room& room) const;
  bool in_held_room(const Session& session) const;
  void close_post(const Call& call, const chat::Reply& reply);
  void flush();
  void flush(Room& room);
  void send_pending(Session& session);
  void relieve();
  void forget_backlogs();
  void cut_off_stuck();
  void advance(Room& room, Seat& seat, std::uint64_t cursor, chat::Seq seen);
  bool fell_off(Session& session, Room& room, Seat& seat);

  // ---- presence.cpp
  void on_signal(const chat::Signal& signal);
  // Who brought a change about decides who tells the archive of it.
  enum class Cause : std::uint8_t { here, elsewhere, ended };
  void hear(const chat::PresenceSignal& signal);
  void announce(const std::string& room, chat::UserId user, const std::string& username,
                bool online);
  void take(const chat::PresenceSignal& signal);
  void hear(const chat::PresenceWanted& wanted);
  void hear(const chat::PresenceDigest& part);
  void note_digest(const chat::PresenceDigest& part);
  void mark_shown_typing(Room& room, const chat::TypingSignal& signal);
  void hear(const chat::TypingSignal& signal);
  void hear(const chat::ReadSignal& signal);
  void note_read(const Call& call, const Session* session, const chat::Reply& reply);
  void tell_reads();
  bool has_other_sockets(chat::UserId user, std::uint64_t session) const;
  void hear(const chat::StatusSignal& signal);
  void hear(const chat::RevokedSignal& signal);
  void arrive(Session& session, Room& room);
  void depart(Session& session, Room& room);
  void appear(Session& session, std::string_view username);
  void disappear(Session& session);
  void on_presence_change(const chat::PresenceView::Change& change, Cause cause);
  void keep_status(chat::UserId user);
  void note_told(chat::UserId user);
  void on_status_reply(chat::UserId user, const chat::Reply& reply);
  void on_revocations(const chat::Reply& reply);
  bool keep_user_revocation(const chat::RevokeToken& row);
  void end_sessions_of(chat::UserId user);
  void on_signals_lost();
  void retry_signals();
  void expire_departures();
  void expire_typing();
  void tell_room(Room& room, std::string_view json, chat::UserId except);
  void send_presence_counts();
  void tell_presence_count(Session& session, const Room& room);

  // ---- fleet.cpp
  chat::PresenceDigest digest_part(std::optional<chat::PresencePlace> begin) const;
  void hear(const chat::PresenceDelta& delta);
  void hear(const chat::ServerSignal& server);
  bool believe(const chat::Origin& from);
  void tick_fleet();
  void bury_the_silent();
  void compare_online();
  void on_online(const chat::Reply& reply);
  void say_digest();
  void say_what_i_am();
  // ---- memory.cpp
  bool refused_for_memory(const chat::Request& request);
  void heed_memory();
  void withhold(Room& room, const chat::PresenceView::Change& change);
  void tell_withheld();
  void tell_withheld(Room& room);

  // ---- notices.cpp
  void watch_archive();
  void tell_degraded(Session& session);
  void tell_throttled(Session& session);

  const ShardOptions options_;
  Config config_;
  chat::Quotas& quotas_;
  chat::MemoryLadder& memory_;
  std::uint64_t measured_at_bytes_ = 0;  // received by then
  const std::unique_ptr<io::Ring> ring_;
  Inbox inbox_;
  chat::RateRule rate_rule_;

  // Connections. The budget and the pools outlive what is made from them.
  base::ChunkBudget budget_;
  proto::MessageReaderPool readers_;
  proto::JsonReader json_;
  net::ConnectionLimits connection_limits_;
  proto::MessageLimits echo_limits_;
  proto::MessageLimits deflated_echo_limits_;
  proto::Deflater deflater_;
  net::ConnectionMetrics connection_metrics_;
  net::ConnectionContext context_;
  base::SlotMap<Client> clients_;
  base::SlotMap<Call> calls_;
  api::RestContext rest_;
  std::vector<base::IpNetwork> trusted_proxies_;

  unsigned stranger_steps_ = 0;  // since the clock was asked
  bool strangers_are_done_ = false;

  // A large answer of the echo on its way.
  struct Deflation {
    base::Handle client;
    proto::Opcode kind{};
    std::string message;
    proto::Deflater deflater;
  };
  std::deque<std::unique_ptr<Deflation>> deflations_;

  std::vector<Shard*> shards_;        // all of the server, by index
  std::atomic<std::size_t> load_{0};  // connections, those that wait in the inbox included
  std::size_t next_shard_ = 0;        // where the search for the least loaded begins

  // Rooms with members here.
  std::unordered_map<std::string, Room, StringHash, std::equal_to<>> rooms_;
  chat::RoomInterest interest_;                 // the same rooms, for other threads
  base::SortedSet<Session*, ByUser> sessions_;  // of those who said who they are
  chat::LocalPresence connected_here_;
  chat::PresenceView presence_;             // everybody, whatever their shard
  std::vector<chat::ReadSignal> reads_;     // that moved in this turn
  std::vector<chat::UserId> statuses_due_;  // of which the archive could not be told
  std::uint64_t digests_missing_ = 0;       // signals were lost: of these shards (a bit each)
  std::map<std::uint16_t, chat::PresencePlace> digests_reach_;  // how far those that have begun
  bool revocations_missing_ = false;

  // Other servers. Of those whom they had when they ended, some are still to be removed.
  chat::FleetView fleet_;
  std::vector<chat::FleetView::Ended> ended_;
  std::vector<chat::PresenceDelta::Entry> untold_;                // changes of this second
  base::SortedMap<std::string_view, const Room*> present_rooms_;  // in which somebody is here
  std::optional<chat::PresencePlace> digest_at_;                  // the next part begins here
  bool digest_open_ = false;
  base::Instant next_digest_{};
  unsigned ticks_until_revocations_ = 0;
  base::Instant listening_since_{};  // without a pause; none: the bus is away
  bool online_compared_ = false;     // since then, or it is being done
  chat::UserId online_compared_up_to_ = 0;
  std::unordered_map<chat::UserId, base::Instant> lately_told_;  // of whom the archive, until then

  // Work for the end of the turn, or of a later one where a room is held.
  std::vector<Room*> dirty_rooms_;
  std::vector<base::Handle> touched_;
  std::vector<base::Handle> leaving_;
  std::vector<base::Handle> closed_;
  std::vector<std::string> maybe_abandoned_;
  std::vector<chat::FeedItem> deliverable_;
  std::vector<net::Segment> segments_;
  std::vector<base::Instant> delivered_;  // when what is delivered in this turn was received

  // Timers, each in the order of its deadlines because the delay is the same for all.
  struct Departure {
    base::Instant at;
    std::string room;  // empty: the server
    chat::UserId user;
  };
  struct TypingEnd {
    base::Instant at;
    std::string room;
    chat::UserId user;
  };
  struct Paused {
    base::Instant until;
    base::Handle client;
  };
  std::deque<Departure> departures_;
  std::deque<TypingEnd> typing_ends_;
  std::deque<TypingEnd> shown_typing_ends_;
  std::vector<Paused> paused_;
  base::Instant next_tick_{};
  base::Instant accept_again_{};  // meaningful while the listener is not armed
  int listener_;                  // -1: none
  bool accepting_ = false;

  // Holes to fill.
  struct GapWait {
    base::Instant at;
    std::string room;
  };
  std::deque<GapWait> gap_waits_;
  std::deque<std::string> fills_wanted_;
  std::vector<chat::ReadHeads::Asked> heads_wanted_;
  std::deque<std::string> checks_wanted_;
  bool check_open_ = false;
  bool epoch_doubted_ = false;  // the archive showed an older one
  unsigned fills_open_ = 0;
  unsigned heads_open_ = 0;
  bool heads_missing_ = false;   // they could not be read
  bool compare_wanted_ = false;  // something may have been lost
  base::Instant last_compare_{};
  std::uint64_t epoch_;          // of the archive, the newest that was heard of
  bool archive_healthy_ = true;  // as the sessions were told

  std::unordered_map<std::string, base::WallMs, StringHash, std::equal_to<>> revoked_;
  // By user: tokens that were issued until then.
  std::unordered_map<chat::UserId, base::WallMs> revoked_users_;
  base::WallMs wall_ = 0;
  std::minstd_rand jitter_;

  std::atomic<bool> drain_asked_{false};
  std::atomic<bool> revocations_asked_{false};
  std::atomic<const Config*> settings_due_{nullptr};  // ours, once taken
  bool draining_ = false;
  ShardMetrics counts_;
  std::array<std::atomic<std::uint64_t>, sizeof(ShardMetrics) / sizeof(std::uint64_t)> published_{};
};

}  // namespace starling::shard
