#include "server/doctor.hpp"

#include <netdb.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <utility>

#include "bus/amqp.hpp"
#include "io/clock.hpp"
#include "io/ring.hpp"
#include "net/listener.hpp"
#include "proto/json_writer.hpp"
#include "server/archive_options.hpp"
#include "server/bus_link.hpp"
#include "server/control.hpp"
#include "server/settings.hpp"
#include "store/accounts.hpp"
#include "store/mysql_facts.hpp"
#include "store/schema.hpp"

namespace starling::server {
namespace {

using State = Finding::State;

constexpr base::WallMs clock_patience_ms = 1'000;
constexpr long wanted_backlog = 4'096;        // of the listeners (serve.cpp)
constexpr std::size_t own_descriptors = 256;  // besides those of connections

Finding ok(std::string subject, std::string what) {
  return {std::move(subject), State::ok, std::move(what)};
}

Finding warning(std::string subject, std::string what, std::string cure) {
  return {std::move(subject), State::warning, std::move(what), std::move(cure)};
}

Finding failed(std::string subject, std::string what, std::string cure, int code) {
  return {std::move(subject), State::failed, std::move(what), std::move(cure), code};
}

// ---- this host -------------------------------------------------------------------------------

Finding look_at_folder(const Config& config) {
  const std::string& folder = config.server.data_dir;
  const std::size_t slash = folder.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : folder.substr(0, slash + 1);
  const bool there = ::access(folder.c_str(), F_OK) == 0;
  if (::access(there ? folder.c_str() : parent.c_str(), W_OK | X_OK) == 0) {
    return ok("data folder", folder + (there ? "" : " will be made"));
  }
  return failed("data folder", folder + ": " + std::strerror(errno),
                "make it, and give it to the user that the server runs as, or set server.data_dir",
                exit_unavailable);
}

Finding look_at_io_uring() {
  const auto ring = io::Ring::create({});
  if (ring) return ok("io_uring", (*ring)->description());
  std::string what = ring.error().message;
  for (char& c : what) c = c == '\n' ? ';' : c;
  return failed("io_uring", what,
                "kernel 6.1 or later, kernel.io_uring_disabled = 0, and in a container a seccomp "
                "profile that allows io_uring_*",
                exit_os);
}

Finding look_at_descriptors(const Config& config) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const std::size_t wanted = config.limits.connections + own_descriptors;
  const std::string may = std::to_string(limit.rlim_max) + " may be open";
  if (limit.rlim_max >= wanted) return ok("descriptors", may);
  return warning("descriptors",
                 may + ", fewer than limits.connections = " +
                     std::to_string(config.limits.connections) + " need",
                 "LimitNOFILE=" + std::to_string(wanted) + " in the unit, or ulimit -n");
}

Finding look_at_backlog() {
  std::ifstream file{"/proc/sys/net/core/somaxconn"};
  long most = wanted_backlog;
  file >> most;
  const std::string what = "net.core.somaxconn is " + std::to_string(most);
  if (most >= wanted_backlog) return ok("kernel", what);
  return warning("kernel", what + ": who comes in a rush waits longer",
                 "sysctl net.core.somaxconn=" + std::to_string(wanted_backlog));
}

Finding look_at_port(const std::string& subject, const std::string& host, std::uint16_t port) {
  const auto listener = net::Listener::open(host, port, 1);
  if (listener) return ok(subject, host + ":" + std::to_string(port) + " is free");
  return failed(subject, listener.error().message,
                "ss -ltnp 'sport = :" + std::to_string(port) + "' says who has it",
                exit_unavailable);
}

// ---- archive and broker ----------------------------------------------------------------------

Finding look_at_sqlite(const store::ArchiveOptions& options) {
  const auto accounts = store::Accounts::open(options);
  if (accounts) return ok("archive", options.path);
  if (accounts.error().system_errno == ENOENT) return ok("archive", options.path + " will be made");
  return failed("archive", accounts.error().message,
                "let a server of this version open it, or name another store.url",
                exit_unavailable);
}

Finding look_at_mysql(const store::MysqlAddress& address) {
  const auto schema = store::mysql_schema(address);
  if (!schema) {
    return failed("archive", schema.error().message,
                  "start the database, or correct store.url, its user or its password",
                  exit_unavailable);
  }
  if (schema->pending() == 0) return ok("archive", "the database answers and is migrated");
  return failed("archive", "the database is not migrated",
                "with the same settings: starling migrate up", exit_config);
}

Finding look_at_durability(const store::MysqlFacts& facts) {
  const bool flushes = facts.flush_at_commit.value_or(1) == 1;
  const bool syncs = facts.log_bin.value_or(0) == 0 || facts.sync_binlog.value_or(1) == 1;
  if (flushes && syncs) return ok("durability", "a commit is on the database's disk");
  return warning("durability", "a crash of the database's host may lose acknowledged messages",
                 "innodb_flush_log_at_trx_commit = 1 and, with a binary log, sync_binlog = 1");
}

Finding look_at_clock(const store::MysqlFacts& facts) {
  const base::WallMs apart = std::abs(io::wall_clock() - facts.clock);
  const std::string what = "this host and the database are " + std::to_string(apart) + " ms apart";
  if (apart <= clock_patience_ms) return ok("clock", what);
  return warning("clock", what + ": times that people see, and ends of tokens, differ by that",
                 "let both follow the same time servers (timedatectl, chronyc tracking)");
}

void look_at_archive(const Config& config, std::vector<Finding>& findings) {
  const auto options = archive_options(config);
  if (!options) {
    findings.push_back(failed("archive", options.error().message, "correct it", exit_config));
    return;
  }
  findings.push_back(options->mysql ? look_at_mysql(*options->mysql) : look_at_sqlite(*options));
  if (!options->mysql || findings.back().state != State::ok) return;
  const auto facts = store::mysql_facts(*options->mysql);
  if (!facts) return;  // it has just answered: the next look tells
  findings.push_back(look_at_durability(*facts));
  findings.push_back(look_at_clock(*facts));
}

Finding look_at_bus(const Config& config) {
  if (config.bus.url.empty()) return ok("bus", "none: a server alone, or found by the archive");
  const auto address = broker_address(config);
  if (!address) return failed("bus", address.error().message, "correct it", exit_config);
  auto connection = bus::AmqpConnection::open(*address, config.bus.heartbeat_s, "starling doctor");
  if (!connection) {
    return warning("bus", connection.error().message + "; servers find each other by the archive",
                   "start the broker, or correct bus.url, its user or its password");
  }
  connection->close();
  return ok("bus", "the broker answers");
}

// ---- what runs -------------------------------------------------------------------------------

// The first line that an upgrade at `address` (numeric, with its port) is answered with; empty:
// none came within two seconds.
std::string answer_to_upgrade(const std::string& address) {
  const auto place = parse_host_port(address);
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (!place || ::getaddrinfo(place->first.c_str(), std::to_string(place->second).c_str(), &hints,
                              &found) != 0) {
    return {};
  }
  const int socket = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{2, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);  // connect(2), too
  const std::string request = "GET /ws HTTP/1.1\r\nHost: " + address +
                              "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                              "Sec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: c3RhcmxpbmcgZG9jdG9yIQ==\r\n\r\n";
  std::string answer(1'024, '\0');
  ssize_t sent = -1;
  ssize_t size = -1;
  // What is left of the ring that was tried interrupts a wait, as a signal does. The connection is
  // made all the same (connect(2)), and send() waits for it.
  const auto interrupted = [](ssize_t result) { return result < 0 && errno == EINTR; };
  const int connected = ::connect(socket, found->ai_addr, found->ai_addrlen);
  if (connected == 0 || interrupted(connected)) {
    do sent = ::send(socket, request.data(), request.size(), MSG_NOSIGNAL);
    while (interrupted(sent));
  }
  if (sent > 0) {
    do size = ::recv(socket, answer.data(), answer.size(), 0);
    while (interrupted(size));
  }
  ::close(socket);
  ::freeaddrinfo(found);
  answer.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return answer.substr(0, answer.find('\r'));
}

Finding look_at_websocket(const std::string& status) {
  constexpr std::string_view before = " on ";
  const std::size_t begin = status.find(before) + before.size();
  const std::string address = status.substr(begin, status.find(' ', begin) - begin);
  const std::string answer = answer_to_upgrade(address);
  if (answer.starts_with("HTTP/1.1 101 ")) {
    return ok("websocket", address +
                               " upgrades: where browsers fail, look at the proxy "
                               "(Upgrade, Host) and http.allowed_origins");
  }
  const std::string said = answer.empty() ? "gives no answer" : "answers " + answer;
  return failed("websocket", "an upgrade at " + address + " " + said,
                "where it drains, wait; else see its log, and a firewall on this host",
                exit_unavailable);
}

// The lines of `starling status` that speak of trouble.
void look_at_server(const ControlAnswer& status, std::vector<Finding>& findings) {
  const std::string& text = status.text;
  findings.push_back(ok("server", text.substr(0, text.find('\n'))));
  const auto says = [&text](const char* what) { return text.find(what) != std::string::npos; };
  findings.push_back(look_at_websocket(text));
  if (says("\narchive failing")) {
    findings.push_back(failed("server", "it refuses messages: the archive cannot keep them",
                              "look at the database and its disk; it goes on by itself",
                              exit_temporary));
  }
  if (says("\nbus     away")) {
    findings.push_back(warning("server", "its broker is away: others hear it a quarter second late",
                               "look at the broker; it connects again by itself"));
  }
  if (says("  silent  ")) {
    findings.push_back(warning("servers", "one that was heard says nothing (starling status)",
                               "look whether it runs, and whether it reaches the broker"));
  }
  if (says(", draining\n")) {
    findings.push_back(warning("server", "it drains, and will end", "wait, or start another"));
  }
}

}  // namespace

std::vector<Finding> examine_settings(const Config& config) {
  std::vector<Finding> findings{look_at_folder(config), look_at_io_uring(),
                                look_at_descriptors(config), look_at_backlog()};
  look_at_archive(config, findings);
  findings.push_back(look_at_bus(config));
  if (ask_server(config.server.data_dir, "status")) {
    findings.push_back(ok("ports", "a server runs on this data folder, and has them"));
    return findings;
  }
  findings.push_back(look_at_port("port", config.server.host, config.server.port));
  if (config.admin.chosen) {
    findings.push_back(look_at_port("admin port", config.admin.host, config.admin.port));
  }
  return findings;
}

std::vector<Finding> examine_all(const Config& config) {
  std::vector<Finding> findings = examine_settings(config);
  const auto status = ask_server(config.server.data_dir, "status");
  if (status) {
    look_at_server(*status, findings);
  } else {
    findings.push_back(ok("server", "none runs on " + config.server.data_dir));
  }
  return findings;
}

std::string findings_text(const std::vector<Finding>& findings) {
  constexpr std::size_t subject_column = 9;
  constexpr std::size_t what_column = 23;
  std::string text;
  for (const Finding& one : findings) {
    std::string line = one.state == State::ok        ? "ok"
                       : one.state == State::warning ? "warning"
                                                     : "FAILED";
    line.resize(subject_column, ' ');
    line += one.subject;
    line.resize(what_column, ' ');
    text += line + one.what + (one.cure.empty() ? "" : "; cure: " + one.cure) + "\n";
  }
  return text;
}

std::string findings_json(const std::vector<Finding>& findings) {
  std::string text;
  proto::JsonWriter json{text};
  json.begin_object().key("findings").begin_array();
  for (const Finding& one : findings) {
    const char* const state = one.state == State::ok        ? "ok"
                              : one.state == State::warning ? "warning"
                                                            : "failed";
    json.begin_object().field("subject", one.subject).field("state", state);
    json.field("what", one.what).field("cure", one.cure).end_object();
  }
  json.end_array().end_object();
  return text + "\n";
}

int exit_code_of(const std::vector<Finding>& findings) {
  for (const Finding& one : findings) {
    if (one.state == State::failed) return one.exit_code;
  }
  return exit_ok;
}

}  // namespace starling::server
