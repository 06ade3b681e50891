#include "server/commands/password.hpp"

#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iostream>

#include "chat/ids.hpp"

namespace starling::server {
namespace {

// What is typed is not shown while this lives.
class Hidden {
 public:
  Hidden() {
    ::tcgetattr(STDIN_FILENO, &before_);
    termios hidden = before_;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
  }
  ~Hidden() { ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_); }
  Hidden(const Hidden&) = delete;
  Hidden& operator=(const Hidden&) = delete;

 private:
  termios before_{};
};

std::string ask(const char* what) {
  std::fputs(what, stderr);
  std::string line;
  {
    const Hidden hidden;
    std::getline(std::cin, line);
  }
  std::fputs("\n", stderr);
  return line;
}

base::Result<std::string> first_line(std::istream& lines, const std::string& where) {
  std::string line;
  if (!std::getline(lines, line)) return base::failure("no password in " + where);
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

base::Result<std::string> typed() {
  std::string password = ask("Password: ");
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
