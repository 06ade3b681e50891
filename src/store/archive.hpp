// The archive: SQLite in WAL mode for a lone server, MySQL or MariaDB for any number of them. One
// writer with the only write connection, and readers with one read connection each. None of them
// starts a thread: whoever owns them calls turn() in a loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/histogram.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "chat/archive.hpp"
#include "io/wake.hpp"
#include "store/mysql_address.hpp"

namespace starling::store {

struct ArchiveOptions {
  std::string path;                   // of SQLite's database file
  std::optional<MysqlAddress> mysql;  // instead of it
  bool sync_full = true;  // synchronous=FULL; false: NORMAL (power loss may lose the newest)
  unsigned batch_events = 1'024;
  std::size_t mailbox_items = 16'384;
  const chat::EventEncoder* encoder = nullptr;
  chat::CommitListener* listener = nullptr;  // hears of every batch; nullptr: nobody does
};

struct WriteRequestWithTicket {
  chat::WriteRequest request;
  chat::Ticket ticket;
  chat::MessageId id = 0;  // of its event, where a writer gives it before; kept by repeats
  bool repeated = false;   // an attempt before may have been kept
  // The user that an attempt has made (0: none), and when: a repeat knows its own row by them.
  chat::UserId made_user = 0;
  base::WallMs made_at = 0;
};
struct ReadRequestWithTicket {
  chat::ReadRequest request;
  chat::Ticket ticket;
};

struct WriterMetrics {  // written by the writer's thread, readable from any
  std::uint64_t commits = 0;
  std::uint64_t events = 0;
  std::uint64_t failed_commits = 0;
  std::uint64_t isolated = 0;      // requests that the database refused alone
  std::uint64_t lost_commits = 0;  // times that the archive was found to have lost some
  base::BasicHistogram<base::DurationScale> commit_time{};  // of transactions
  base::BasicHistogram<base::CountScale> batch{};           // events in each of them
  bool healthy = true;  // writing succeeded the last time, and does not hang now
};

// The numbering transaction: one for all requests that have gathered while the last one committed.
class Writer {
 public:
  virtual ~Writer() = default;
  // Any thread, which wakes the writer when it has posted all. False when the mailbox is full.
  [[nodiscard]] virtual bool post(WriteRequestWithTicket&& request) = 0;
  virtual std::size_t backlog() const = 0;  // roughly; any thread
  virtual WriterMetrics metrics() const = 0;

  // The writer's thread: commits what has gathered, delivers the batch to every inbox, then
  // replies. False if there was nothing to do.
  virtual bool turn() = 0;
  // The writer's thread: sleeps until something is posted, at most `longest`.
  virtual void wait(base::Duration longest) = 0;
  virtual void wake() = 0;  // any thread
};

class Reader {
 public:
  virtual ~Reader() = default;
  // Any thread. False when the mailbox is full.
  [[nodiscard]] virtual bool post(ReadRequestWithTicket&& request) = 0;
  virtual bool turn() = 0;
  virtual void wait(base::Duration longest) = 0;
  virtual void wake() = 0;  // any thread
};

// SQLite: opens the database (made if missing), migrates it, checks it. MySQL: it is migrated
// already (store/schema.hpp). Fails with cause and cure: not a database, made by a newer version, a
// migration whose checksum differs, no permission, no space, nobody answers.
class Archive {
 public:
  static base::Result<std::unique_ptr<Archive>> open(const ArchiveOptions& options);
  virtual ~Archive() = default;

  virtual std::uint64_t epoch() const = 0;
  // All unexpired revocations, for the start of the shards.
  virtual std::vector<chat::RevokeToken> revocations(base::WallMs now) const = 0;

  // `inboxes` by shard index; they outlive writer and readers.
  virtual base::Result<std::unique_ptr<Writer>> make_writer(
      std::vector<chat::ShardInbox*> inboxes) = 0;
  virtual base::Result<std::unique_ptr<Reader>> make_reader(
      std::vector<chat::ShardInbox*> inboxes) = 0;
};

// The lock of a data folder (flock on DATA/lock), held while this object lives. Fails, naming the
// folder, where another process holds it. Makes the folder (0700) if it is missing.
class DataFolder {
 public:
  static base::Result<DataFolder> lock(const std::string& path);
  DataFolder(DataFolder&& other) noexcept;
  DataFolder& operator=(DataFolder&& other) noexcept;
  ~DataFolder();

 private:
  explicit DataFolder(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace starling::store
