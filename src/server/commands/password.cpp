#include "server/commands/password.hpp"

#include <termios.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>

#include "chat/ids.hpp"

namespace starling::server {
namespace {

constexpr std::array ending_signals{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
volatile std::sig_atomic_t came = 0;  // one of them while nothing was shown

// What is typed is not shown while this lives. A signal that ends the program ends the reading, and
// the program when the terminal is as it was.
class Hidden {
 public:
  Hidden() {
    struct sigaction note {};  // without SA_RESTART
    note.sa_handler = [](int signal) { came = signal; };
    for (std::size_t i = 0; i < ending_signals.size(); ++i) {
      ::sigaction(ending_signals[i], &note, &actions_[i]);
    }
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
    if (came != 0) std::raise(came);
  }
  Hidden(const Hidden&) = delete;
  Hidden& operator=(const Hidden&) = delete;

 private:
  termios terminal_{};
  std::array<struct sigaction, ending_signals.size()> actions_{};
};

std::string ask(const char* what) {
  std::fputs(what, stderr);
  std::string line;
  std::getline(std::cin, line);
  std::fputs("\n", stderr);
  return line;
}

base::Result<std::string> first_line(std::istream& lines, const std::string& where) {
  std::string line;
  if (!std::getline(lines, line)) return base::failure("no password in " + where);
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

// Hidden first and to the end: who types faster than it is asked is neither shown nor ignored.
base::Result<std::string> typed() {
  const Hidden hidden;
  std::string password = ask("Password: ");
  if (!std::cin || came != 0) return base::failure("no password was typed");
  if (ask("Again: ") != password) return base::failure("the two passwords differ");
  return password;
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
