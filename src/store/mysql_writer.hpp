// The writer of an archive in MySQL or MariaDB, beside those of other servers.
//
//   give ids ─► rows for new rooms ─► BEGIN ─► locks ─► numbering ─► COMMIT ─► delivered
//                                              │                     │ no answer: nobody knows
//                                              │ held by others      ▼
//                                              ▼                     repeated under the same ids
//                                              until set aside: others     the answer is known;
//                                              meanwhile the go first              mailbox refuses
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "store/batch_writer.hpp"
#include "store/mysql_database.hpp"
#include "store/mysql_rows.hpp"
#include "store/numbering.hpp"

namespace starling::store {

class MysqlWriter final : public BatchWriter {
 public:
  MysqlWriter(std::unique_ptr<MysqlDatabase> database, io::Wake wake, const ArchiveOptions& options,
              std::uint64_t epoch, std::vector<chat::ShardInbox*> inboxes);

  // Refuses also while the outcome of a batch is unknown.
  bool post(WriteRequestWithTicket&& request) override;

 private:
  Outcome attempt(Requests requests) override;
  bool ready() override;
  void look_over(std::vector<WriteRequestWithTicket>& batch) override;
  bool after_turn() override;

  // What one try came to; nothing: the same once more.
  std::optional<Outcome> try_once(Requests requests, unsigned tries);
  std::optional<Outcome> after_failure(unsigned tries);
  Outcome commit(base::Instant start);
  bool epoch_is_ours();
  bool archive_lost_commits();
  void look_at_archive();
  bool finds_loss();
  void tell_loss(const Numbering::Loss& loss);
  std::optional<Outcome> raise_epoch(unsigned tries);
  void remember_heads();
  bool give_ids(Requests requests);
  void take_back_ids(Requests requests);
  bool reserve_ids(std::size_t count);
  void roll_back();
  bool connect_if_due();
  // Others hold rooms of these requests: they are done now without those, or kept for later.
  void set_aside(Requests requests);
  // Takes out those whose rooms others hold now.
  std::vector<WriteRequestWithTicket> take_held(std::vector<WriteRequestWithTicket>& requests);
  void keep_alive();
  void try_writing();

  // Statements end before the database they belong to.
  std::unique_ptr<MysqlDatabase> database_;
  MysqlRows rows_;
  Numbering numbering_;

  chat::MessageId next_id_ = 0;
  chat::MessageId ids_end_ = 0;  // of the reserved block
  bool ids_above_all_ = false;   // the next block begins above the highest id there is

  // Of the rooms that this writer has written in: a head that goes back was lost.
  std::map<std::string, std::pair<chat::Seq, chat::MessageId>> heads_;
  std::optional<Numbering::Loss> newest_;  // of its events: what is lost if it is
  bool connected_anew_ = false;            // and nobody has looked whether it is there
  std::uint64_t lost_epoch_ = 0;           // the next one is above it

  std::vector<WriteRequestWithTicket> aside_;  // in the order in which they came
  std::set<std::string> rooms_aside_;
  unsigned aside_tries_ = 0;
  bool trying_aside_ = false;

  std::atomic<bool> accepting_{true};
  base::Instant last_use_{};
  base::Instant next_connect_{};
  base::Instant next_trial_{};
};

}  // namespace starling::store
