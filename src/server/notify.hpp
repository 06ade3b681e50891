// What a service manager is told: the datagrams of sd_notify(3). Without NOTIFY_SOCKET in the
// environment nobody is told.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"

namespace starling::server {

// Lives on the main thread.
class Notifier {
 public:
  // From NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, which it takes out of the environment.
  Notifier();
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  void ready();
  void reloading();  // ready() follows
  void stopping();
  void feed_watchdog();
  // One line for people; told again only when it has changed.
  void status(const std::string& line);

  // How often the watchdog wants to be fed; nothing: there is none.
  std::optional<base::Duration> watchdog_interval() const { return watchdog_; }

 private:
  void tell(std::string_view lines) const;

  int socket_ = -1;
  std::string path_;
  std::string last_status_;
  std::optional<base::Duration> watchdog_;
};

// Sockets that the service manager listens on for us (sd_listen_fds(3)), by name; -1: not given.
struct GivenSockets {
  int public_listener = -1;  // any name but the next
  int admin_listener = -1;   // FileDescriptorName=admin
};
GivenSockets take_given_sockets();

}  // namespace starling::server
