#include "store/sqlite_rows.hpp"

namespace starling::store {
namespace {

constexpr std::int64_t id_block = 10'000;

}  // namespace

SqliteRows::SqliteRows(SqliteDatabase& database)
    : NumberingRows(database),
      store_room_(database,
                  "INSERT INTO rooms (id, head, messages, deleted, last_id, members, created_at) "
                  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO UPDATE SET head = ?2, "
                  "messages = ?3, deleted = ?4, last_id = ?5, members = ?6"),
      reserve_ids_(database,
                   "UPDATE meta SET value = value + ? WHERE key = 'next_message_id' "
                   "RETURNING value") {}

void SqliteRows::finish(const RoomStates& rooms, const std::map<RoomAndUser, chat::Seq>& read) {
  for (const auto& [name, state] : rooms) {
    if (!state.changed) continue;
    store_room_
        .with(name, state.head, state.messages, state.deleted, state.last_id, state.members, now_)
        .execute();
  }
  for (const auto& [place, seq] : read) mark_read(place, seq);
}

chat::MessageId SqliteRows::event_id(chat::MessageId) {
  if (next_id_ == ids_end_) {
    // In this transaction: a crash wastes the rest of a block but gives no id twice.
    if (reserve_ids_.with(id_block).step()) {
      ids_end_ = reserve_ids_.natural(0);
      next_id_ = ids_end_ - static_cast<chat::MessageId>(id_block);
    }
    while (reserve_ids_.step()) {
    }
    reserve_ids_.reset();
    if (database_.failed()) return 0;
  }
  return next_id_++;
}

}  // namespace starling::store
