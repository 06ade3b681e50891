// Comeback: members whose server has died, on their way back to it, all at once; and what was said
// meanwhile or not acknowledged, said again. Who is answered that the server cannot let them in now
// asks again, as the protocol wants it; the run ends where it never can. Starling's protocol only.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "members.hpp"
#include "poller.hpp"
#include "run.hpp"

namespace starling::bench {

class Comeback {
 public:
  Comeback(Poller& poller, Result& result) : poller_(poller), result_(result) {}

  // A message as its sender says it: with its number as the id under which it is repeated.
  void say(Room& room, std::uint64_t number, std::string_view content);
  // The member's connection has ended.
  void left(Member& member);
  // Every frame of every member. True: an error that is about coming back, not about a message.
  bool heard(Member& member, std::string_view payload, std::int64_t now_ns);
  // Tries the server, while it is away; asks again for whom it is time.
  void turn(std::int64_t now_ns);

  bool everybody_is_in() const { return away_.empty() && missing_ == 0; }

 private:
  struct Unacknowledged {
    std::uint64_t number;
    std::string command;
  };
  struct Absence {
    std::uint64_t epoch = 0;  // by the server's welcome
    std::uint64_t head = 0;   // of its room, when it was let in again
    bool let_in = false;
    unsigned refusals = 0;     // over this connection
    std::int64_t asks_ns = 0;  // when it asks again
  };

  bool heard_absent(Member& member, Absence& absence, std::string_view payload,
                    std::int64_t now_ns);
  void ask_later(Member& member, Absence& absence, std::string_view error, std::int64_t now_ns);
  void ask_again(std::int64_t now_ns);
  void resume(Member& member, const Absence& absence);
  void look_whether_back(Member& member);
  void repeat(Room& room);

  Poller& poller_;
  Result& result_;
  std::deque<Member*> away_;  // without a connection
  std::unordered_map<Member*, Absence> absences_;
  std::multimap<std::int64_t, Member*> asking_;  // by the time at which they do
  std::unordered_map<Room*, std::deque<Unacknowledged>> unacknowledged_;
  std::size_t missing_ = 0;  // members that do not have everything yet
  std::int64_t found_ns_ = 0;
  std::int64_t next_try_ns_ = 0;
  std::minstd_rand random_;
  std::uniform_int_distribution<std::int64_t> spread_;
};

}  // namespace starling::bench
