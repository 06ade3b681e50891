#include "fault.hpp"

#include <sqlite3.h>

#include "base/check.hpp"

namespace starling::sim {
namespace {

struct Armed {
  Fault what = Fault::none;
  std::uint64_t at = 0;
  std::uint64_t calls = 0;
  unsigned unwatched = 0;
};
Armed armed;

sqlite3_mem_methods usual;

void* allocate(int bytes) { return fails(Fault::allocation) ? nullptr : usual.xMalloc(bytes); }
void* reallocate(void* old, int bytes) {
  return fails(Fault::allocation) ? nullptr : usual.xRealloc(old, bytes);
}

}  // namespace

void arm(Fault what, std::uint64_t at) { armed = {what, at, 0, 0}; }
void disarm() { armed.what = Fault::none; }
std::uint64_t calls_of_fault() { return armed.calls; }

bool fails(Fault what) {
  if (armed.what != what || armed.unwatched > 0) return false;
  return ++armed.calls == armed.at;
}

void let_allocations_fail() {
  CHECK(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &usual) == SQLITE_OK);
  sqlite3_mem_methods failing = usual;
  failing.xMalloc = &allocate;
  failing.xRealloc = &reallocate;
  CHECK(sqlite3_config(SQLITE_CONFIG_MALLOC, &failing) == SQLITE_OK);
  // Small pieces come from the same allocator.
  CHECK(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) == SQLITE_OK);
}

Unwatched::Unwatched() { ++armed.unwatched; }
Unwatched::~Unwatched() { --armed.unwatched; }

}  // namespace starling::sim
