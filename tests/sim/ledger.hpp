// Ledger: what clients were told, held against each other and against the archive.
//
//   every reader of a room is given the same event at the same seq
//   what was acknowledged, and what was delivered, is in the archive after every later crash
//   one (room, sender, clientMessageId) is one event; a message is there once
//   what was answered `unavailable`, and never tried otherwise, is not there
//   seq of a room is 1, 2, 3, ... and its head is the last of them
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "chat/ids.hpp"
#include "disk_sim.hpp"
#include "mysql_sim.hpp"

namespace starling::sim {

// An event as a client or the archive shows it.
struct ShownEvent {
  std::string room;
  chat::Seq seq = 0;
  chat::MessageId id = 0;  // of a deletion seen by a client: the message's
  bool deletion = false;
  bool deleted = false;  // a message without its content
  std::string content;
  chat::Seq of_seq = 0;
};

class Ledger {
 public:
  // What was heard under an epoch in which the archive lost commits is not held against anything.
  void given(std::string_view client, const ShownEvent& event, std::uint64_t epoch);
  void acknowledged(std::string_view client, const std::string& room, chat::UserId user,
                    const std::string& key, chat::MessageId id, chat::Seq seq, std::uint64_t epoch);
  void refused(const std::string& key) { refused_.insert(key); }
  void deleted(chat::MessageId id) { deleted_.insert(id); }
  // Any message that was given to somebody; 0: none was.
  chat::MessageId some_message(Random& random) const;
  // Compares everything with the archive, through a connection of its own. Any time while a
  // process runs.
  void audit(Disk& disk);
  void audit(MysqlSim& database);
  // The database has lost commits: what was told of them is forgotten.
  void went_back(MysqlSim& database);
  bool is_over(std::uint64_t epoch) const { return lost_epoch_ != 0 && epoch <= lost_epoch_; }
  // As of the last audit.
  chat::Seq head(const std::string& room) const;
  chat::MessageId id_at(const std::string& room, chat::Seq seq) const;  // as clients are shown it

 private:
  struct Key {
    std::string room;
    chat::UserId user;
    std::string key;
    auto operator<=>(const Key&) const = default;
  };
  struct Acknowledged {
    chat::MessageId id;
    chat::Seq seq;
    bool operator==(const Acknowledged&) const = default;
  };
  struct Row {
    chat::MessageId id = 0;
    bool deletion = false;
    bool deleted = false;
    std::string content;
    chat::Seq of_seq = 0;
    chat::MessageId of_id = 0;
  };

  void read(sqlite3* database);
  void check_rows();
  bool is_kept(const std::string& room, const ShownEvent& event);

  std::map<std::string, std::map<chat::Seq, ShownEvent>> given_;
  std::map<std::string, std::pair<std::string, chat::Seq>> place_of_content_;
  std::map<Key, Acknowledged> acknowledged_;
  std::set<std::string> refused_;
  std::set<chat::MessageId> deleted_;
  std::vector<chat::MessageId> messages_;
  std::uint64_t lost_epoch_ = 0;  // in which commits were lost
  // Of the last audit.
  std::map<std::string, std::map<chat::Seq, Row>> rows_;
  std::map<Key, Acknowledged> kept_;
  std::map<std::string, chat::Seq> heads_;
};

}  // namespace starling::sim
