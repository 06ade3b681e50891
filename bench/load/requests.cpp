// HTTP: connections that are kept, one request in flight on each. The mix is what a chat's pages
// ask for: of ten calls seven read a room's last messages, two write one, one looks for a user.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <string>
#include <vector>

#include "http.hpp"
#include "poller.hpp"
#include "progress.hpp"
#include "run.hpp"

namespace starling::bench {
namespace {

constexpr std::size_t rooms = 10;
constexpr int http_error = 400;

struct Caller {
  int socket;
  std::string received;
  std::int64_t asked_ns = 0;
  std::size_t call = 0;  // of the calls, in turn
};

std::vector<std::string> mix(std::uint16_t port) {
  std::vector<std::string> calls;
  for (std::size_t room = 0; room < rooms; ++room) {
    const std::string user = make_users(port, 1).front();
    const std::string name = "load-requests-" + std::to_string(room);
    const std::string message = R"({"content":")" + std::string(100, 'x') + R"(","sender_id":)" +
                                user + R"(,"room_id":")" + name + "\"}";
    for (int i = 0; i < 10; ++i) {
      if (i == 0 || i == 5) {
        calls.push_back(request_text("POST", "/api/messages", message));
      } else if (i == 9) {
        calls.push_back(request_text("GET", "/api/users/" + user, {}));
      } else {
        calls.push_back(request_text("GET", "/api/messages/room/" + name + "/recent", {}));
      }
    }
  }
  return calls;
}

class Requests {
 public:
  Requests(const Options& options, Result& result) : options_(options), result_(result) {
    if (options.path.empty()) {
      calls_ = mix(options.ports[0]);
    } else {
      calls_ = {request_text("GET", options.path, {})};
    }
    for (std::size_t i = 0; i < options.window; ++i) {
      const int socket = connect_to(options.ports[i % options.ports.size()], {});
      if (socket < 0) give_up("nobody listens");
      callers_.push_back({socket, {}, 0, i % calls_.size()});
      poller_.watch(socket, &callers_.back());
    }
  }
  ~Requests() {
    for (const Caller& caller : callers_) ::close(caller.socket);
  }
  Requests(const Requests&) = delete;
  Requests& operator=(const Requests&) = delete;

  void run() {
    result_.joined = snapshot_of(options_.pids);
    const std::uint64_t own_before = usage_of(::getpid()).cpu_ns();
    result_.series.begin(result_.joined.usage.cpu_ns());
    const std::int64_t start = now_ns();
    end_ns_ = start + options_.seconds * second_ns;
    std::int64_t next_second = start + second_ns;
    for (Caller& caller : callers_) ask(caller);
    while (waiting_ > 0) {
      poller_.wait_until(next_second,
                         [this](void* caller) { read(*static_cast<Caller*>(caller)); });
      if (now_ns() > end_ns_ + options_.drain_seconds * second_ns) give_up("answers do not come");
      if (now_ns() < next_second) continue;
      next_second += second_ns;
      const Snapshot now = snapshot_of(options_.pids);
      result_.series.end_second(now.usage.cpu_ns(), now.private_bytes, result_.latency);
      progress_.tell(end_ns_ - now_ns(), result_.done, "answers");
    }
    result_.end = snapshot_of(options_.pids);
    result_.own_cpu_ns = usage_of(::getpid()).cpu_ns() - own_before;
    result_.elapsed_ns = now_ns() - start;
    result_.series.finish(result_.end.usage.cpu_ns(), result_.end.private_bytes, result_.latency);
  }

 private:
  void ask(Caller& caller) {
    const std::string& call = calls_[caller.call];
    caller.call = (caller.call + 1) % calls_.size();
    caller.asked_ns = now_ns();
    if (::send(caller.socket, call.data(), call.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(call.size())) {
      give_up("the server does not read what it is asked");
    }
    ++waiting_;
    ++result_.sent;
  }

  void read(Caller& caller) {
    const ssize_t count = ::recv(caller.socket, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) give_up("the server has closed a connection that is in use");
    caller.received.append(buffer_.data(), static_cast<std::size_t>(count));
    const Answer answer = first_answer(caller.received);
    if (answer.bytes == 0) return;
    if (answer.status >= http_error) {
      ++result_.refused;
      if (result_.first_error.empty()) result_.first_error = std::to_string(answer.status);
    }
    caller.received.erase(0, answer.bytes);
    --waiting_;
    ++result_.done;
    const std::int64_t now = now_ns();
    result_.series.record(now - caller.asked_ns);
    if (now < end_ns_) ask(caller);
  }

  const Options& options_;
  Result& result_;
  Poller poller_;
  Progress progress_;
  std::vector<std::string> calls_;
  std::deque<Caller> callers_;  // their addresses stay
  std::string buffer_ = std::string(64 * 1024, '\0');
  std::size_t waiting_ = 0;  // for answers
  std::int64_t end_ns_ = 0;  // of asking
};

}  // namespace

void run_requests(const Options& options, Result& result) { Requests{options, result}.run(); }

}  // namespace starling::bench
