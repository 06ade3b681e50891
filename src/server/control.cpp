#include "server/control.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "server/value.hpp"

namespace starling::server {
namespace {

constexpr std::size_t max_packet_bytes = 64 * 1024;

// A descriptor that is closed at the end of its scope.
struct Descriptor {
  explicit Descriptor(int number) : value(number) {}
  ~Descriptor() {
    if (value >= 0) ::close(value);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int release() { return std::exchange(value, -1); }
  int value;
};

// The path by way of the open folder: a socket's own name may have 107 bytes only.
sockaddr_un address_in(int folder) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(folder) + "/control";
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

int open_folder(const std::string& folder) {
  return ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
}

}  // namespace

base::Result<Control> Control::open(const std::string& folder, Handler handler) {
  const Descriptor parent{open_folder(folder)};
  Descriptor listener{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  const sockaddr_un address = address_in(parent.value);
  ::unlinkat(parent.value, "control", 0);
  ::fchmod(listener.value, S_IRUSR | S_IWUSR);  // before bind(2), which gives the mode to the name
  const bool bound =
      ::bind(listener.value, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      ::listen(listener.value, max_connections) == 0;
  const int error = errno;
  if (!bound) {
    return base::failure("cannot listen on " + folder + "/control: " + std::strerror(error), error);
  }
  return Control{listener.release(), std::move(handler)};
}

Control::Control(Control&& other) noexcept
    : listener_(std::exchange(other.listener_, -1)),
      handler_(std::move(other.handler_)),
      connections_(std::exchange(other.connections_, {})) {}

Control::~Control() {
  for (const int connection : connections_) ::close(connection);
  if (listener_ >= 0) ::close(listener_);
}

void Control::append_to(std::vector<pollfd>& watched) const {
  watched.push_back({listener_, POLLIN, 0});
  for (const int connection : connections_) watched.push_back({connection, POLLIN, 0});
}

void Control::turn() {
  std::erase_if(connections_, [this](int connection) {
    if (answer(connection)) return false;
    ::close(connection);
    return true;
  });
  for (;;) {
    const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (connection < 0) return;
    if (connections_.size() == max_connections) {
      ::close(connections_.front());
      connections_.erase(connections_.begin());
    }
    connections_.push_back(connection);
  }
}

bool Control::answer(int connection) const {
  std::array<char, 1'024> question;
  const ssize_t size = ::recv(connection, question.data(), question.size(), MSG_DONTWAIT);
  if (size < 0) return errno == EAGAIN || errno == EINTR;
  if (size == 0) return false;
  const ControlAnswer said = handler_({question.data(), static_cast<std::size_t>(size)});
  const std::string packet =
      (std::to_string(said.exit_code) + "\n" + said.text).substr(0, max_packet_bytes);
  return ::send(connection, packet.data(), packet.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

base::Result<ControlAnswer> ask_server(const std::string& folder, const std::string& question,
                                       bool until_end) {
  const Descriptor parent{open_folder(folder)};
  const Descriptor socket{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
  const sockaddr_un address = address_in(parent.value);
  if (parent.value < 0 ||
      ::connect(socket.value, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return base::failure("no server runs on the data folder " + folder + " (" +
                         std::strerror(errno) + "); name it by --data-dir or --config");
  }
  std::string packet(max_packet_bytes, '\0');
  const bool sent = ::send(socket.value, question.data(), question.size(), MSG_NOSIGNAL) >= 0;
  const ssize_t size = sent ? ::recv(socket.value, packet.data(), packet.size(), 0) : -1;
  packet.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  const std::size_t line = packet.find('\n');
  const auto code = parse_number(std::string_view{packet}.substr(0, line));
  if (line == std::string::npos || !code) return base::failure("the server gave no answer");
  char nothing = 0;
  while (until_end && ::recv(socket.value, &nothing, 1, 0) > 0) {
  }
  return ControlAnswer{static_cast<int>(*code), packet.substr(line + 1)};
}

}  // namespace starling::server
