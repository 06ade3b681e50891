#include "server/notify.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "server/value.hpp"

namespace starling::server {
namespace {

// Takes a variable out of the environment, as sd_notify(3) and sd_listen_fds(3) ask for.
std::string take_variable(const char* name) {
  const char* const found = std::getenv(name);
  std::string value = found ? found : "";
  ::unsetenv(name);
  return value;
}

bool names_this_process(const std::string& pid) {
  return parse_number(pid) == static_cast<std::uint64_t>(::getpid());
}

}  // namespace

Notifier::Notifier() : path_(take_variable("NOTIFY_SOCKET")) {
  const std::string pid = take_variable("WATCHDOG_PID");
  const auto interval = parse_number(take_variable("WATCHDOG_USEC"));
  if (path_.empty() || path_.size() >= sizeof sockaddr_un{}.sun_path) return;
  socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  // Twice as often as it has to be.
  if (interval && *interval > 0 && (pid.empty() || names_this_process(pid))) {
    watchdog_ = std::chrono::microseconds{*interval} / 2;
  }
}

Notifier::~Notifier() {
  if (socket_ >= 0) ::close(socket_);
}

void Notifier::ready() { tell("READY=1"); }

void Notifier::reloading() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  constexpr std::int64_t us_per_second = 1'000'000;
  constexpr std::int64_t ns_per_us = 1'000;
  tell("RELOADING=1\nMONOTONIC_USEC=" +
       std::to_string(now.tv_sec * us_per_second + now.tv_nsec / ns_per_us));
}

void Notifier::stopping() { tell("STOPPING=1"); }

void Notifier::feed_watchdog() { tell("WATCHDOG=1"); }

void Notifier::status(const std::string& line) {
  if (line == last_status_) return;
  last_status_ = line;
  tell("STATUS=" + line);
}

// A manager that does not read loses what it is told; the server does not wait for it.
void Notifier::tell(std::string_view lines) const {
  if (socket_ < 0) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path_.data(), path_.size());
  if (path_.front() == '@') address.sun_path[0] = '\0';  // the abstract namespace
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path_.size());
  ::sendto(socket_, lines.data(), lines.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
           reinterpret_cast<const sockaddr*>(&address), size);
}

GivenSockets take_given_sockets() {
  constexpr int first = 3;            // SD_LISTEN_FDS_START
  constexpr std::uint64_t most = 16;  // further ones are nobody's
  const std::string pid = take_variable("LISTEN_PID");
  const auto count = parse_number(take_variable("LISTEN_FDS"));
  std::stringstream names{take_variable("LISTEN_FDNAMES")};
  GivenSockets given;
  if (!count || !names_this_process(pid)) return given;
  for (std::uint64_t i = 0; i < std::min(*count, most); ++i) {
    const int descriptor = first + static_cast<int>(i);
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    std::string name;
    std::getline(names, name, ':');
    int& place = name == "admin" ? given.admin_listener : given.public_listener;
    if (place < 0) place = descriptor;
  }
  return given;
}

}  // namespace starling::server
