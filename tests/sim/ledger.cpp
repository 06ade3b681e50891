#include "ledger.hpp"

#include <sqlite3.h>

#include <utility>

#include "fault.hpp"
#include "judge.hpp"

namespace starling::sim {
namespace {

std::string text_of(const ShownEvent& event) {
  return "room " + event.room + ", seq " + std::to_string(event.seq) + ", id " +
         std::to_string(event.id) + (event.deletion ? ", deletion of " : ", content ") +
         (event.deletion ? std::to_string(event.of_seq) : event.content.substr(0, 40));
}

std::string column(sqlite3_stmt* row, int index) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(row, index));
  return text ? text : "";
}

// Runs a query that must work; visit(row) for every row.
template <typename Visit>
void query(sqlite3* database, const char* sql, Visit&& visit) {
  sqlite3_stmt* statement = nullptr;
  int code = sqlite3_prepare_v2(database, sql, -1, &statement, nullptr);
  if (code == SQLITE_OK) {
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) visit(statement);
  }
  if (code != SQLITE_DONE) {
    judge().broken("the archive can be read after a crash",
                   std::string{sql} + ": " + sqlite3_errmsg(database));
  }
  sqlite3_finalize(statement);
}

}  // namespace

void Ledger::given(std::string_view client, const ShownEvent& event, std::uint64_t epoch) {
  if (is_over(epoch)) return;
  const auto [place, is_new] = given_[event.room].try_emplace(event.seq, event);
  if (is_new && !event.deletion) messages_.push_back(event.id);
  ShownEvent& known = place->second;
  const bool other = known.id != event.id || known.deletion != event.deletion ||
                     known.of_seq != event.of_seq ||
                     (!event.deleted && !known.deleted && known.content != event.content);
  if (other) {
    judge().broken("every reader sees the same event at the same seq",
                   std::string{client} + " was given " + text_of(event) + "; before that, " +
                       text_of(known) + " was given there");
  }
  if (known.deleted && !event.deleted) known = event;
  if (event.deletion || event.deleted) return;
  const auto [where, first] =
      place_of_content_.try_emplace(event.content, std::pair{event.room, event.seq});
  if (!first && where->second != std::pair{event.room, event.seq}) {
    judge().broken("a message is there once", std::string{client} + " was given " + text_of(event) +
                                                  ", which was seq " +
                                                  std::to_string(where->second.second) + " before");
  }
}

void Ledger::acknowledged(std::string_view client, const std::string& room, chat::UserId user,
                          const std::string& key, chat::MessageId id, chat::Seq seq,
                          std::uint64_t epoch) {
  if (is_over(epoch)) return;
  const Acknowledged told{id, seq};
  const auto [place, is_new] = acknowledged_.try_emplace(Key{room, user, key}, told);
  if (place->second == told) return;
  judge().broken("the same clientMessageId has the same id and seq",
                 std::string{client} + " was told " + std::to_string(seq) + " for " + key +
                     ", and before that " + std::to_string(place->second.seq));
}

chat::MessageId Ledger::some_message(Random& random) const {
  return messages_.empty() ? 0 : messages_[random.below(messages_.size())];
}

chat::Seq Ledger::head(const std::string& room) const {
  const auto place = heads_.find(room);
  return place == heads_.end() ? 0 : place->second;
}

void Ledger::audit(Disk& disk) {
  const Unwatched unwatched;
  disk.truce = true;
  sqlite3* database = nullptr;
  sqlite3_open_v2("starling.db", &database, SQLITE_OPEN_READWRITE, nullptr);
  query(database, "PRAGMA integrity_check", [](sqlite3_stmt* row) {
    if (column(row, 0) != "ok") {
      judge().broken("the database is whole after a crash", column(row, 0));
    }
  });
  read(database);
  sqlite3_close(database);
  disk.truce = false;
  if (!judge().failed()) check_rows();
}

void Ledger::audit(MysqlSim& database) {
  read(database.committed());
  if (!judge().failed()) check_rows();
}

void Ledger::read(sqlite3* database) {
  rows_.clear();
  kept_.clear();
  heads_.clear();
  query(database,
        "SELECT room_id, seq, id, kind, deleted, content, of_seq, of_id, sender_id, "
        "client_message_id FROM messages",
        [this](sqlite3_stmt* row) {
          const std::string room = column(row, 0);
          const auto seq = static_cast<chat::Seq>(sqlite3_column_int64(row, 1));
          const auto id = static_cast<chat::MessageId>(sqlite3_column_int64(row, 2));
          rows_[room][seq] = {id,
                              sqlite3_column_int64(row, 3) != 0,
                              sqlite3_column_int64(row, 4) != 0,
                              column(row, 5),
                              static_cast<chat::Seq>(sqlite3_column_int64(row, 6)),
                              static_cast<chat::MessageId>(sqlite3_column_int64(row, 7))};
          const auto user = static_cast<chat::UserId>(sqlite3_column_int64(row, 8));
          kept_.emplace(Key{room, user, column(row, 9)}, Acknowledged{id, seq});
        });
  query(database, "SELECT id, head FROM rooms", [this](sqlite3_stmt* row) {
    heads_[column(row, 0)] = static_cast<chat::Seq>(sqlite3_column_int64(row, 1));
  });
}

bool Ledger::is_kept(const std::string& room, const ShownEvent& event) {
  const auto& rows = rows_[room];
  const auto row = rows.find(event.seq);
  return row != rows.end() && row->second.deletion == event.deletion &&
         (event.deletion ? row->second.of_id : row->second.id) == event.id &&
         row->second.of_seq == event.of_seq &&
         (event.deleted || row->second.deleted || row->second.content == event.content);
}

chat::MessageId Ledger::id_at(const std::string& room, chat::Seq seq) const {
  const auto rows = rows_.find(room);
  if (rows == rows_.end()) return 0;
  const auto row = rows->second.find(seq);
  if (row == rows->second.end()) return 0;
  return row->second.deletion ? row->second.of_id : row->second.id;
}

void Ledger::went_back(MysqlSim& database) {
  sqlite3* const committed = database.committed();
  read(committed);
  query(committed, "SELECT value FROM meta WHERE name = 'epoch'", [this](sqlite3_stmt* row) {
    lost_epoch_ = static_cast<std::uint64_t>(sqlite3_column_int64(row, 0));
  });
  std::erase_if(acknowledged_, [this](const auto& entry) {
    const auto kept = kept_.find(entry.first);
    return kept == kept_.end() || kept->second != entry.second;
  });
  for (auto& entry : given_) {
    std::erase_if(entry.second,
                  [&](const auto& event) { return !is_kept(entry.first, event.second); });
  }
  std::erase_if(place_of_content_, [this](const auto& entry) {
    const auto& [room, seq] = entry.second;
    return !given_[room].contains(seq);
  });
  deleted_.clear();
}

void Ledger::check_rows() {
  for (const auto& [room, head] : heads_) {
    const auto& rows = rows_[room];
    if (rows.size() != head || (head > 0 && rows.rbegin()->first != head)) {
      judge().broken("seq of a room is 1, 2, 3, ...",
                     "room " + room + " has " + std::to_string(rows.size()) +
                         " events and the head " + std::to_string(head));
    }
  }
  for (const auto& [room, rows] : rows_) {
    for (const auto& [seq, row] : rows) {
      if (row.deletion || row.deleted || !deleted_.contains(row.id)) continue;
      judge().broken("what was deleted stays so",
                     "seq " + std::to_string(seq) + " of room " + room + " is there again");
    }
  }
  for (const auto& [key, told] : acknowledged_) {
    const auto kept = kept_.find(key);
    if (kept == kept_.end() || kept->second != told) {
      judge().broken("what was acknowledged is kept",
                     key.key + " in room " + key.room + " was acknowledged with seq " +
                         std::to_string(told.seq) + " and is " +
                         (kept == kept_.end() ? std::string{"not there"}
                                              : "seq " + std::to_string(kept->second.seq)));
    }
  }
  for (const auto& [key, kept] : kept_) {
    if (refused_.contains(key.key)) {
      judge().broken("what was answered `unavailable` was not kept",
                     key.key + " is seq " + std::to_string(kept.seq) + " of room " + key.room);
    }
  }
  for (const auto& [room, events] : given_) {
    for (const auto& [seq, event] : events) {
      if (!is_kept(room, event)) {
        judge().broken("nothing is seen that is not kept",
                       text_of(event) + " is not in the archive");
      }
    }
  }
}

}  // namespace starling::sim
