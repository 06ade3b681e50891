// Disk: files in memory, as SQLite's default VFS.
//
// Every file is kept three times: as programs see it (the page cache), as it would be found after a
// loss of power (what a sync has made durable), and the writes in between. A sync moves the writes
// over; a loss of power keeps an arbitrary part of them, sector by sector; a sync that fails keeps
// an arbitrary part and forgets the rest, as Linux does: later syncs succeed without them. A killed
// process loses nothing that it wrote.
//
// crash_after(n) ends the process in the middle of what it does: from the n-th write or sync on
// every call fails and nothing reaches the disk, until restart().
//
// Locks and the shared memory of the write-ahead log follow SQLite's documentation of
// sqlite3_io_methods; a process that is gone holds none.
#pragma once

#include <sqlite3.h>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "random.hpp"

namespace starling::sim {

struct DiskFaults {  // per thousand calls
  unsigned failed_write = 0;
  unsigned full = 0;
  unsigned failed_sync = 0;
  unsigned failed_read = 0;
};

class Disk {
 public:
  explicit Disk(Random& random);
  ~Disk();
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  DiskFaults faults;
  // Called in the middle of a sync, which takes its time: other threads run meanwhile.
  std::function<void()> while_syncing;
  bool truce = false;  // while the run itself looks at the files, nothing fails
  // For a while every such call fails.
  base::Instant full_until{};
  base::Instant syncs_fail_until{};

  void heal();
  void crash_after(unsigned calls) { calls_left_ = calls; }
  void crash() { dead_ = true; }
  bool dead() const { return dead_; }
  // The old process is gone; a new one may open files.
  void restart(bool power_lost);

  std::uint64_t syncs() const { return syncs_; }

 private:
  friend struct Vfs;
  struct Write {
    std::size_t offset = 0;  // where `bytes` is empty: the file is cut here
    std::string bytes;
  };
  struct File;
  struct Handle;
  struct LogLock {  // of the shared memory: one of eight
    int shared = 0;
    const Handle* exclusive = nullptr;
  };

  // False: the call fails because the process is dead.
  bool alive(bool counts);
  int chance(unsigned permille, int code) {
    return !truce && random_.permille(permille) ? code : SQLITE_OK;
  }
  int write(File& file, std::string_view bytes, std::size_t offset);
  int sync(File& file);
  int cut(File& file, std::size_t size);
  static void apply(std::string& content, const Write& write);
  void keep_some(File& file);

  Random& random_;
  sqlite3_vfs vfs_{};
  std::map<std::string, std::shared_ptr<File>, std::less<>> files_;
  bool dead_ = false;
  unsigned calls_left_ = 0;  // 0: no crash is planned
  std::uint64_t syncs_ = 0;
};

}  // namespace starling::sim
