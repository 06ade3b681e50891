// Comeback: members whose server has died, on their way back to it, all at once; and what was said
// meanwhile or not acknowledged, said again. Starling's protocol only.
#pragma once

#include <cstdint>
#include <deque>
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
  // Every frame of every member.
  void heard(Member& member, std::string_view payload);
  // Tries the server, while it is away.
  void turn(std::int64_t now_ns);

  bool everybody_is_in() const { return away_.empty() && missing_ == 0; }

 private:
  struct Unacknowledged {
    std::uint64_t number;
    std::string command;
  };
  struct Absence {
    std::uint64_t head = 0;  // of its room, when it was let in again
    bool let_in = false;
  };

  void resume(Member& member, std::string_view welcome);
  void look_whether_back(Member& member);
  void repeat(Room& room);

  Poller& poller_;
  Result& result_;
  std::deque<Member*> away_;  // without a connection
  std::unordered_map<Member*, Absence> absences_;
  std::unordered_map<Room*, std::deque<Unacknowledged>> unacknowledged_;
  std::size_t missing_ = 0;  // members that do not have everything yet
  std::int64_t found_ns_ = 0;
  std::int64_t next_try_ns_ = 0;
};

}  // namespace starling::bench
