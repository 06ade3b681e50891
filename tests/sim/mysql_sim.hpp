// MysqlSim: a database that the servers of a fleet share, as InnoDB behaves at READ COMMITTED.
//
// What statements mean is SQLite's business, in memory; what is simulated is what several sessions
// do to each other. SQLite holds what is committed. A transaction is the list of its statements
// that wrote, which is done again on top of that whenever its session goes on, and undone before
// another one's: so each session sees what is committed and what it has written itself.
//
//   session ──statement──► latency ──► locks (wait, time-out, deadlock) ──► SQLite ──► answer
//              │ lost                                                                    │ lost
//              ▼ not done                                                 done, unknown  ▼
//
// Rows are locked by name: those that a locking read finds, in the order of their keys, and those
// that a statement writes, which triggers tell of, unique keys included. A session that is gone, or
// stands still for longer than its wait_timeout, is rolled back.
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "random.hpp"

namespace starling::sim {

struct MysqlFaults {            // per thousand statements, where nothing else is said
  unsigned slow = 0;            // takes up to 50 ms
  unsigned lost_statement = 0;  // the connection is lost on the way there
  unsigned lost_answer = 0;     // on the way back
  unsigned deadlock = 0;        // of locking ones: the victim is this one
  unsigned early_read = 0;      // of reads: shows a commit without the one before it
  unsigned late_end = 0;        // of sessions that go: it notices only at their wait_timeout
};

class MysqlSim {
 public:
  struct Session;
  struct Outcome {
    unsigned code = 0;  // as mysql_errno(3); 0: done
    std::string state;  // as mysql_sqlstate(3)
    std::string error;
    bool has_rows = false;
    std::vector<std::vector<std::optional<std::string>>> rows;
    std::uint64_t changed = 0;
  };

  static constexpr unsigned server_lost = 2013;  // CR_SERVER_LOST, of the client's library

  explicit MysqlSim(Random& random);
  ~MysqlSim();
  MysqlSim(const MysqlSim&) = delete;
  MysqlSim& operator=(const MysqlSim&) = delete;
  static MysqlSim& current();

  MysqlFaults faults;
  // For a while: it takes no connections and has lost those that there were; its disk is full.
  base::Instant away_until{};
  base::Instant full_until{};

  // Some of its states are kept, so that it can go back.
  bool keeps_copies = false;

  // ---- clients
  // Nothing: nobody answers.
  std::shared_ptr<Session> connect(unsigned server);
  Outcome query(const std::shared_ptr<Session>& session, std::string_view sql);
  bool in_transaction(const Session& session) const;
  void leave(const std::shared_ptr<Session>& session);

  // ---- the run
  void look_after();                                   // ends sessions whose time is over
  void keep_copy();                                    // of what is committed now
  void go_back();                                      // to a state that was kept
  void lose_all_sessions();                            // its process was killed, and is there again
  void server_ended(unsigned server);                  // the kernel closes what it had open
  void cut_off(unsigned server, base::Instant until);  // nothing comes through until then
  void heal();
  sqlite3* committed();  // to be looked at, until the next call of anything here

 private:
  enum class Mode : std::uint8_t { shared, exclusive };
  struct Lock {
    Session* exclusive = nullptr;
    std::set<Session*> shared;
  };
  struct Commit {
    base::Instant at;
    std::vector<std::string> messages;  // ids
  };

  static Outcome failed(unsigned code, std::string state, std::string error);
  Outcome lost(const std::shared_ptr<Session>& session);
  bool reachable(unsigned server) const;
  bool arrives(Session& session);
  void end(Session& session);
  Outcome execute(Session& session, std::string_view sql);
  Outcome read(Session& session, std::string sql);
  Outcome locking_read(Session& session, std::string sql, Mode mode, bool skips);
  Outcome write(Session& session, const std::string& sql);
  Outcome commit(Session& session);
  void roll_back(Session& session);
  // 0, or the error that ends the statement.
  unsigned lock(Session& session, const std::string& name, Mode mode);
  Session* holder(const Session& session, const std::string& name, Mode mode) const;
  bool waits_in_a_circle(const Session& session, const std::string& name, Mode mode) const;
  void release(Session& session);
  void show_to(Session* session);
  bool run(const std::string& sql, Outcome* outcome);
  void hide_a_commit();
  Outcome error_of_sqlite(const std::string& sql) const;
  static void on_touch(sqlite3_context* context, int count, sqlite3_value** values);
  static void on_last_insert_id(sqlite3_context* context, int count, sqlite3_value** values);

  Random& random_;
  sqlite3* database_ = nullptr;
  Session* shown_ = nullptr;  // whose transaction SQLite is in
  std::vector<std::string> touched_;
  std::vector<std::shared_ptr<Session>> sessions_;
  std::map<std::string, Lock, std::less<>> locks_;
  std::map<unsigned, base::Instant> cut_off_;
  std::deque<Commit> commits_;  // the newest few
  std::deque<std::string> copies_;
};

struct MysqlSim::Session {
  unsigned server = 0;
  bool gone = false;         // for its client
  bool ended = false;        // and for the database
  bool busy = false;         // a statement is being done
  bool transaction = false;  // was begun
  base::Instant used{};      // when the last statement ended
  base::Duration wait_timeout = std::chrono::hours{8};
  base::Duration lock_wait_timeout = std::chrono::seconds{50};
  std::vector<std::string> writes;
  std::vector<std::string> messages;  // that it has inserted
  std::set<std::string> locks;
  std::string waits_for;  // the name of a lock; empty: for none
  Mode waits_as = Mode::shared;
  std::int64_t last_insert_id = 0;
};

}  // namespace starling::sim
