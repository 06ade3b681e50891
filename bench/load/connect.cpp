// Clients that come, `window` of them on their way at a time: to the end of the handshake or, with
// --join, until they are members of a room that has members already.
#include <algorithm>
#include <deque>

#include "poller.hpp"
#include "progress.hpp"
#include "run.hpp"

namespace starling::bench {
namespace {

constexpr std::int64_t patience_ns = 30 * second_ns;  // without anybody getting there

struct Guest {
  Guest(Address address, Origin origin) : client(std::move(address), origin) {}

  Client client;
  std::string_view room;
  std::string_view user;
  std::int64_t began_ns = 0;
  bool entered = false;  // has said who it is
  bool there = false;
};

struct Watched {
  Client* client;
  Guest* guest;  // none: somebody who was there before
};

class Storm {
 public:
  Storm(const Options& options, Party& party, Result& result)
      : options_(options), party_(party), dialect_(*party.dialect), result_(result) {
    for (Member& member : party.members) watch(member.client, nullptr);
    if (options.join && dialect_.has_users()) users_ = make_users(options.ports[0], options.count);
  }

  void run() {
    const std::int64_t settled = now_ns() + options_.settle_seconds * second_ns;
    while (now_ns() < settled) wait_until(settled);
    result_.joined = snapshot_of(options_.pids);
    const std::uint64_t own_before = usage_of(::getpid()).cpu_ns();
    result_.series.begin(result_.joined.usage.cpu_ns());
    const std::int64_t start = last_ns_ = now_ns();
    next_second_ns_ = start + second_ns;
    while (result_.done < options_.count) {
      while (guests_.size() < options_.count && guests_.size() - result_.done < options_.window) {
        admit();
      }
      wait_until(next_second_ns_);
      for (Guest* const guest : leaving_) guest->client.reset();
      leaving_.clear();
      if (now_ns() - last_ns_ > patience_ns) give_up("clients that came are not let in");
      if (now_ns() >= next_second_ns_) once_a_second();
    }
    result_.end = snapshot_of(options_.pids);
    result_.own_cpu_ns = usage_of(::getpid()).cpu_ns() - own_before;
    result_.elapsed_ns = last_ns_ - start;
    result_.series.finish(result_.end.usage.cpu_ns(), result_.end.private_bytes, result_.latency);
  }

 private:
  void admit() {
    const std::size_t index = guests_.size();
    const std::string& room = party_.rooms[index % party_.rooms.size()].name;
    const std::int64_t began = now_ns();
    Guest& guest = guests_.emplace_back(address_of(options_, dialect_, room, index),
                                        origin_of(party_.members.size() + index));
    guest.room = room;
    guest.began_ns = began;
    if (!users_.empty()) guest.user = users_[index];
    watch(guest.client, &guest);
  }

  void watch(Client& client, Guest* guest) {
    poller_.watch(client.socket(), &watched_.emplace_back(Watched{&client, guest}));
  }

  void wait_until(std::int64_t time_ns) {
    poller_.wait_until(time_ns, [this](void* owner) {
      const Watched& watched = *static_cast<Watched*>(owner);
      const bool alive = watched.client->read([&](std::string_view payload) {
        if (watched.guest == nullptr) {
          ++result_.frames;
        } else {
          hear(*watched.guest, payload);
        }
      });
      if (!alive) on_closed(watched);
      if (alive && watched.guest != nullptr) look(*watched.guest);
    });
  }

  void on_closed(const Watched& watched) {
    if (watched.guest != nullptr && !watched.guest->there) give_up("a client was sent away");
    poller_.forget(watched.client->socket());
    ++result_.closed;
  }

  void hear(Guest& guest, std::string_view payload) {
    if (!options_.join || guest.there) return;
    if (!guest.entered && payload.find(dialect_.greeting()) != std::string_view::npos) {
      enter(guest);
    } else if (guest.entered && payload.find(dialect_.welcome()) != std::string_view::npos) {
      arrive(guest);
    }
  }

  // What no frame tells.
  void look(Guest& guest) {
    if (guest.there || !guest.client.upgraded()) return;
    if (!options_.join) {
      arrive(guest);
    } else if (!guest.entered && dialect_.greeting().empty()) {
      enter(guest);
    }
  }

  void enter(Guest& guest) {
    guest.entered = true;
    dialect_.enter(guest.client, guest.room, guest.user);
    if (dialect_.welcome().empty()) arrive(guest);
  }

  void arrive(Guest& guest) {
    guest.there = true;
    ++result_.done;
    last_ns_ = now_ns();
    result_.series.record(last_ns_ - guest.began_ns);
    if (options_.leave) leaving_.push_back(&guest);
  }

  void once_a_second() {
    next_second_ns_ += second_ns;
    const Snapshot now = snapshot_of(options_.pids);
    result_.peak_private_bytes = std::max(result_.peak_private_bytes, now.private_bytes);
    result_.series.end_second(now.usage.cpu_ns(), now.private_bytes, result_.latency);
    progress_.tell(patience_ns - (now_ns() - last_ns_), result_.done, "have come");
  }

  const Options& options_;
  Party& party_;
  const Dialect& dialect_;
  Result& result_;
  Poller poller_;
  Progress progress_;
  std::deque<Guest> guests_;  // their addresses stay
  std::deque<Watched> watched_;
  std::vector<Guest*> leaving_;  // not while they are being read
  std::vector<std::string> users_;
  std::int64_t last_ns_ = 0;  // when somebody got there
  std::int64_t next_second_ns_ = 0;
};

}  // namespace

void run_connect(const Options& options, Party& party, Result& result) {
  Storm{options, party, result}.run();
}

}  // namespace starling::bench
