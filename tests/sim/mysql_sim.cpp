#include "mysql_sim.hpp"

#include <mysqld_error.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/check.hpp"
#include "fiber.hpp"
#include "io/clock.hpp"
#include "judge.hpp"
#include "mysql_schema_sim.hpp"
#include "mysql_words_sim.hpp"
#include "tally.hpp"

namespace starling::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr base::Duration answer_timeout = seconds{10};  // that the servers set
constexpr std::size_t max_copies = 12;
constexpr base::Duration commits_remembered = milliseconds{20};

MysqlSim* current_database = nullptr;

}  // namespace

MysqlSim::MysqlSim(Random& random) : random_(random) {
  current_database = this;
  CHECK(sqlite3_open(":memory:", &database_) == SQLITE_OK);
  sqlite3_create_function(database_, "touch", 1, SQLITE_UTF8, this, on_touch, nullptr, nullptr);
  for (const int count : {0, 1}) {
    sqlite3_create_function(database_, "LAST_INSERT_ID", count, SQLITE_UTF8, this,
                            on_last_insert_id, nullptr, nullptr);
  }
  CHECK(sqlite3_exec(database_, mysql_schema, nullptr, nullptr, nullptr) == SQLITE_OK);
}

MysqlSim::~MysqlSim() {
  sqlite3_close(database_);
  current_database = nullptr;
}

MysqlSim& MysqlSim::current() { return *current_database; }

void MysqlSim::on_touch(sqlite3_context* context, int, sqlite3_value** values) {
  auto& self = *static_cast<MysqlSim*>(sqlite3_user_data(context));
  self.touched_.emplace_back(reinterpret_cast<const char*>(sqlite3_value_text(values[0])));
}

void MysqlSim::on_last_insert_id(sqlite3_context* context, int count, sqlite3_value** values) {
  Session* const session = static_cast<MysqlSim*>(sqlite3_user_data(context))->shown_;
  CHECK(session != nullptr);
  if (count == 1) session->last_insert_id = sqlite3_value_int64(values[0]);
  sqlite3_result_int64(context, session->last_insert_id);
}

// ---- sessions --------------------------------------------------------------------------------

bool MysqlSim::reachable(unsigned server) const {
  const auto cut = cut_off_.find(server);
  return io::now() >= away_until && (cut == cut_off_.end() || io::now() >= cut->second);
}

std::shared_ptr<MysqlSim::Session> MysqlSim::connect(unsigned server) {
  Fiber::wait_until(io::now() + microseconds{random_.below(1'000)});
  const Fiber* const fiber = Fiber::current();
  if (fiber && fiber->abandoned()) return nullptr;
  if (!reachable(server)) {
    if (random_.flip()) Fiber::wait_until(io::now() + seconds{2});
    return nullptr;
  }
  auto session = std::make_shared<Session>();
  session->server = server;
  session->used = io::now();
  sessions_.push_back(session);
  return session;
}

void MysqlSim::leave(const std::shared_ptr<Session>& session) {
  session->gone = true;
  if (!session->ended) end(*session);
}

// For the database; its client may hear of it later.
void MysqlSim::end(Session& session) {
  roll_back(session);
  session.gone = session.ended = true;
}

void MysqlSim::look_after() {
  for (const auto& session : sessions_) {
    if (session->ended) continue;
    // Also in the middle of a statement, as far as its client is concerned: it stands still.
    base::Duration patience = session->wait_timeout;
    if (!session->waits_for.empty()) patience += session->lock_wait_timeout;
    if (io::now() - session->used >= patience) end(*session);
  }
  std::erase_if(sessions_, [](const auto& session) { return session->ended && !session->busy; });
  while (!commits_.empty() && io::now() - commits_.front().at > commits_remembered) {
    commits_.pop_front();
  }
}

void MysqlSim::lose_all_sessions() {
  for (const auto& session : sessions_) {
    if (!session->ended) end(*session);
  }
}

void MysqlSim::keep_copy() {
  show_to(nullptr);
  sqlite3_int64 size = 0;
  unsigned char* const bytes = sqlite3_serialize(database_, "main", &size, 0);
  copies_.emplace_back(reinterpret_cast<char*>(bytes), static_cast<std::size_t>(size));
  sqlite3_free(bytes);
  if (copies_.size() > max_copies) copies_.pop_front();
}

void MysqlSim::go_back() {
  lose_all_sessions();
  if (random_.flip()) away_until = io::now() + milliseconds{random_.between(10, 6'000)};
  if (copies_.empty()) return;
  show_to(nullptr);
  const std::string& copy = copies_[random_.below(copies_.size())];
  auto* const bytes = static_cast<unsigned char*>(sqlite3_malloc64(copy.size()));
  std::ranges::copy(copy, bytes);
  const auto size = static_cast<sqlite3_int64>(copy.size());
  CHECK(sqlite3_deserialize(database_, "main", bytes, size, size,
                            SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE) ==
        SQLITE_OK);
  commits_.clear();
}

void MysqlSim::server_ended(unsigned server) {
  for (const auto& session : sessions_) {
    if (session->server != server || session->gone) continue;
    session->gone = true;
    // A machine that loses power closes nothing.
    if (!session->busy && !random_.permille(faults.late_end)) end(*session);
  }
}

void MysqlSim::cut_off(unsigned server, base::Instant until) { cut_off_[server] = until; }

void MysqlSim::heal() {
  faults = {};
  away_until = full_until = {};
  cut_off_.clear();
}

sqlite3* MysqlSim::committed() {
  show_to(nullptr);
  return database_;
}

bool MysqlSim::in_transaction(const Session& session) const {
  return session.transaction && !session.gone;
}

// ---- statements ------------------------------------------------------------------------------

MysqlSim::Outcome MysqlSim::failed(unsigned code, std::string state, std::string error) {
  Outcome outcome;
  outcome.code = code;
  outcome.state = std::move(state);
  outcome.error = std::move(error);
  return outcome;
}

// The client is told that its connection is gone; the database notices now or later.
MysqlSim::Outcome MysqlSim::lost(const std::shared_ptr<Session>& session) {
  session->gone = true;
  if (!session->ended && !random_.permille(faults.late_end)) end(*session);
  return failed(server_lost, "HY000", "Lost connection to server during query");
}

// The way there. False: it is lost, or the session is.
bool MysqlSim::arrives(Session& session) {
  const bool slow = random_.permille(faults.slow);
  Fiber::wait_until(io::now() + (slow ? base::Duration{milliseconds{random_.between(1, 50)}}
                                      : base::Duration{microseconds{random_.below(400)}}));
  if (session.ended) return false;
  // What was sent by a process that was killed since may be done all the same.
  if (session.gone) return random_.flip();
  if (!reachable(session.server)) {
    if (io::now() < away_until) return false;
    Fiber::wait_until(io::now() + answer_timeout);
    return false;
  }
  return !random_.permille(faults.lost_statement);
}

MysqlSim::Outcome MysqlSim::query(const std::shared_ptr<Session>& session, std::string_view sql) {
  if (session->gone) return failed(server_lost, "HY000", "Server has gone away");
  session->busy = true;
  session->used = io::now();
  Outcome outcome;
  const bool arrived = arrives(*session);
  if (arrived) outcome = execute(*session, sql);
  session->busy = false;
  session->used = io::now();
  const bool answered = arrived && !session->gone && reachable(session->server) &&
                        !random_.permille(faults.lost_answer);
  if (answered) return outcome;
  if (arrived && sql == "COMMIT" && outcome.code == 0) count(Happened::lost_commit_answer);
  return lost(session);
}

MysqlSim::Outcome MysqlSim::execute(Session& session, std::string_view sql) {
  if (sql.starts_with("SET SESSION")) {
    if (const auto wait = setting(sql, "innodb_lock_wait_timeout = ")) {
      session.lock_wait_timeout = seconds{*wait};
    }
    if (const auto idle = setting(sql, " wait_timeout = ")) session.wait_timeout = seconds{*idle};
    return {};
  }
  if (sql.starts_with("START TRANSACTION")) {
    if (session.transaction) commit(session);
    session.transaction = true;
    return {};
  }
  if (sql == "COMMIT") return commit(session);
  if (sql == "ROLLBACK") {
    roll_back(session);
    return {};
  }
  std::string text = translated(sql);
  if (!sql.starts_with("SELECT")) {
    Outcome outcome = write(session, text);
    if (session.transaction) return outcome;
    if (outcome.code == 0) {
      commit(session);
    } else {
      roll_back(session);
    }
    return outcome;
  }
  const bool skips = take_off(text, " FOR UPDATE SKIP LOCKED");
  if (skips || take_off(text, " FOR UPDATE")) {
    return locking_read(session, std::move(text), Mode::exclusive, skips);
  }
  if (take_off(text, " LOCK IN SHARE MODE")) {
    return locking_read(session, std::move(text), Mode::shared, false);
  }
  return read(session, std::move(text));
}

MysqlSim::Outcome MysqlSim::read(Session& session, std::string sql) {
  show_to(&session);
  const bool early = session.locks.empty() && sql.find(" FROM messages") != std::string::npos &&
                     random_.permille(faults.early_read);
  if (early) hide_a_commit();
  Outcome outcome;
  if (!run(sql, &outcome)) outcome = error_of_sqlite(sql);
  if (early) {
    CHECK(run("ROLLBACK TO early", nullptr) && run("RELEASE early", nullptr));
  }
  return outcome;
}

// MariaDB makes what a read sees while others commit: of two commits it may show the later one
// alone.
void MysqlSim::hide_a_commit() {
  CHECK(run("SAVEPOINT early", nullptr));
  if (commits_.empty()) return;
  count(Happened::early_read);
  const Commit& hidden = commits_[random_.below(commits_.size())];
  for (const std::string& id : hidden.messages) {
    CHECK(run("DELETE FROM messages WHERE id = " + id, nullptr));
  }
}

// What is found may change while its lock is waited for: it is looked for until all is locked.
MysqlSim::Outcome MysqlSim::locking_read(Session& session, std::string sql, Mode mode, bool skips) {
  if (random_.permille(faults.deadlock)) {
    roll_back(session);
    return failed(ER_LOCK_DEADLOCK, "40001", "Deadlock found when trying to get lock");
  }
  const std::string table = table_of(sql);
  for (;;) {
    show_to(&session);
    Outcome outcome;
    if (!run(sql, &outcome)) return error_of_sqlite(sql);
    bool waited = false;
    std::set<std::string> skipped;
    for (const auto& row : outcome.rows) {
      const std::string key = table == "meta" ? quoted_key_of(sql) : row.at(0).value_or("");
      const std::string name = table + ":" + key;
      const Session* const other = holder(session, name, mode);
      if (other && skips) {
        skipped.insert(key);
        continue;
      }
      waited = waited || other;
      if (const unsigned code = lock(session, name, mode)) {
        if (code == ER_LOCK_DEADLOCK) roll_back(session);
        return failed(code, code == ER_LOCK_DEADLOCK ? "40001" : "HY000", "no lock on " + name);
      }
      if (waited) break;
    }
    if (waited) continue;
    std::erase_if(outcome.rows,
                  [&skipped](const auto& row) { return skipped.contains(row.at(0).value_or("")); });
    return outcome;
  }
}

MysqlSim::Outcome MysqlSim::write(Session& session, const std::string& sql) {
  if (io::now() < full_until) {
    return failed(ER_RECORD_FILE_FULL, "HY000", "The table is full");
  }
  for (;;) {
    show_to(&session);
    if (session.writes.empty() && sqlite3_get_autocommit(database_)) CHECK(run("BEGIN", nullptr));
    touched_.clear();
    CHECK(run("SAVEPOINT statement", nullptr));
    Outcome outcome;
    if (!run(sql, &outcome)) {
      outcome = error_of_sqlite(sql);
      CHECK(run("ROLLBACK TO statement", nullptr) && run("RELEASE statement", nullptr));
      return outcome;
    }
    outcome.has_rows = false;
    outcome.changed = static_cast<std::uint64_t>(sqlite3_changes(database_));
    const std::vector<std::string> names = touched_;
    const auto held = std::ranges::find_if(names, [&](const std::string& name) {
      return holder(session, name, Mode::exclusive) != nullptr;
    });
    if (held == names.end()) {
      CHECK(run("RELEASE statement", nullptr));
      for (const std::string& name : names) {
        CHECK(lock(session, name, Mode::exclusive) == 0);
        if (sql.starts_with("INSERT INTO messages") && name.find(':', 9) == std::string::npos) {
          session.messages.push_back(name.substr(9));
        }
      }
      session.writes.push_back(sql);
      return outcome;
    }
    // Undone, and done again when that row is free.
    CHECK(run("ROLLBACK TO statement", nullptr) && run("RELEASE statement", nullptr));
    const std::string name = *held;
    if (const unsigned code = lock(session, name, Mode::exclusive)) {
      if (code == ER_LOCK_DEADLOCK) roll_back(session);
      return failed(code, code == ER_LOCK_DEADLOCK ? "40001" : "HY000", "no lock on " + name);
    }
  }
}

MysqlSim::Outcome MysqlSim::commit(Session& session) {
  if (!session.writes.empty()) {
    show_to(&session);
    CHECK(run("COMMIT", nullptr));
    shown_ = nullptr;
    if (!session.messages.empty()) commits_.push_back({io::now(), std::move(session.messages)});
  }
  if (shown_ == &session) show_to(nullptr);
  const bool wrote = !session.writes.empty();
  session.writes.clear();
  session.messages.clear();
  session.transaction = false;
  release(session);
  if (wrote && keeps_copies && random_.permille(200)) keep_copy();
  return {};
}

void MysqlSim::roll_back(Session& session) {
  if (shown_ == &session) show_to(nullptr);
  session.writes.clear();
  session.messages.clear();
  session.transaction = false;
  release(session);
}

// ---- SQLite ----------------------------------------------------------------------------------

// What is committed, and what this session has written itself.
void MysqlSim::show_to(Session* session) {
  if (shown_ == session) return;
  if (!sqlite3_get_autocommit(database_)) CHECK(run("ROLLBACK", nullptr));
  shown_ = session;
  if (!session || session->writes.empty()) return;
  const std::int64_t last_insert_id = session->last_insert_id;
  CHECK(run("BEGIN", nullptr));
  for (const std::string& sql : session->writes) CHECK(run(sql, nullptr));
  session->last_insert_id = last_insert_id;
}

bool MysqlSim::run(const std::string& sql, Outcome* outcome) {
  sqlite3_stmt* statement = nullptr;
  int code =
      sqlite3_prepare_v2(database_, sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
  if (code == SQLITE_OK) {
    const int columns = sqlite3_column_count(statement);
    if (outcome) outcome->has_rows = columns > 0;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
      if (!outcome) continue;
      auto& row = outcome->rows.emplace_back();
      for (int i = 0; i < columns; ++i) {
        const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, i));
        const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, i));
        row.push_back(text ? std::optional{std::string{text, size}} : std::nullopt);
      }
    }
  }
  sqlite3_finalize(statement);
  return code == SQLITE_DONE;
}

MysqlSim::Outcome MysqlSim::error_of_sqlite(const std::string& sql) const {
  const std::string message = sqlite3_errmsg(database_);
  if (sqlite3_errcode(database_) == SQLITE_CONSTRAINT) {
    return failed(ER_DUP_ENTRY, "23000", message);
  }
  judge().broken("statements are understood", message + ": " + sql.substr(0, 200));
  return failed(ER_PARSE_ERROR, "42000", message);
}

}  // namespace starling::sim
