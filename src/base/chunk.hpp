// Chunk: bytes on their way to sockets, shared by every send that refers to them.
//
// Append-only up to its capacity: what has been written is never changed, so a send may be in
// flight over the first half while the second is being filled. Chunks belong to one shard (the
// count is not atomic) and come out of the shard's budget.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

#include "base/check.hpp"

namespace starling::base {

// What all chunks of a shard together may hold, in bytes. Belongs to the shard's thread and
// outlives its chunks.
class ChunkBudget {
 public:
  explicit ChunkBudget(std::size_t limit_bytes) : limit_bytes_(limit_bytes) {}
  std::size_t used_bytes() const { return used_bytes_; }
  std::size_t limit_bytes() const { return limit_bytes_; }
  bool exhausted() const { return used_bytes_ >= limit_bytes_; }

 private:
  friend class ChunkRef;
  std::size_t limit_bytes_;
  std::size_t used_bytes_ = 0;
};

class ChunkRef {
 public:
  static constexpr std::size_t max_bytes = 0xffff'ffff;  // 32 bits say where in a chunk

  ChunkRef() = default;
  ChunkRef(const ChunkRef& other) : chunk_(other.chunk_) {
    if (chunk_) ++chunk_->references;
  }
  ChunkRef(ChunkRef&& other) noexcept : chunk_(std::exchange(other.chunk_, nullptr)) {}
  ChunkRef& operator=(ChunkRef other) noexcept {
    std::swap(chunk_, other.chunk_);
    return *this;
  }
  ~ChunkRef() { release(); }

  // Counted against `budget` even where that exceeds it: the owner looks at exhausted() and
  // drops what it can do without.
  static ChunkRef allocate(ChunkBudget& budget, std::size_t capacity) {
    CHECK(capacity <= max_bytes);
    auto* memory = static_cast<std::byte*>(::operator new(sizeof(Chunk) + capacity));
    ChunkRef reference;
    reference.chunk_ = new (memory) Chunk{&budget, 1, 0, static_cast<std::uint32_t>(capacity)};
    budget.used_bytes_ += sizeof(Chunk) + capacity;
    return reference;
  }

  explicit operator bool() const { return chunk_ != nullptr; }
  std::uint32_t size() const { return chunk_->size; }
  std::uint32_t room() const { return chunk_->capacity - chunk_->size; }
  const std::byte* data() const { return bytes(); }
  bool same_as(const ChunkRef& other) const { return chunk_ == other.chunk_; }

  void append(std::span<const std::byte> more) {
    CHECK(more.size() <= room());
    std::memcpy(bytes() + chunk_->size, more.data(), more.size());
    chunk_->size += static_cast<std::uint32_t>(more.size());
  }

 private:
  struct Chunk {
    ChunkBudget* budget;
    std::uint32_t references;
    std::uint32_t size;
    std::uint32_t capacity;
  };

  std::byte* bytes() const { return reinterpret_cast<std::byte*>(chunk_ + 1); }

  void release() {
    if (chunk_ && --chunk_->references == 0) destroy(chunk_);
  }
  // Apart from release(), which is inlined wherever a send ends.
  [[gnu::noinline]] static void destroy(Chunk* chunk) {
    chunk->budget->used_bytes_ -= sizeof(Chunk) + chunk->capacity;
    ::operator delete(static_cast<void*>(chunk));
  }

  Chunk* chunk_ = nullptr;
};

}  // namespace starling::base
