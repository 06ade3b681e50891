#include "server/commands/password.hpp"

#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <optional>
#include <utility>

#include "chat/ids.hpp"

namespace starling::server {
namespace {

constexpr std::array ending_signals{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
volatile std::sig_atomic_t came = 0;  // one of them while nothing was shown

// What is typed is not shown while this lives. A signal that ends the program ends the asking, and
// the program when the terminal is as it was.
class Hidden {
 public:
  Hidden() {
    sigset_t ending;
    sigemptyset(&ending);
    struct sigaction note {};
    note.sa_handler = [](int signal) { came = signal; };
    for (std::size_t i = 0; i < ending_signals.size(); ++i) {
      sigaddset(&ending, ending_signals[i]);
      ::sigaction(ending_signals[i], &note, &actions_[i]);
    }
    ::sigprocmask(SIG_BLOCK, &ending, &mask_);  // they come while it waits, and only then
    ::tcgetattr(STDIN_FILENO, &terminal_);
    termios hidden = terminal_;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
  }
  ~Hidden() {
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal_);
    for (std::size_t i = 0; i < ending_signals.size(); ++i) {
      ::sigaction(ending_signals[i], &actions_[i], nullptr);
    }
    ::sigprocmask(SIG_SETMASK, &mask_, nullptr);
    if (came != 0) std::raise(came);
  }
  Hidden(const Hidden&) = delete;
  Hidden& operator=(const Hidden&) = delete;

  // Nothing: no line was typed.
  std::optional<std::string> ask(const char* what) {
    std::fputs(what, stderr);
    pollfd typed{STDIN_FILENO, POLLIN, 0};
    while (came == 0 && ::ppoll(&typed, 1, nullptr, &mask_) < 0 && errno == EINTR) {
    }
    std::string line;
    const bool whole = came == 0 && std::getline(std::cin, line);
    std::fputs("\n", stderr);
    return whole ? std::optional{std::move(line)} : std::nullopt;
  }

 private:
  termios terminal_{};
  sigset_t mask_{};
  std::array<struct sigaction, ending_signals.size()> actions_{};
};

base::Result<std::string> first_line(std::istream& lines, const std::string& where) {
  std::string line;
  if (!std::getline(lines, line)) return base::failure("no password in " + where);
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

// Hidden first and to the end: who types faster than it is asked is neither shown nor ignored.
base::Result<std::string> typed() {
  Hidden hidden;
  std::optional<std::string> password = hidden.ask("Password: ");
  if (!password) return base::failure("no password was typed");
  if (hidden.ask("Again: ") != password) return base::failure("the two passwords differ");
  return std::move(*password);
}

}  // namespace

Parameter password_file_option() {
  return {.name = "--password-file",
          .value = "FILE",
          .help = "Its first line is the password (else: standard input)",
          .expects = Expects::file};
}

base::Result<std::string> read_password(const Given& given) {
  base::Result<std::string> password;
  if (const std::string path = given.text("--password-file"); !path.empty()) {
    std::ifstream file{path};
    password = first_line(file, path);
  } else if (::isatty(STDIN_FILENO) != 0) {
    password = typed();
  } else {
    password = first_line(std::cin, "standard input");
  }
  if (!password) return password;
  if (password->size() < chat::min_password_bytes || password->size() > chat::max_password_bytes ||
      password->find('\0') != std::string::npos) {
    return base::failure("a password has 8 to 256 bytes");
  }
  return password;
}

}  // namespace starling::server
