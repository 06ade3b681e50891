// The rows of a numbering transaction in SQLite.
#pragma once

#include "store/numbering_rows.hpp"
#include "store/sqlite_database.hpp"

namespace starling::store {

// Lives on the writer's thread, no longer than its database.
class SqliteRows final : public NumberingRows {
 public:
  explicit SqliteRows(SqliteDatabase& database);

  void finish(const RoomStates& rooms, const std::map<RoomAndUser, chat::Seq>& read) override;
  // From a block that is reserved in this transaction.
  chat::MessageId event_id(chat::MessageId given) override;  // none is
  // The reserved block went with the transaction.
  void rolled_back() { next_id_ = ids_end_ = 0; }

 private:
  chat::MessageId next_id_ = 0;
  chat::MessageId ids_end_ = 0;  // of the reserved block
  Statement store_room_;
  Statement reserve_ids_;
};

}  // namespace starling::store
