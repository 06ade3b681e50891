// starling-load: members in one room, and what they cost the server.
//
//   idle    N members that say nothing: the server's memory for each
//   fanout  one sender at a fixed rate: the server's CPU for each delivered message, the latency
//           from the intended time of sending, and exact counts of what was lost, doubled,
//           reordered
//
// Speaks Starling's protocol in open mode, or (--peer raw) to any server that sends every text
// frame to all its clients. Talks to 127.0.0.1 only, and stops by itself.
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "client.hpp"
#include "report.hpp"

namespace starling::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned max_members = 100'000;
constexpr unsigned max_seconds = 600;
constexpr unsigned clients_per_source = 20'000;

struct Options {
  std::string mode;
  std::uint16_t port = 8080;
  int pid = 0;
  unsigned members = 1'000;
  unsigned rate = 150;
  unsigned bytes = 100;
  unsigned seconds = 10;
  bool raw = false;
};

std::uint64_t number_after(std::string_view text, std::string_view name) {
  const std::size_t at = text.find(name);
  return at == std::string_view::npos ? 0
                                      : std::strtoull(text.data() + at + name.size(), nullptr, 10);
}

// Members of one room, all connected and joined.
std::vector<std::unique_ptr<Client>> connect_members(const Options& options) {
  std::vector<std::unique_ptr<Client>> members;
  const std::string run = std::to_string(::getpid());
  for (unsigned i = 0; i < options.members; ++i) {
    const int source = 1 + static_cast<int>(i / clients_per_source);
    auto client = std::make_unique<Client>(options.port, options.raw ? "" : "starling.v1", source);
    client->number = i;
    if (!options.raw) {
      const std::string name = "load-" + run + "-" + std::to_string(i);
      const std::string user =
          http_post(options.port, "/api/users", R"({"username":")" + name + R"(","email":"l@x"})");
      const std::uint64_t id = number_after(user, "\"id\":");
      if (id == 0) give_up("no user: " + user);
      client->await("\"welcome\"");
      client->send(R"({"type":"auth","userId":)" + std::to_string(id) + R"(,"roomId":"load"})");
      client->await("\"room_joined\"");
    }
    members.push_back(std::move(client));
    if ((i + 1) % 500 == 0) std::fprintf(stderr, "\r%u members", i + 1);
  }
  std::fprintf(stderr, "\r%u members\n", options.members);
  return members;
}

class Loop {
 public:
  explicit Loop(std::vector<std::unique_ptr<Client>>& members) : epoll_(::epoll_create1(0)) {
    for (const auto& member : members) {
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.ptr = member.get();
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, member->socket(), &event);
    }
  }
  ~Loop() { ::close(epoll_); }

  void run_until(Clock::time_point end, const Client::OnFrame& on_frame) {
    while (true) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
      epoll_event events[512];
      const int count =
          ::epoll_wait(epoll_, events, 512, std::max(0, static_cast<int>(left.count())));
      for (int i = 0; i < count; ++i) {
        auto* client = static_cast<Client*>(events[i].data.ptr);
        if (!client->read(on_frame)) give_up("the server has closed a connection");
      }
      if (Clock::now() >= end) return;
    }
  }

 private:
  int epoll_;
};

int run_idle(const Options& options) {
  const std::uint64_t memory_before = private_bytes(options.pid);
  const std::uint64_t slab_before = slab_bytes();
  auto members = connect_members(options);
  Loop loop{members};
  // What joining has caused (presence counts, buffers) goes out and is freed first.
  loop.run_until(Clock::now() + std::chrono::seconds{5}, [](Client&, std::string_view) {});
  const double each =
      static_cast<double>(private_bytes(options.pid) - memory_before) / options.members;
  const double slab = static_cast<double>(slab_bytes() - slab_before) / options.members;
  std::printf(
      R"({"mode":"idle","members":%u,"user_bytes_per_member":%.0f,"kernel_slab_bytes_per_pair":%.0f,%s})"
      "\n",
      options.members, each, slab, environment_json().c_str());
  return 0;
}

int run_fanout(const Options& options) {
  auto members = connect_members(options);
  Loop loop{members};
  const auto drop = [](Client&, std::string_view) {};
  loop.run_until(Clock::now() + std::chrono::seconds{2}, drop);

  const unsigned total = options.rate * options.seconds;
  std::vector<Clock::time_point> intended(total + 1);
  std::vector<std::uint32_t> last(members.size(), 0);
  std::vector<double> latencies;
  latencies.reserve(std::size_t{total} * members.size());
  std::uint64_t doubled_or_reordered = 0;
  const auto on_frame = [&](Client& client, std::string_view payload) {
    const std::size_t at = payload.find("#n=");
    if (at == std::string_view::npos) return;
    const auto number = static_cast<std::uint32_t>(number_after(payload, "#n="));
    std::uint32_t& seen = last[client.number];
    if (number != seen + 1) ++doubled_or_reordered;
    seen = std::max(seen, number);
    latencies.push_back(
        std::chrono::duration<double, std::milli>(Clock::now() - intended[number]).count());
  };

  const std::uint64_t cpu_before = cpu_ns(options.pid);
  const auto start = Clock::now();
  const auto interval = std::chrono::nanoseconds{1'000'000'000 / options.rate};
  for (unsigned number = 1; number <= total; ++number) {
    intended[number] = start + number * interval;
    loop.run_until(intended[number], on_frame);
    std::string content = "#n=" + std::to_string(number) + " ";
    content.resize(std::max<std::size_t>(content.size(), options.bytes), 'x');
    members[0]->send(options.raw ? content
                                 : R"({"type":"chat_message","roomId":"load","content":")" +
                                       content + "\"}");
    if (number % options.rate == 0) {
      std::fprintf(stderr, "\r%u s left ", options.seconds - number / options.rate);
    }
  }
  // To the end of the interval of the last one, so that all of them are paid for alike.
  loop.run_until(Clock::now() + interval, on_frame);
  const std::uint64_t cpu = cpu_ns(options.pid) - cpu_before;
  loop.run_until(Clock::now() + std::chrono::seconds{1}, on_frame);
  std::fprintf(stderr, "\r            \r");

  const std::uint64_t expected = std::uint64_t{total} * members.size();
  const std::uint64_t delivered = latencies.size();
  std::ranges::sort(latencies);
  std::printf(
      R"({"mode":"fanout","peer":"%s","members":%u,"rate":%u,"bytes":%u,"seconds":%u,"sent":%u,)"
      R"("delivered":%llu,"lost":%lld,"doubled_or_reordered":%llu,"cpu_us_per_delivery":%.3f,)"
      R"("latency_ms":{"p50":%.2f,"p99":%.2f,"max":%.2f},%s})"
      "\n",
      options.raw ? "raw" : "starling", options.members, options.rate, options.bytes,
      options.seconds, total, static_cast<unsigned long long>(delivered),
      static_cast<long long>(expected) - static_cast<long long>(delivered),
      static_cast<unsigned long long>(doubled_or_reordered),
      static_cast<double>(cpu) / 1'000 / static_cast<double>(std::max<std::uint64_t>(1, delivered)),
      percentile(latencies, 0.5), percentile(latencies, 0.99),
      latencies.empty() ? 0 : latencies.back(), environment_json().c_str());
  return delivered == expected && doubled_or_reordered == 0 ? 0 : 1;
}

[[noreturn]] void usage() {
  std::fprintf(stderr,
               "usage: starling-load idle|fanout --pid PID [--port 8080] [--members 1000]\n"
               "       [--rate 150] [--bytes 100] [--seconds 10] [--peer starling|raw]\n");
  std::exit(64);
}

Options parse(int argc, char** argv) {
  if (argc < 2) usage();
  Options options;
  options.mode = argv[1];
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const auto number = static_cast<unsigned>(std::strtoul(argv[i + 1], nullptr, 10));
    if (name == "--port") {
      options.port = static_cast<std::uint16_t>(number);
    } else if (name == "--pid") {
      options.pid = static_cast<int>(number);
    } else if (name == "--members") {
      options.members = number;
    } else if (name == "--rate") {
      options.rate = number;
    } else if (name == "--bytes") {
      options.bytes = number;
    } else if (name == "--seconds") {
      options.seconds = number;
    } else if (name == "--peer") {
      options.raw = std::strcmp(argv[i + 1], "raw") == 0;
    } else {
      usage();
    }
  }
  const bool bounded = options.members >= 1 && options.members <= max_members &&
                       options.seconds >= 1 && options.seconds <= max_seconds && options.rate >= 1;
  if (argc % 2 != 0 || options.pid == 0 || !bounded) usage();
  return options;
}

}  // namespace
}  // namespace starling::bench

int main(int argc, char** argv) {
  using namespace starling::bench;
  const Options options = parse(argc, argv);
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  if (options.mode == "idle") return run_idle(options);
  if (options.mode == "fanout") return run_fanout(options);
  usage();
}
