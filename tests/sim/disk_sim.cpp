#include "disk_sim.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.hpp"
#include "clock_sim.hpp"
#include "fault.hpp"
#include "io/clock.hpp"
#include "tally.hpp"

namespace starling::sim {
namespace {

constexpr std::size_t sector_bytes = 512;

}  // namespace

struct Disk::File {
  std::string content;         // the page cache
  std::string durable;         // after a loss of power
  std::vector<Write> pending;  // between them
  bool created = false;        // the directory's entry is durable

  // Locks of the file (sqlite3_io_methods.xLock) and of its shared memory.
  int shared = 0;
  const Handle* reserved = nullptr;
  const Handle* pending_lock = nullptr;
  const Handle* exclusive = nullptr;
  std::array<LogLock, SQLITE_SHM_NLOCK> log_locks;
  std::vector<std::unique_ptr<char[]>> regions;
  int mapped = 0;  // handles that use the shared memory
};

struct Disk::Handle {
  sqlite3_file base;  // first: SQLite knows it by this
  Disk* disk;
  std::shared_ptr<File>* file;  // on the heap, because SQLite gives raw memory
  int lock;
  bool maps;
  std::uint16_t log_shared;  // bits of the log's locks
  std::uint16_t log_exclusive;
};

// What SQLite calls.
struct Vfs {
  using Handle = Disk::Handle;

  static Handle& handle(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file); }
  static Disk& disk(sqlite3_vfs* vfs) { return *static_cast<Disk*>(vfs->pAppData); }

  static int open(sqlite3_vfs* vfs, sqlite3_filename name, sqlite3_file* file, int flags,
                  int* out) {
    Disk& owner = disk(vfs);
    file->pMethods = nullptr;
    if (!owner.alive(false)) return SQLITE_CANTOPEN;
    const std::string path = name ? name : "";
    auto place = owner.files_.find(path);
    if (place == owner.files_.end() || path.empty()) {
      if (!path.empty() && (flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
      auto made = std::make_shared<Disk::File>();
      if (path.empty()) {
        return attach(owner, file, made);
      }
      place = owner.files_.emplace(path, std::move(made)).first;
    }
    if (out) *out = flags;
    return attach(owner, file, place->second);
  }
  static int attach(Disk& owner, sqlite3_file* file, const std::shared_ptr<Disk::File>& of) {
    Handle& made = handle(file);
    made.disk = &owner;
    made.file = new std::shared_ptr<Disk::File>(of);
    made.lock = SQLITE_LOCK_NONE;
    made.maps = false;
    made.log_shared = made.log_exclusive = 0;
    file->pMethods = &methods;
    return SQLITE_OK;
  }
  static int close(sqlite3_file* file) {
    Handle& self = handle(file);
    unlock(file, SQLITE_LOCK_NONE);
    delete self.file;
    self.file = nullptr;
    return SQLITE_OK;
  }
  static int remove(sqlite3_vfs* vfs, const char* name, int) {
    if (!disk(vfs).alive(true)) return SQLITE_IOERR_DELETE;
    const auto place = disk(vfs).files_.find(std::string_view{name});
    if (place == disk(vfs).files_.end()) return SQLITE_IOERR_DELETE_NOENT;
    disk(vfs).files_.erase(place);
    return SQLITE_OK;
  }
  static int access(sqlite3_vfs* vfs, const char* name, int, int* result) {
    if (disk(vfs).dead_) return SQLITE_IOERR_ACCESS;
    const auto place = disk(vfs).files_.find(std::string_view{name});
    // As the usual VFS: an empty file does not count as one.
    *result = place != disk(vfs).files_.end() && !place->second->content.empty();
    return SQLITE_OK;
  }
  static int full_path(sqlite3_vfs*, const char* name, int size, char* out) {
    sqlite3_snprintf(size, out, "%s", name);
    return SQLITE_OK;
  }
  static int randomness(sqlite3_vfs* vfs, int size, char* out) {
    for (int i = 0; i < size; ++i) out[i] = static_cast<char>(disk(vfs).random_.next());
    return size;
  }
  static int sleep(sqlite3_vfs*, int microseconds) {
    advance_clock(std::chrono::microseconds{microseconds});
    return microseconds;
  }
  static int current_time(sqlite3_vfs*, sqlite3_int64* result) {
    constexpr sqlite3_int64 julian_1970_ms = 210'866'760'000'000;
    *result = julian_1970_ms + io::wall_clock();
    return SQLITE_OK;
  }

  static int read(sqlite3_file* file, void* to, int size, sqlite3_int64 offset) {
    Disk& owner = *handle(file).disk;
    if (owner.dead_) return SQLITE_IOERR_READ;
    if (const int code = owner.chance(owner.faults.failed_read, SQLITE_IOERR_READ)) return code;
    if (fails(Fault::read)) return SQLITE_IOERR_READ;
    const std::string& content = (*handle(file).file)->content;
    const std::size_t at = std::min(content.size(), static_cast<std::size_t>(offset));
    const std::size_t got = std::min(content.size() - at, static_cast<std::size_t>(size));
    std::memcpy(to, content.data() + at, got);
    if (got == static_cast<std::size_t>(size)) return SQLITE_OK;
    std::memset(static_cast<char*>(to) + got, 0, static_cast<std::size_t>(size) - got);
    return SQLITE_IOERR_SHORT_READ;
  }
  static int write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
    return handle(file).disk->write(
        **handle(file).file, {static_cast<const char*>(bytes), static_cast<std::size_t>(size)},
        static_cast<std::size_t>(offset));
  }
  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    return handle(file).disk->cut(**handle(file).file, static_cast<std::size_t>(size));
  }
  static int sync(sqlite3_file* file, int) { return handle(file).disk->sync(**handle(file).file); }
  static int size(sqlite3_file* file, sqlite3_int64* result) {
    if (handle(file).disk->dead_) return SQLITE_IOERR_FSTAT;
    *result = static_cast<sqlite3_int64>((*handle(file).file)->content.size());
    return SQLITE_OK;
  }

  static int lock(sqlite3_file* file, int wanted) {
    Handle& self = handle(file);
    if (self.disk->dead_) return SQLITE_IOERR_LOCK;
    Disk::File& of = **self.file;
    const auto others = [&self](const Handle* holder) { return holder && holder != &self; };
    if (wanted <= self.lock) return SQLITE_OK;
    if (wanted == SQLITE_LOCK_SHARED) {
      if (others(of.pending_lock) || others(of.exclusive)) return SQLITE_BUSY;
      ++of.shared;
    } else if (wanted == SQLITE_LOCK_RESERVED) {
      if (others(of.reserved)) return SQLITE_BUSY;
      of.reserved = &self;
    } else {
      if (others(of.pending_lock) || others(of.reserved)) return SQLITE_BUSY;
      of.pending_lock = &self;
      self.lock = SQLITE_LOCK_PENDING;
      if (of.shared > 1) return SQLITE_BUSY;
      of.exclusive = &self;
    }
    self.lock = wanted;
    return SQLITE_OK;
  }
  static int unlock(sqlite3_file* file, int wanted) {
    Handle& self = handle(file);
    Disk::File& of = **self.file;
    if (self.lock <= wanted) return SQLITE_OK;
    for (const Handle** holder : {&of.reserved, &of.pending_lock, &of.exclusive}) {
      if (*holder == &self) *holder = nullptr;
    }
    if (wanted == SQLITE_LOCK_NONE) --of.shared;
    self.lock = wanted;
    return SQLITE_OK;
  }
  static int check_reserved(sqlite3_file* file, int* result) {
    *result = (*handle(file).file)->reserved != nullptr;
    return SQLITE_OK;
  }
  static int control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
  static int sector_size(sqlite3_file*) { return static_cast<int>(sector_bytes); }
  static int characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

  static int map(sqlite3_file* file, int index, int size, int extend, void volatile** out) {
    Handle& self = handle(file);
    if (self.disk->dead_) return SQLITE_IOERR_SHMMAP;
    Disk::File& of = **self.file;
    if (!std::exchange(self.maps, true)) ++of.mapped;
    *out = nullptr;
    while (of.regions.size() <= static_cast<std::size_t>(index)) {
      if (!extend) return SQLITE_OK;
      of.regions.push_back(std::make_unique<char[]>(static_cast<std::size_t>(size)));
    }
    *out = of.regions[static_cast<std::size_t>(index)].get();
    return SQLITE_OK;
  }
  static int log_lock(sqlite3_file* file, int first, int count, int flags) {
    Handle& self = handle(file);
    Disk::File& of = **self.file;
    const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
    for (int i = first; i < first + count; ++i) {
      Disk::LogLock& slot = of.log_locks[static_cast<std::size_t>(i)];
      const auto bit = static_cast<std::uint16_t>(1u << i);
      if ((flags & SQLITE_SHM_UNLOCK) != 0) {
        if ((self.log_exclusive & bit) != 0) slot.exclusive = nullptr;
        if ((self.log_shared & bit) != 0) --slot.shared;
        self.log_exclusive &= static_cast<std::uint16_t>(~bit);
        self.log_shared &= static_cast<std::uint16_t>(~bit);
        continue;
      }
      if (self.disk->dead_) return SQLITE_IOERR_SHMLOCK;
      const int own = (self.log_shared & bit) != 0 ? 1 : 0;
      if (slot.exclusive && slot.exclusive != &self) return SQLITE_BUSY;
      if (exclusive && slot.shared > own) return SQLITE_BUSY;
    }
    if ((flags & SQLITE_SHM_UNLOCK) != 0) return SQLITE_OK;
    for (int i = first; i < first + count; ++i) {
      Disk::LogLock& slot = of.log_locks[static_cast<std::size_t>(i)];
      const auto bit = static_cast<std::uint16_t>(1u << i);
      if (exclusive) {
        slot.exclusive = &self;
        self.log_exclusive |= bit;
      } else if ((self.log_shared & bit) == 0) {
        ++slot.shared;
        self.log_shared |= bit;
      }
    }
    return SQLITE_OK;
  }
  static void barrier(sqlite3_file*) {}
  static int unmap(sqlite3_file* file, int also_delete) {
    Handle& self = handle(file);
    if (!std::exchange(self.maps, false)) return SQLITE_OK;
    log_lock(file, 0, SQLITE_SHM_NLOCK, SQLITE_SHM_UNLOCK | SQLITE_SHM_SHARED);
    Disk::File& of = **self.file;
    if (--of.mapped == 0 && also_delete != 0) of.regions.clear();
    return SQLITE_OK;
  }

  static constexpr sqlite3_io_methods methods{
      .iVersion = 2,
      .xClose = close,
      .xRead = read,
      .xWrite = write,
      .xTruncate = truncate,
      .xSync = sync,
      .xFileSize = size,
      .xLock = lock,
      .xUnlock = unlock,
      .xCheckReservedLock = check_reserved,
      .xFileControl = control,
      .xSectorSize = sector_size,
      .xDeviceCharacteristics = characteristics,
      .xShmMap = map,
      .xShmLock = log_lock,
      .xShmBarrier = barrier,
      .xShmUnmap = unmap,
      .xFetch = nullptr,
      .xUnfetch = nullptr,
  };
};

Disk::Disk(Random& random) : random_(random) {
  vfs_.iVersion = 2;
  vfs_.szOsFile = sizeof(Handle);
  vfs_.mxPathname = 512;
  vfs_.zName = "simulated";
  vfs_.pAppData = this;
  vfs_.xOpen = Vfs::open;
  vfs_.xDelete = Vfs::remove;
  vfs_.xAccess = Vfs::access;
  vfs_.xFullPathname = Vfs::full_path;
  vfs_.xRandomness = Vfs::randomness;
  vfs_.xSleep = Vfs::sleep;
  vfs_.xCurrentTimeInt64 = Vfs::current_time;
  CHECK(sqlite3_vfs_register(&vfs_, 1) == SQLITE_OK);
  sqlite3_randomness(0, nullptr);  // a run begins with numbers of its own
}

Disk::~Disk() { sqlite3_vfs_unregister(&vfs_); }

bool Disk::alive(bool counts) {
  if (truce) return true;
  if (!dead_ && counts && calls_left_ > 0 && --calls_left_ == 0) dead_ = true;
  return !dead_;
}

int Disk::write(File& file, std::string_view bytes, std::size_t offset) {
  if (!alive(true)) return SQLITE_IOERR_WRITE;
  if (!truce && io::now() < full_until) return SQLITE_FULL;
  if (const int code = chance(faults.full, SQLITE_FULL)) return code;
  if (const int code = chance(faults.failed_write, SQLITE_IOERR_WRITE)) return code;
  if (fails(Fault::full)) return SQLITE_FULL;
  if (fails(Fault::write)) return SQLITE_IOERR_WRITE;
  file.pending.push_back({offset, std::string{bytes}});
  apply(file.content, file.pending.back());
  return SQLITE_OK;
}

int Disk::cut(File& file, std::size_t size) {
  if (!alive(true)) return SQLITE_IOERR_TRUNCATE;
  if (const int code = chance(faults.failed_write, SQLITE_IOERR_TRUNCATE)) return code;
  if (fails(Fault::write)) return SQLITE_IOERR_TRUNCATE;
  file.pending.push_back({size, {}});
  apply(file.content, file.pending.back());
  return SQLITE_OK;
}

int Disk::sync(File& file) {
  if (while_syncing && !truce) while_syncing();
  if (!alive(true)) return SQLITE_IOERR_FSYNC;
  ++syncs_;
  if (!truce && (io::now() < syncs_fail_until || random_.permille(faults.failed_sync) ||
                 fails(Fault::sync))) {
    count(Happened::failed_sync);
    keep_some(file);
    return SQLITE_IOERR_FSYNC;
  }
  for (const Write& one : file.pending) apply(file.durable, one);
  file.pending.clear();
  file.created = true;
  return SQLITE_OK;
}

void Disk::apply(std::string& content, const Write& write) {
  if (write.bytes.empty()) {
    content.resize(write.offset);
    return;
  }
  if (content.size() < write.offset + write.bytes.size()) {
    content.resize(write.offset + write.bytes.size());
  }
  content.replace(write.offset, write.bytes.size(), write.bytes);
}

// Of what was not synced an arbitrary part reaches the disk, by sectors; the rest never will.
void Disk::keep_some(File& file) {
  const unsigned kept = static_cast<unsigned>(random_.below(3)) * 500;
  for (const Write& one : std::exchange(file.pending, {})) {
    if (one.bytes.empty()) {
      if (random_.permille(kept)) apply(file.durable, one);
      continue;
    }
    for (std::size_t at = 0; at < one.bytes.size(); at += sector_bytes) {
      if (!random_.permille(kept)) continue;
      apply(file.durable, {one.offset + at, one.bytes.substr(at, sector_bytes)});
    }
  }
}

void Disk::heal() {
  faults = {};
  full_until = syncs_fail_until = {};
}

void Disk::restart(bool power_lost) {
  dead_ = false;
  calls_left_ = 0;
  for (auto place = files_.begin(); place != files_.end();) {
    File& file = *place->second;
    CHECK(place->second.use_count() == 1);  // the old process has closed everything
    file.shared = 0;
    file.reserved = file.pending_lock = file.exclusive = nullptr;
    file.log_locks = {};
    file.regions.clear();
    file.mapped = 0;
    if (power_lost) {
      keep_some(file);
      file.content = file.durable;
    }
    if (power_lost && !file.created && random_.flip()) {
      place = files_.erase(place);
    } else {
      ++place;
    }
  }
}

}  // namespace starling::sim
