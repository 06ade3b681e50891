#include "options.hpp"

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <iostream>

namespace starling::bench {
namespace {

constexpr int exit_usage = 64;

[[noreturn]] void usage_error(const std::string& what) {
  std::fprintf(stderr, "starling-load: %s\nTry 'starling-load --help'.\n", what.c_str());
  std::exit(exit_usage);
}

struct ModeName {
  Mode mode;
  const char* name;
  const char* about;
};

constexpr std::array<ModeName, 7> modes{{
    {Mode::idle, "idle", "Members that say nothing: memory for each"},
    {Mode::open, "open",
     "A fixed rate whatever the server does: latency from the intended time of sending"},
    {Mode::closed, "closed", "A window of messages in flight: how much the server can do"},
    {Mode::resume, "resume",
     "As open, with a server that dies and comes back: what its clients then get, and how soon"},
    {Mode::connect, "connect", "Clients that come: the price of a handshake, or of joining"},
    {Mode::requests, "requests", "HTTP, one request in flight on each connection"},
    {Mode::environment, "environment", "Nothing is run: the build and the machine"},
}};

void add_server(CLI::App& mode, Options& options) {
  mode.add_option("--pid", options.pids, "The servers' processes, for their CPU and memory")
      ->required()
      ->delimiter(',')
      ->check(CLI::PositiveNumber);
  mode.add_option("--port", options.ports, "The servers' ports (default 8080)")->delimiter(',');
  mode.add_option("--settle", options.settle_seconds, "Seconds before it begins (default 2)")
      ->check(CLI::Range(0u, max_seconds));
}

void add_members(CLI::App& mode, Options& options) {
  mode.add_option("--peer", options.adapter,
                  "starling; raw: every frame goes to all of a path; socketio; nats")
      ->check(CLI::IsMember({"starling", "raw", "socketio", "nats"}));
  mode.add_option("--path", options.path, "raw: a room's path (default /{room})");
  mode.add_option("--rooms", options.rooms, "Rooms (default 1)")
      ->check(CLI::Range(1u, max_connections));
  mode.add_option("--members", options.members, "Members of each room (default 1000)")
      ->check(CLI::Range(1u, max_connections));
  mode.add_flag("--one-room", options.one_room,
                "All rooms are one for the server: it has a sender for each of them");
}

void add_sending(CLI::App& mode, Options& options) {
  mode.add_option("--bytes", options.bytes, "Bytes of a message's content (default 100)")
      ->check(CLI::Range(40u, 60'000u));
  mode.add_option("--seconds", options.seconds, "Seconds of sending (default 10)")
      ->check(CLI::Range(1u, max_seconds));
  mode.add_option("--messages", options.messages, "Messages after which sending ends")
      ->check(CLI::Range(std::uint64_t{1}, max_messages));
  mode.add_option("--drain", options.drain_seconds,
                  "Seconds to wait for what has not come (default 10)")
      ->check(CLI::Range(0u, max_seconds));
  mode.add_option("--stalled", options.stalled, "Members of the first room that stop reading");
}

void add_rate(CLI::App& mode, Options& options) {
  mode.add_option("--rate", options.rate, "Messages a second in each room (default 150)")
      ->check(CLI::Range(1u, 1'000'000u));
}

void add_window(CLI::App& mode, Options& options, const char* about) {
  mode.add_option("--window", options.window, about)->check(CLI::Range(1u, 100'000u));
}

void add_connect(CLI::App& mode, Options& options) {
  add_window(mode, options, "Clients on their way at a time (default 10)");
  mode.add_option("--count", options.count, "Clients that come (default 1000)")
      ->check(CLI::Range(1u, max_connections));
  mode.add_flag("--join", options.join, "They become members, beside those that are there");
  mode.add_flag("--leave", options.leave, "Each goes as soon as it is there");
}

void add_requests(CLI::App& mode, Options& options) {
  add_window(mode, options, "Connections (default 10)");
  mode.add_option("--get", options.path, "What is asked for (default: a chat's mix of calls)");
  mode.add_option("--seconds", options.seconds, "Seconds of asking (default 10)")
      ->check(CLI::Range(1u, max_seconds));
}

void add_options(Mode mode, CLI::App& app, Options& options) {
  if (mode == Mode::environment) return;
  add_server(app, options);
  if (mode == Mode::requests) {
    add_requests(app, options);
    return;
  }
  add_members(app, options);
  if (mode == Mode::connect) add_connect(app, options);
  if (mode == Mode::idle || mode == Mode::connect) return;
  add_sending(app, options);
  if (mode == Mode::closed) {
    add_window(app, options, "Messages in flight in each room (default 10)");
  } else {
    add_rate(app, options);
  }
}

void check_together(const Options& options) {
  if (options.stalled >= options.members) usage_error("--stalled leaves nobody to send");
  if (std::uint64_t{options.rooms} * options.members > max_connections) {
    usage_error("more than " + std::to_string(max_connections) + " connections");
  }
  if (options.mode == Mode::resume && options.adapter != "starling") {
    usage_error("only starling resumes");
  }
  if (options.one_room && options.mode != Mode::open && options.mode != Mode::closed) {
    usage_error("--one-room is for open and closed");
  }
}

}  // namespace

Options read_options(int argc, char** argv) {
  Options options;
  CLI::App app{"starling-load: members of rooms, and what they cost a chat server on 127.0.0.1"};
  app.name("starling-load");
  app.footer(
      "Prints one line of JSON. Exit codes: 0; 1 where anything was lost, doubled, reordered, or\n"
      "a connection was closed; 64 wrong arguments; 69 the server could not be used as asked.\n"
      "Example:  starling-load open --pid 4711 --rooms 5 --members 50 --rate 20");
  app.require_subcommand(1);
  std::array<CLI::App*, modes.size()> chosen{};
  for (std::size_t i = 0; i < modes.size(); ++i) {
    chosen[i] = app.add_subcommand(modes[i].name, modes[i].about);
    add_options(modes[i].mode, *chosen[i], options);
  }

  try {  // the library's way of reporting; it ends here
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    const auto asked = app.get_subcommands();
    std::cout << (asked.empty() ? app.help() : asked.front()->help("starling-load"));
    std::exit(0);
  } catch (const CLI::ParseError& error) {
    usage_error(error.what());
  }
  for (std::size_t i = 0; i < modes.size(); ++i) {
    if (*chosen[i]) options.mode = modes[i].mode;
  }
  if (options.mode == Mode::requests && app.get_subcommands().front()->count("--get") == 0) {
    options.path.clear();
  }
  check_together(options);
  for (int i = 0; i < argc; ++i) options.command.append(i == 0 ? "" : " ").append(argv[i]);
  return options;
}

const char* to_string(Mode mode) {
  for (const ModeName& known : modes) {
    if (known.mode == mode) return known.name;
  }
  return "";
}

}  // namespace starling::bench
