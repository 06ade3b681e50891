// SortedSet and SortedMap: ordered, and many entries in one allocation.
//
// For tables with an entry per member: 8 bytes of key cost 9 to 11, 16 bytes of key and value 19 to
// 23, where a node of the standard library's sets and maps costs 48 and 64. Otherwise like those,
// but that inserting and erasing moves other entries: no iterator, pointer or reference into the
// table survives it.
#pragma once

#include <absl/container/btree_map.h>
#include <absl/container/btree_set.h>

#include <functional>

namespace starling::base {

template <typename Key, typename Value>
using SortedMap = absl::btree_map<Key, Value>;

template <typename Key, typename Less = std::less<Key>>
using SortedSet = absl::btree_set<Key, Less>;

}  // namespace starling::base
