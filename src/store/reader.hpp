// A reader of any archive: see store/archive.hpp for what it promises.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/mailbox.hpp"
#include "io/wake.hpp"
#include "store/archive.hpp"
#include "store/database.hpp"

namespace starling::store {

// The questions of chat/archive.hpp as SQL. Lives on a reader's thread.
class Queries {
 public:
  // `epoch_query` asks for the archive's epoch.
  Queries(Database& database, std::string_view epoch_query);

  chat::Reply answer(const chat::ReadRequest& request);

 private:
  chat::Reply answer(const chat::FindUser& find);
  chat::Reply answer(const chat::FindCredentials& find);
  chat::Reply answer(const chat::ListUsers& list);
  chat::Reply answer(const chat::OpenSession& open);
  chat::Reply answer(const chat::ReadPage& read);
  chat::Reply answer(const chat::FindMessage& find);
  chat::Reply answer(const chat::CountRoom& count);
  chat::Reply answer(const chat::CountAll& count);
  chat::Reply answer(const chat::ListRooms& list);
  chat::Reply answer(const chat::FindRoom& find);
  chat::Reply answer(const chat::ReadHeads& read);
  chat::Reply answer(const chat::ListRevocations& list);

  struct RoomFacts {
    chat::Seq head = 0;
    std::uint64_t messages = 0;
    std::uint64_t deleted = 0;
  };
  std::uint64_t epoch();
  RoomFacts facts_of(const std::string& room);
  std::optional<chat::Seq> seq_of_message(const std::string& room, std::uint64_t ordinal,
                                          chat::Seq head);
  std::uint64_t messages_up_to(const std::string& room, chat::Seq seq);
  bool read_numbered_page(const chat::ReadPage& read, const RoomFacts& facts, chat::PageRead& page);
  std::vector<chat::Event> read_events(Statement& statement, chat::UserId reader);
  bool are_all_there(const std::string& room, chat::Seq first, chat::Seq last);
  bool has_hole(const chat::ReadPage& read, const chat::PageRead& page, chat::Seq above,
                chat::Seq below);
  chat::Reply read_page(const chat::ReadPage& read);

  Database& database_;
  Statement epoch_;
  Statement user_by_id_;
  Statement user_by_name_;
  Statement credentials_;
  Statement users_;
  Statement online_users_;
  Statement memberships_;
  Statement count_up_to_;
  Statement room_facts_;
  Statement heads_;
  Statement events_above_;
  Statement events_below_;
  Statement messages_above_;
  Statement messages_below_;
  Statement numbered_page_;
  Statement deleted_below_;
  Statement seq_of_id_;
  Statement message_;
  Statement count_all_;
  Statement fullest_rooms_;
  Statement rooms_;
  Statement room_;
  Statement revocations_;
  Statement count_between_;
};

class ArchiveReader final : public Reader {
 public:
  ArchiveReader(std::unique_ptr<Database> database, io::Wake wake, const ArchiveOptions& options,
                std::string_view epoch_query, std::vector<chat::ShardInbox*> inboxes);

  bool post(ReadRequestWithTicket&& request) override;
  bool turn() override;
  void wait(base::Duration longest) override;
  void wake() override { wake_.notify(); }

 private:
  chat::Reply answer(const chat::ReadRequest& request);

  std::unique_ptr<Database> database_;
  Queries queries_;
  io::Wake wake_;
  const std::vector<chat::ShardInbox*> inboxes_;
  base::Mailbox<ReadRequestWithTicket> mailbox_;
};

}  // namespace starling::store
