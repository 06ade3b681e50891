#include "options.hpp"

#include <CLI/CLI.hpp>
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

void add_common(CLI::App& mode, Options& options, std::string& peer) {
  mode.add_option("--pid", options.pid, "The server's process, for its CPU and memory")
      ->required()
      ->check(CLI::PositiveNumber);
  mode.add_option("--port", options.port, "The server's port (default 8080)");
  mode.add_option("--peer", peer,
                  "starling, or raw: every text frame goes to all (default starling)")
      ->check(CLI::IsMember({"starling", "raw"}));
  mode.add_option("--rooms", options.rooms, "Rooms (default 1)")
      ->check(CLI::Range(1u, max_connections));
  mode.add_option("--members", options.members, "Members of each room (default 1000)")
      ->check(CLI::Range(1u, max_connections));
  mode.add_option("--settle", options.settle_seconds, "Seconds before it begins (default 2)")
      ->check(CLI::Range(0u, max_seconds));
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

}  // namespace

Options read_options(int argc, char** argv) {
  Options options;
  std::string peer = "starling";
  CLI::App app{"starling-load: members of rooms, and what they cost a chat server on 127.0.0.1"};
  app.name("starling-load");
  app.footer(
      "Prints one line of JSON. Exit codes: 0; 1 where anything was lost, doubled, reordered, or\n"
      "a connection was closed; 64 wrong arguments; 69 the server could not be used as asked.\n"
      "Example:  starling-load open --pid 4711 --rooms 5 --members 50 --rate 20");
  app.require_subcommand(1);
  CLI::App* const idle = app.add_subcommand("idle", "Members that say nothing: memory for each");
  CLI::App* const open = app.add_subcommand(
      "open", "A fixed rate whatever the server does: latency from the intended time of sending");
  CLI::App* const closed =
      app.add_subcommand("closed", "A window of messages in flight: how much the server can do");
  for (CLI::App* mode : {idle, open, closed}) add_common(*mode, options, peer);
  for (CLI::App* mode : {open, closed}) add_sending(*mode, options);
  open->add_option("--rate", options.rate, "Messages a second in each room (default 150)")
      ->check(CLI::Range(1u, 1'000'000u));
  closed->add_option("--window", options.window, "Messages in flight in each room (default 10)")
      ->check(CLI::Range(1u, 100'000u));

  try {  // the library's way of reporting; it ends here
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app.get_subcommands();
    std::cout << (chosen.empty() ? app.help() : chosen.front()->help("starling-load"));
    std::exit(0);
  } catch (const CLI::ParseError& error) {
    usage_error(error.what());
  }
  options.mode = *idle ? Mode::idle : *open ? Mode::open : Mode::closed;
  options.raw = peer == "raw";
  if (options.raw && options.rooms != 1) usage_error("--peer raw has one room");
  if (options.stalled >= options.members) usage_error("--stalled leaves nobody to send");
  if (std::uint64_t{options.rooms} * options.members > max_connections) {
    usage_error("more than " + std::to_string(max_connections) + " connections");
  }
  for (int i = 0; i < argc; ++i) options.command.append(i == 0 ? "" : " ").append(argv[i]);
  return options;
}

const char* to_string(Mode mode) {
  switch (mode) {
    case Mode::idle:
      return "idle";
    case Mode::open:
      return "open";
    case Mode::closed:
      return "closed";
  }
  return "";
}

}  // namespace starling::bench
