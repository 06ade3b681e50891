// SlotMap: objects by weak handles. A handle whose object is gone resolves to nothing, also when
// the slot has been used again since.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "base/check.hpp"

namespace starling::base {

// Fits into the user data of an io_uring operation: 32 bits of slot, 24 of generation.
struct Handle {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;  // 1 to 2^24 - 1; 0 is the handle of nothing

  bool operator==(const Handle&) const = default;
  explicit operator bool() const { return generation != 0; }
};

// Belongs to one thread. Addresses stay the same while an object lives: slots are made a block at a
// time, and no block is ever moved.
template <typename Object>
class SlotMap {
 public:
  static constexpr std::uint32_t max_generation = (1u << 24) - 1;

  template <typename... Arguments>
  Handle emplace(Arguments&&... arguments) {
    std::uint32_t slot;
    if (free_.empty()) {
      slot = made_++;
      if (slot % block_slots == 0) blocks_.push_back(std::make_unique<Slot[]>(block_slots));
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    Slot& place = at(slot);
    new (&place.object) Object(std::forward<Arguments>(arguments)...);
    place.used = true;
    ++size_;
    return {slot, place.generation};
  }

  // The handle that the next emplace() will return.
  Handle next_handle() const {
    if (free_.empty()) return {made_, 1};
    return {free_.back(), at(free_.back()).generation};
  }

  Object* find(Handle handle) {
    if (handle.slot >= made_) return nullptr;
    Slot& place = at(handle.slot);
    return place.used && place.generation == handle.generation ? &place.object : nullptr;
  }

  void erase(Handle handle) {
    CHECK(find(handle) != nullptr);
    Slot& place = at(handle.slot);
    place.object.~Object();
    place.used = false;
    place.generation = place.generation == max_generation ? 1 : place.generation + 1;
    free_.push_back(handle.slot);
    --size_;
  }

  std::size_t size() const { return size_; }

  // Calls visit(Handle, Object&) for every object; visit may erase the object it is given, and
  // must not add any.
  template <typename Visit>
  void for_each(Visit&& visit) {
    for (std::uint32_t slot = 0; slot < made_; ++slot) {
      Slot& place = at(slot);
      if (place.used) visit(Handle{slot, place.generation}, place.object);
    }
  }

 private:
  static constexpr std::uint32_t block_slots = 64;

  // A union, since an optional would add a word to each slot for the flag.
  struct Slot {
    Slot() {}
    ~Slot() {
      if (used) object.~Object();
    }
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;

    union {
      Object object;
    };
    std::uint32_t generation = 1;
    bool used = false;
  };

  Slot& at(std::uint32_t slot) const { return blocks_[slot / block_slots][slot % block_slots]; }

  std::vector<std::unique_ptr<Slot[]>> blocks_;
  std::uint32_t made_ = 0;  // slots that were ever used
  std::vector<std::uint32_t> free_;
  std::size_t size_ = 0;
};

}  // namespace starling::base
