// HTTP/1.1 as far as the load needs it: calls that are answered with a Content-Length.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace starling::bench {

// A whole request for 127.0.0.1; a GET where there is no body.
std::string request_text(std::string_view method, std::string_view path, std::string_view body);

struct Answer {
  std::size_t bytes = 0;  // of head and body
  int status = 0;
};
// The first answer in `bytes`; `bytes` is 0 where it has not come whole. Gives up on what it does
// not understand.
Answer first_answer(std::string_view bytes);

// One POST on a connection of its own: sent at once, read later, so that many can be under way
// together.
class Post {
 public:
  Post(std::uint16_t port, std::string_view path, std::string_view body);
  ~Post();
  Post(Post&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
  Post& operator=(Post&&) = delete;

  std::string answer();  // blocks; the body

 private:
  int socket_;
};

}  // namespace starling::bench
