#include "http.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <charconv>

#include "socket.hpp"

namespace starling::bench {
namespace {

// The value of a header in a head, in any case of letters; empty where it is not there.
std::string_view header(std::string_view head, std::string_view name) {
  for (std::size_t line = head.find("\r\n"); line != std::string_view::npos;
       line = head.find("\r\n", line + 2)) {
    const std::string_view rest = head.substr(line + 2);
    if (rest.size() <= name.size() || rest[name.size()] != ':') continue;
    bool same = true;
    for (std::size_t i = 0; i < name.size(); ++i) same &= (rest[i] | 0x20) == name[i];
    if (!same) continue;
    const std::string_view value =
        rest.substr(name.size() + 1, rest.find("\r\n") - name.size() - 1);
    return value.substr(std::min(value.size(), value.find_first_not_of(' ')));
  }
  return {};
}

}  // namespace

std::string request_text(std::string_view method, std::string_view path, std::string_view body) {
  std::string text{method};
  text.append(" ").append(path).append(" HTTP/1.1\r\nHost: 127.0.0.1\r\n");
  if (!body.empty()) {
    text.append("Content-Type: application/json\r\nContent-Length: ");
    text.append(std::to_string(body.size())).append("\r\n");
  }
  return text.append("\r\n").append(body);
}

Answer first_answer(std::string_view bytes) {
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return {};
  const std::string_view head = bytes.substr(0, end);
  const std::string_view length = header(head, "content-length");
  std::size_t body = 0;
  int status = 0;
  if (head.size() > 12) std::from_chars(head.data() + 9, head.data() + 12, status);
  if (std::from_chars(length.data(), length.data() + length.size(), body).ec != std::errc{}) {
    give_up("an answer without a length: " + std::string{head});
  }
  const std::size_t whole = end + 4 + body;
  return bytes.size() < whole ? Answer{} : Answer{whole, status};
}

Post::Post(std::uint16_t port, std::string_view path, std::string_view body)
    : socket_(connect_to(port, {})) {
  const std::string request = request_text("POST", path, body);
  if (::send(socket_, request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    give_up("cannot call port " + std::to_string(port));
  }
}

Post::~Post() {
  if (socket_ >= 0) ::close(socket_);
}

std::string Post::answer() {
  std::string all;
  while (first_answer(all).bytes == 0) {
    if (!receive_more(socket_, all)) return {};
  }
  return all.substr(all.find("\r\n\r\n") + 4);
}

}  // namespace starling::bench
