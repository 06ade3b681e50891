// SlotMap: objects by weak handles. A handle whose object is gone resolves to nothing, also when
// the slot has been used again since.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
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

// Belongs to one thread. Addresses stay the same while an object lives.
template <typename Object>
class SlotMap {
 public:
  static constexpr std::uint32_t max_generation = (1u << 24) - 1;

  template <typename... Arguments>
  Handle emplace(Arguments&&... arguments) {
    std::uint32_t slot;
    if (free_.empty()) {
      slot = static_cast<std::uint32_t>(slots_.size());
      slots_.emplace_back();
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    Slot& place = slots_[slot];
    place.object.emplace(std::forward<Arguments>(arguments)...);
    ++size_;
    return {slot, place.generation};
  }

  // The handle that the next emplace() will return.
  Handle next_handle() const {
    if (free_.empty()) return {static_cast<std::uint32_t>(slots_.size()), 1};
    return {free_.back(), slots_[free_.back()].generation};
  }

  Object* find(Handle handle) {
    if (handle.slot >= slots_.size()) return nullptr;
    Slot& place = slots_[handle.slot];
    return place.object && place.generation == handle.generation ? &*place.object : nullptr;
  }

  void erase(Handle handle) {
    CHECK(find(handle) != nullptr);
    Slot& place = slots_[handle.slot];
    place.object.reset();
    place.generation = place.generation == max_generation ? 1 : place.generation + 1;
    free_.push_back(handle.slot);
    --size_;
  }

  std::size_t size() const { return size_; }

  // Calls visit(Handle, Object&) for every object; visit may erase the object it is given, and
  // must not add any.
  template <typename Visit>
  void for_each(Visit&& visit) {
    for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
      Slot& place = slots_[slot];
      if (place.object) visit(Handle{slot, place.generation}, *place.object);
    }
  }

 private:
  struct Slot {
    std::uint32_t generation = 1;
    std::optional<Object> object;
  };

  std::deque<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::size_t size_ = 0;
};

}  // namespace starling::base
