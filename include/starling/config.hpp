// Every setting of the server with its default. The configuration file, the environment and the
// command line fill this in; nothing else in the server reads any of the three. What each means to
// an operator, and its range, stands in src/server/keys.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace starling {

enum class AuthMode : std::uint8_t {
  token,  // a session is who its token says
  open,   // an id is believed: for trusted networks and old clients
};

struct Config {
  struct Server {
    std::string host = "127.0.0.1";       // address of the public listener, IPv4 or IPv6
    std::uint16_t port = 8080;            // 0: the kernel chooses, and the log says what
    std::string data_dir = "data";        // made with mode 0700 if it is missing
    unsigned threads = 0;                 // shards, up to 64; 0: one for each core it may use
    bool pin = false;                     // each shard stays on a core of its own
    unsigned drain_window_ms = 2'000;     // clients are sent away spread over this time
    unsigned drain_deadline_ms = 10'000;  // what is unresolved then stays unacknowledged
  } server;

  struct Http {
    std::vector<std::string> allowed_origins;  // besides the own host
    std::vector<std::string> trusted_proxies;  // networks, "10.0.0.0/8"; believed about clients
    bool proxy_protocol = false;  // connections of those begin with a PROXY header, version 2
    std::size_t max_body_bytes = 256 * 1024;
    unsigned head_timeout_ms = 5'000;      // from the first byte of a head to its end
    unsigned body_timeout_ms = 20'000;     // from the end of the head to the end of the body
    unsigned body_bytes_per_second = 256;  // on average, judged after 5 s; 0: any pace
    unsigned idle_timeout_ms = 60'000;     // between two requests of a connection
  } http;

  struct Auth {
    AuthMode mode = AuthMode::token;
    std::string secret;           // HS256; empty: DATA/secret is made and kept
    std::string public_key_file;  // RS256 instead; a PEM file
    bool open_beyond_loopback = false;
    unsigned token_days = 30;
    unsigned deadline_ms = 10'000;      // a socket that has not authenticated by then is closed
    std::string registration = "open";  // "open", "invite": with the code, or "off"
    std::string invite_code;            // asked for by "invite"
    unsigned registrations_per_hour = 1'200;  // of an address; 0: no limit
    unsigned logins_per_minute = 300;         // passwords tried from an address; 0: no limit
    unsigned account_logins_per_minute = 20;  // and for an account; 0: no limit
    unsigned address_passwords = 64;          // of an address that wait for the hasher; 0: no limit
  } auth;

  struct Limits {
    std::size_t message_bytes = 4'096;     // content of a chat message, up to 65,536
    std::size_t frame_bytes = 256 * 1024;  // a WebSocket message on the chat path
    unsigned fragments = 1'024;            // of one WebSocket message on the chat path
    unsigned connections = 20'000;
    unsigned rooms_per_session = 200;
    unsigned messages_per_second = 100;  // per connection, sustained
    unsigned message_burst = 200;        // per connection
    unsigned refusals = 2'000;           // of one connection in one go, then it is closed; 0: never
    unsigned user_messages_per_second = 200;       // of all connections of a user; 0: no limit
    unsigned user_message_burst = 400;             // the same
    unsigned room_messages_per_second = 1'000;     // of all who write in a room; 0: no limit
    unsigned room_message_burst = 2'000;           // the same
    unsigned address_requests_per_second = 5'000;  // and messages of its sockets; 0: no limit
    unsigned address_request_burst = 10'000;       // the same
    unsigned address_connections = 10'000;         // open at once; 0: no limit
    unsigned user_connections = 200;               // sockets open at once; 0: no limit
    unsigned rooms_per_user = 1'000;               // memberships; 0: no limit
    unsigned rooms_created_per_hour = 200;         // of a user; 0: no limit
    std::size_t metadata_bytes = 4'096;            // of a message, as JSON
    unsigned ping_interval_ms = 30'000;            // the server's own pings
    unsigned send_timeout_ms = 20'000;        // a send that makes no progress closes the connection
    std::size_t room_buffer_bytes = 1 << 20;  // a member further behind is a slow reader
    std::size_t private_buffer_bytes = 1 << 20;  // replies waiting for one connection
    std::size_t shard_buffer_bytes = 256 << 20;  // everything that waits to be sent
    unsigned requests_in_flight = 8'192;         // per shard, towards the archive
    std::size_t memory_bytes = 0;  // of the process; 0: three quarters of what there is
  } limits;

  struct Store {
    // "sqlite:PATH" or "mysql://user:password@host:port/database"; empty: starling.db in the data
    // folder
    std::string url;
    std::string password_file;      // its first line takes the place of the password in `url`
    unsigned readers = 2;           // 1 to 16
    std::string sync = "full";      // "full": power loss loses nothing acknowledged; "os": it may
    unsigned batch_events = 1'024;  // of one transaction
  } store;

  struct Bus {
    std::string url;            // "amqp[s]://user:password@host:port/vhost"; empty: no bus
    std::string password_file;  // its first line takes the place of the password in `url`
    std::string tls_ca;         // amqps: who may sign the broker's certificate; empty: the system's
    std::string secret;         // what is said is signed with; empty: auth.secret
    unsigned partitions = 8;    // events are spread over so many routing keys; 1 to 256
    unsigned gap_wait_ms = 30;  // for an event that may be on its way, before it is read
    unsigned heartbeat_s = 5;   // a broker silent for twice as long is lost
  } bus;

  struct Presence {
    unsigned grace_ms = 3'000;   // between the last connection of a user and `user_left`
    unsigned events_max = 200;   // in rooms with more people: presence_count once a second
    unsigned typing_ms = 5'000;  // a typing mark expires
  } presence;

  struct Resume {
    unsigned max_events = 1'000;  // further behind: a gap names the older part
  } resume;

  struct Admin {
    std::string host = "127.0.0.1";
    std::uint16_t port = 9464;
    bool chosen = false;  // set by the operator: then a taken port is an error
  } admin;

  struct Log {
    std::string level = "info";
  } log;

  struct Test {
    bool echo = false;  // a WebSocket echo at /echo for conformance tools
  } test;
};

}  // namespace starling
