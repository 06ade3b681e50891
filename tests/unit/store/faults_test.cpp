// Every call of the disk fails in turn: never an acknowledgement that is not kept, never a message
// twice or out of order, and no restart is needed.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "harness.hpp"

namespace starling::store {
namespace {

// A VFS over the usual one in which a chosen call fails, once or until it is healed.
struct FaultyDisk {
  static inline int calls = 0;       // of write and sync so far
  static inline int fail_at = 0;     // 0: never
  static inline int fail_calls = 1;  // this many in a row
  static inline int code = SQLITE_OK;
  static inline bool database_only = false;  // not of the log: what a checkpoint writes
  static inline std::set<const sqlite3_file*> databases;
  static inline sqlite3_vfs vfs{};
  // By what they replace: SQLite has several sets, which write and sync alike.
  static inline std::map<const sqlite3_io_methods*, sqlite3_io_methods> replaced;
  static inline const sqlite3_io_methods* real = nullptr;

  static bool fails(bool sync) {
    ++calls;
    if (fail_at == 0 || calls < fail_at || calls >= fail_at + fail_calls) return false;
    return code == SQLITE_IOERR_FSYNC ? sync : !sync;
  }
  static int write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
    if (database_only && !databases.contains(file)) return real->xWrite(file, bytes, size, offset);
    return fails(false) ? code : real->xWrite(file, bytes, size, offset);
  }
  static int sync(sqlite3_file* file, int flags) {
    return fails(true) ? code : real->xSync(file, flags);
  }
  static int open(sqlite3_vfs*, sqlite3_filename name, sqlite3_file* file, int flags, int* out) {
    sqlite3_vfs* usual = sqlite3_vfs_find("unix");
    const int result = usual->xOpen(usual, name, file, flags, out);
    if (result != SQLITE_OK || !file->pMethods) return result;
    if ((flags & SQLITE_OPEN_MAIN_DB) != 0) {
      databases.insert(file);
    } else {
      databases.erase(file);  // of before, at the same place
    }
    real = file->pMethods;
    const auto [methods, is_new] = replaced.try_emplace(real, *real);
    methods->second.xWrite = &write;
    methods->second.xSync = &sync;
    file->pMethods = &methods->second;
    return result;
  }
  static void install() {
    vfs = *sqlite3_vfs_find("unix");
    vfs.zName = "faulty";
    vfs.pNext = nullptr;
    vfs.xOpen = &open;
    sqlite3_vfs_register(&vfs, 1);
  }
  static void remove() { sqlite3_vfs_unregister(&vfs); }
};

class FaultsTest : public StoreTest {
 protected:
  void SetUp() override { FaultyDisk::install(); }
  void TearDown() override {
    FaultyDisk::fail_at = 0;
    FaultyDisk::database_only = false;
    FaultyDisk::databases.clear();
    stop();
    FaultyDisk::remove();
  }

  // Clients that repeat what was refused, until everything is acknowledged. Returns what was.
  std::map<std::string, chat::Seq> chat_through(int messages) {
    std::map<std::string, chat::Seq> acknowledged;
    std::map<std::uint32_t, std::string> waiting;  // by the ticket's slot
    const auto ask = [&](const std::string& key) {
      waiting[next_call] = key;
      post(chat::PostMessage{"a", 1, key, "text", "", key, false});
    };
    for (int i = 1; i <= messages; ++i) ask("m" + std::to_string(i));
    for (int turns = 0; turns < 200 && !waiting.empty(); ++turns) {
      inbox.replies.clear();
      writer->turn();
      for (const auto& [ticket, reply] : inbox.replies) {
        const std::string key = waiting.at(ticket.call.slot);
        waiting.erase(ticket.call.slot);
        if (const auto* sent = std::get_if<chat::MessagePosted>(&reply)) {
          acknowledged[key] = sent->seq;
        } else {
          EXPECT_EQ(failure(reply).code, chat::FailureCode::unavailable);
          // What was refused is certainly not there.
          EXPECT_FALSE(stored().contains(key)) << key;
          EXPECT_FALSE(stored_after_a_kill().contains(key)) << key << " comes back";
          ask(key);
        }
      }
    }
    EXPECT_TRUE(waiting.empty()) << "never answered";
    return acknowledged;
  }

  std::map<std::string, chat::Seq> stored() {
    auto replies = std::move(inbox.replies);
    std::map<std::string, chat::Seq> all;
    const chat::PageRead page = page_of("a", chat::ReadPage::Position::after_seq, 0, 1'000);
    for (const chat::Event& event : page.events) {
      EXPECT_TRUE(all.emplace(event.content, event.seq).second) << event.content << " twice";
    }
    EXPECT_EQ(all.size(), page.head);
    inbox.replies = std::move(replies);
    return all;
  }

  // What another process would find if this one were killed here: the files as they are, without
  // the memory that says how much of the log counts.
  std::set<std::string> stored_after_a_kill() {
    const std::string copy = folder + "/killed.db";
    for (const char* suffix : {"", "-wal", "-shm"}) {
      std::filesystem::remove(copy + suffix);
      if (suffix == std::string{"-shm"} || !std::filesystem::exists(path() + suffix)) continue;
      std::filesystem::copy_file(path() + suffix, copy + suffix);
    }
    std::set<std::string> all;
    sqlite3* database = nullptr;
    EXPECT_EQ(sqlite3_open_v2(copy.c_str(), &database, SQLITE_OPEN_READWRITE, "unix"), SQLITE_OK);
    const auto add = [](void* into, int, char** values, char**) {
      static_cast<std::set<std::string>*>(into)->emplace(values[0]);
      return 0;
    };
    const char* query = "SELECT content FROM messages WHERE room_id = 'a'";
    EXPECT_EQ(sqlite3_exec(database, query, add, &all, nullptr), SQLITE_OK);
    sqlite3_close(database);
    return all;
  }

  // Fails every write or sync of a conversation in turn.
  void fail_everywhere(int code, int in_a_row) {
    FaultyDisk::code = code;
    options.batch_events = 4;
    int faults = 0;
    for (int at = 1;; ++at) {
      std::filesystem::remove_all(folder);
      std::filesystem::create_directories(folder);
      FaultyDisk::fail_at = 0;
      start();
      add_user("ann");
      inbox.delivered.clear();
      FaultyDisk::calls = 0;
      FaultyDisk::fail_at = at;
      FaultyDisk::fail_calls = in_a_row;
      const auto acknowledged = chat_through(12);
      const int calls = FaultyDisk::calls;
      FaultyDisk::fail_at = 0;
      EXPECT_EQ(stored(), acknowledged) << "fault at call " << at;
      std::vector<chat::Seq> expected;
      for (chat::Seq seq = 1; seq <= acknowledged.size(); ++seq) expected.push_back(seq);
      EXPECT_EQ(inbox.delivered_seqs("a"), expected) << "fault at call " << at;
      reopen();
      EXPECT_EQ(stored(), acknowledged) << "after reopening, fault at call " << at;
      EXPECT_TRUE(posted(say(1, "a")).seq == acknowledged.size() + 1);
      stop();
      if (at > calls) break;  // the conversation has no such call any more
      ++faults;
      if (HasFailure()) return;
    }
    EXPECT_GT(faults, 5);
  }
};

TEST_F(FaultsTest, a_full_disk_at_every_write) { fail_everywhere(SQLITE_FULL, 1); }
TEST_F(FaultsTest, a_disk_that_stays_full_for_a_while) { fail_everywhere(SQLITE_FULL, 7); }
TEST_F(FaultsTest, a_failed_write_at_every_write) { fail_everywhere(SQLITE_IOERR_WRITE, 1); }
TEST_F(FaultsTest, a_failed_fsync_at_every_sync) { fail_everywhere(SQLITE_IOERR_FSYNC, 1); }
TEST_F(FaultsTest, fsyncs_that_fail_for_a_while) { fail_everywhere(SQLITE_IOERR_FSYNC, 5); }

// A row that the archive rejects splits the batch; of its first half nobody knows whether it was
// kept.
TEST_F(FaultsTest, what_stands_behind_an_unknown_outcome_waits_for_it) {
  start();
  add_user("ann");
  sql("CREATE TRIGGER refuses BEFORE INSERT ON messages WHEN NEW.content = 'bad' "
      "BEGIN SELECT RAISE(ABORT, 'refused'); END");
  FaultyDisk::code = SQLITE_IOERR_FSYNC;
  FaultyDisk::calls = 0;
  FaultyDisk::fail_calls = 1'000;
  FaultyDisk::fail_at = 1;
  inbox.replies.clear();
  for (const char* key : {"1", "2", "3", "bad"}) {
    post(chat::PostMessage{"a", 1, key, "text", "", key, false});
  }
  writer->turn();
  EXPECT_TRUE(inbox.replies.empty()) << "it is not known yet";
  FaultyDisk::fail_at = 0;
  for (int turns = 0; turns < 10 && inbox.replies.size() < 4; ++turns) writer->turn();
  ASSERT_EQ(inbox.replies.size(), 4u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(posted(inbox.replies[i].reply).seq, i + 1);
  EXPECT_EQ(failure(inbox.replies[3].reply).code, chat::FailureCode::internal);
  EXPECT_EQ(inbox.delivered_seqs("a"), (std::vector<chat::Seq>{1, 2, 3}));
}

// Nobody writes to a server that says it cannot: it finds out by itself that it can again.
TEST_F(FaultsTest, writing_that_failed_is_tried_without_a_message) {
  start();
  add_user("ann");
  posted(say(1, "a"));
  const auto log_size = [this] { return std::filesystem::file_size(path() + "-wal"); };
  const auto long_log = log_size();
  FaultyDisk::code = SQLITE_FULL;
  FaultyDisk::calls = 0;
  FaultyDisk::fail_calls = 1;
  FaultyDisk::fail_at = 1;
  EXPECT_EQ(failure(say(1, "a")).code, chat::FailureCode::unavailable);
  EXPECT_FALSE(writer->metrics().healthy);
  FaultyDisk::code = SQLITE_IOERR_FSYNC;  // of the trial
  FaultyDisk::calls = 0;
  FaultyDisk::fail_at = 1;
  FaultyDisk::fail_calls = 1'000;
  writer->turn();
  EXPECT_FALSE(writer->metrics().healthy);
  FaultyDisk::fail_at = 0;
  // What it left may or may not be there: the log is cut before anything is kept.
  EXPECT_EQ(posted(say(1, "a")).seq, 2u);
  EXPECT_TRUE(writer->metrics().healthy);
  EXPECT_LT(log_size(), long_log);
}

TEST_F(FaultsTest, a_trial_that_succeeds_changes_nothing) {
  start();
  add_user("ann");
  const chat::MessageId first = posted(say(1, "a")).id;
  FaultyDisk::code = SQLITE_FULL;
  FaultyDisk::calls = 0;
  FaultyDisk::fail_calls = 1;
  FaultyDisk::fail_at = 1;
  EXPECT_EQ(failure(say(1, "a")).code, chat::FailureCode::unavailable);
  FaultyDisk::calls = 0;
  FaultyDisk::fail_at = 0;
  writer->turn();
  EXPECT_TRUE(writer->metrics().healthy);
  EXPECT_GT(FaultyDisk::calls, 0) << "nothing was written";
  const chat::MessageId next = posted(say(1, "a")).id;
  EXPECT_GT(next, first);
  EXPECT_LT(next, 100'000u) << "ids go on in blocks of 10,000";
}

// The log is written back when it is 16 MB long. Where that fails it goes on growing, and nothing
// else happens.
TEST_F(FaultsTest, a_checkpoint_that_fails_costs_nobody_a_message) {
  start();
  add_user("ann");
  const auto say_megabytes = [this](int count) {
    for (int i = 0; i < count; ++i) {
      const std::string text(1 << 20, 'x');
      posted(write(chat::PostMessage{"a", 1, text, "text", "", "", false}));
    }
  };
  FaultyDisk::database_only = true;
  FaultyDisk::code = SQLITE_IOERR_WRITE;
  FaultyDisk::calls = 0;
  FaultyDisk::fail_calls = 1'000'000;
  FaultyDisk::fail_at = 1;
  say_megabytes(20);
  EXPECT_GT(FaultyDisk::calls, 0) << "no checkpoint was tried";
  EXPECT_LT(std::filesystem::file_size(path()), 1u << 20);
  FaultyDisk::fail_at = 0;
  say_megabytes(20);
  EXPECT_GT(std::filesystem::file_size(path()), 20u << 20);
  EXPECT_EQ(page_of("a", chat::ReadPage::Position::after_seq, 0, 1'000).events.size(), 40u);
}

}  // namespace
}  // namespace starling::store
