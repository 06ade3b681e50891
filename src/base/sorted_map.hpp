// SortedMap and SortedMultimap: ordered maps that pack about a dozen entries into one allocation.
// For tables with an entry per member: 16 bytes of key and value cost 19 to 23 bytes, where a
// node of the standard library's maps costs 64. Otherwise as std::map, but that inserting and
// erasing moves other entries: no iterator, pointer or reference into the map survives it.
#pragma once

#include <absl/container/btree_map.h>

namespace starling::base {

template <typename Key, typename Value>
using SortedMap = absl::btree_map<Key, Value>;

template <typename Key, typename Value>
using SortedMultimap = absl::btree_multimap<Key, Value>;

}  // namespace starling::base
