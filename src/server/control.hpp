// Control: DATA/control, a Unix socket (mode 0600) by which the other commands of the program reach
// a running server. A packet is a question ("reload", "log-level debug"); its answer is a packet:
// the exit code for the asking command, a line feed, and text for people.
#pragma once

#include <poll.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace starling::server {

struct ControlAnswer {
  int exit_code = 0;
  std::string text;
};

// Lives on the main thread.
class Control {
 public:
  using Handler = std::function<ControlAnswer(std::string_view question)>;

  // `folder` is the data folder, whose lock is held: what stands there is a dead server's.
  static base::Result<Control> open(const std::string& folder, Handler handler);
  Control(Control&& other) noexcept;
  Control& operator=(Control&&) = delete;
  ~Control();

  // What to poll(2) for.
  void append_to(std::vector<pollfd>& watched) const;
  // Accepts, answers and forgets; never waits. A connection stays open until the other side closes
  // it, or the server ends.
  void turn();

 private:
  static constexpr std::size_t max_connections = 16;  // further ones take the oldest one's place

  Control(int listener, Handler handler) : listener_(listener), handler_(std::move(handler)) {}
  bool answer(int connection) const;  // false: it is over

  int listener_;
  Handler handler_;
  std::vector<int> connections_;
};

// Asks the server of a data folder. Fails where none runs there. With `until_end`, returns when the
// server has ended.
base::Result<ControlAnswer> ask_server(const std::string& folder, const std::string& question,
                                       bool until_end = false);

}  // namespace starling::server
