// Network: the simulated kernel's sockets of one server, and the clients' ends of them.
//
//   client ──outgoing──► to_server (bounded) ──receive──► SimRing ──► shard
//   client ◄───────────  to_client (bounded) ◄──send────  SimRing ◄── shard
//
// Nothing moves by itself: step() picks one thing that could happen next (a connection is accepted,
// some bytes are received, a part of a send is copied, a client reads) and does it. Bytes are cut
// anywhere, sends are copied from the sender's memory while they are in flight, sockets freeze for
// a while. Descriptors are used again at once, as the kernel does.
//
// What the ring's rules forbid (src/io/ring.hpp) is told to the judge: two receives or two sends in
// flight on a socket, a buffer that changes under a send, a close with something in flight, a
// receive buffer given back twice.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "io/ring.hpp"
#include "random.hpp"

namespace starling::sim {

class SimRing;

// A client's end of a socket.
class Endpoint {
 public:
  virtual ~Endpoint() = default;
  virtual bool reading() const = 0;
  virtual void on_bytes(std::string_view bytes) = 0;
  // Nothing more comes; `reset`: and what was under way is lost.
  virtual void on_end(bool reset) = 0;
};

// A receive or a send between its submission and its completion.
struct Flight {
  io::Token token;
  SimRing* ring = nullptr;
  bool submitted = false;
  bool cancelled = false;
  bool stubborn = false;  // shutdown() does not end it: only cancel() does
  // Sends: the ranges as given, the bytes as they were then, and how many have been copied.
  std::vector<iovec> ranges;
  const msghdr* message = nullptr;
  std::string bytes;
  std::size_t sent = 0;
};

struct Socket {
  int descriptor = -1;  // the server's; -1: closed by it, or not accepted yet
  std::optional<Flight> receive;
  std::optional<Flight> send;
  bool shut_read = false;  // by the server
  bool shut_write = false;
  bool server_gone = false;

  Endpoint* client = nullptr;  // nullptr: has closed
  std::string outgoing;        // written by the client, not yet on its way
  bool client_ends = false;    // after what is outgoing
  bool reset = false;          // both ends hear of it
  std::string to_server;
  std::string to_client;
  std::size_t to_server_limit = 0;
  std::size_t to_client_limit = 0;
  base::Instant frozen_until{};
};

// How unkind the kernel and the network are; chances are per thousand.
struct NetworkFaults {
  unsigned short_send = 0;       // a send completes before all of it was copied
  unsigned failed_send = 0;      // a send fails, and so does the connection
  unsigned ended_multishot = 0;  // a multishot operation ends though nothing is wrong
  unsigned failed_accept = 0;    // EMFILE and the like
  unsigned stubborn = 0;         // a shutdown does not end an operation
  unsigned freeze = 0;           // a socket stands still for a while
  unsigned small_pieces = 0;     // bytes are moved a few at a time
  std::size_t pipe_bytes = 64 * 1024;
  unsigned receive_buffers = 64;
  unsigned receive_buffer_bytes = 4'096;
};

class Network {
 public:
  static constexpr int listener = 1'000'000;  // far from any real descriptor

  Network(Random& random, const NetworkFaults& faults);
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  // The one that a process which starts now finds.
  static Network& current();
  void make_current();

  // ---- clients
  // Nothing where no server listens.
  std::shared_ptr<Socket> connect(Endpoint* client);
  // The client goes: in an orderly way, or with a reset that loses what is under way.
  void leave(Socket& socket, bool with_reset);

  // ---- the run
  void set_listening(bool listening);
  // One thing that can happen, happens. False: nothing can.
  bool step();
  // When a frozen socket goes on; nothing where none is frozen.
  std::optional<base::Instant> next_thaw() const;
  void heal();  // from here on the network is kind
  // The process is gone: what it had open is closed by the kernel.
  void process_ended(bool power_lost);

  // ---- rings
  SimRing* newest_ring() const { return rings_.back(); }
  void enter(SimRing* ring) { rings_.push_back(ring); }
  void forget(SimRing* ring);
  void accept(SimRing* ring, int descriptor, io::Token token);
  void start_receive(SimRing* ring, int descriptor, io::Token token);
  void start_send(SimRing* ring, int descriptor, io::Token token, std::vector<iovec> ranges,
                  const msghdr* message);
  void submit(SimRing* ring);
  void cancel(SimRing* ring, io::Token target);
  void shutdown(int descriptor, int how);
  void close(int descriptor);

  Random& random() { return random_; }
  const NetworkFaults& faults() const { return faults_; }

 private:
  struct Acceptance {
    SimRing* ring = nullptr;
    io::Token token;
    bool cancelled = false;
  };
  struct Possible {
    std::shared_ptr<Socket> socket;  // nullptr: the listener
    enum class What : std::uint8_t { accept, receive, send, carry, read } what{};
  };

  Socket* find(int descriptor, const char* call);
  void collect();
  bool can_receive(const Socket& socket) const;
  bool can_send(const Socket& socket) const;
  void do_accept();
  void do_receive(Socket& socket);
  void do_send(Socket& socket);
  void do_carry(Socket& socket);
  void do_read(Socket& socket);
  void finish_send(Socket& socket, std::int32_t result);
  std::size_t piece_of(std::size_t bytes);

  Random& random_;
  NetworkFaults faults_;
  bool listening_ = false;
  std::optional<Acceptance> acceptance_;
  std::deque<std::shared_ptr<Socket>> backlog_;
  std::vector<std::shared_ptr<Socket>> sockets_;  // that somebody still uses
  std::vector<Possible> possible_;
  std::vector<SimRing*> rings_;
};

// Takes each client to some server, whether or not one listens there.
class Balancer {
 public:
  explicit Balancer(Random& random) : random_(random) {}
  void add(Network& server) { servers_.push_back(&server); }
  Network& choose() const {
    return *servers_[servers_.size() == 1 ? 0 : random_.below(servers_.size())];
  }

 private:
  Random& random_;
  std::vector<Network*> servers_;
};

}  // namespace starling::sim
