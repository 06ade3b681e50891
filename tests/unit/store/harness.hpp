// An archive in a folder of its own, its writer and reader turned by the test.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "store/archive.hpp"

namespace starling::store {

class PlainEncoder final : public chat::EventEncoder {
 public:
  void append_frame(const chat::Event& event, std::string& out) const override {
    out += event.content;
  }
};

// Keeps what a shard would hear.
class RecordingInbox final : public chat::ShardInbox {
 public:
  void reply(chat::TicketedReply&& reply) override {
    log.push_back("reply");
    replies.push_back(std::move(reply));
  }
  bool committed_elsewhere(const chat::CommittedBatchRef&) override { return false; }
  void missed() override { ++looks; }
  bool committed(const chat::CommittedBatchRef& batch) override {
    log.push_back("batch");
    for (const auto& entry : batch->entries) {
      EXPECT_EQ(batch->frame(entry), entry.event.content);
      delivered.push_back(entry.event);
    }
    return true;
  }
  void wake() override {}

  std::vector<chat::Seq> delivered_seqs(const std::string& room) const {
    std::vector<chat::Seq> seqs;
    for (const chat::Event& event : delivered) {
      if (event.room == room) seqs.push_back(event.seq);
    }
    return seqs;
  }

  std::vector<std::string> log;
  std::vector<chat::TicketedReply> replies;
  std::vector<chat::Event> delivered;
  unsigned looks = 0;  // it was told to compare its rooms with the archive
};

class StoreTest : public testing::Test {
 protected:
  StoreTest() {
    std::string pattern = testing::TempDir() + "starling-store-XXXXXX";
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    folder = pattern;
  }
  ~StoreTest() override {
    stop();
    std::filesystem::remove_all(folder);
  }

  std::string path() const { return folder + "/starling.db"; }

  void start() {
    options.path = path();
    options.encoder = &encoder;
    auto opened = Archive::open(options);
    ASSERT_TRUE(opened) << opened.error().message;
    archive = std::move(*opened);
    writer = std::move(*archive->make_writer({&inbox}));
    reader = std::move(*archive->make_reader({&inbox}));
  }
  void stop() {
    reader.reset();
    writer.reset();
    archive.reset();
  }
  void reopen() {
    stop();
    start();
  }
  std::string open_error() {
    options.path = path();
    auto opened = Archive::open(options);
    return opened ? std::string{} : opened.error().message;
  }

  // From another connection, as an operator would.
  void sql(const char* text) {
    sqlite3* connection = nullptr;
    ASSERT_EQ(sqlite3_open(path().c_str(), &connection), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(connection, text, nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(connection);
    sqlite3_close(connection);
  }

  void post(chat::WriteRequest request) {
    CHECK(writer->post({std::move(request), {0, {next_call++, 1}}}));
  }
  std::vector<chat::Reply> write_together(std::vector<chat::WriteRequest> requests) {
    inbox.replies.clear();
    for (chat::WriteRequest& request : requests) post(std::move(request));
    writer->turn();
    std::vector<chat::Reply> replies;
    for (auto& ticketed : inbox.replies) replies.push_back(std::move(ticketed.reply));
    EXPECT_EQ(replies.size(), requests.size());
    return replies;
  }
  chat::Reply write(chat::WriteRequest request) {
    std::vector<chat::WriteRequest> one;
    one.push_back(std::move(request));
    return write_together(std::move(one)).at(0);
  }
  chat::Reply read(chat::ReadRequest request) {
    inbox.replies.clear();
    CHECK(reader->post({std::move(request), {0, {next_call++, 1}}}));
    reader->turn();
    return std::move(inbox.replies.at(0).reply);
  }

  chat::UserId add_user(const std::string& name) {
    return std::get<chat::UserFound>(write(chat::CreateUser{name, name + "@x", ""})).user.id;
  }
  chat::Reply say(chat::UserId user, const std::string& room) {
    return write(chat::PostMessage{room, user, "hello", "text", "", "", false});
  }
  chat::PageRead page_of(const std::string& room, chat::ReadPage::Position position,
                         std::uint64_t value, unsigned limit) {
    chat::ReadPage page;
    page.room = room;
    page.position = position;
    page.value = value;
    page.limit = limit;
    return std::get<chat::PageRead>(read(page));
  }
  chat::SessionOpened session(chat::UserId user) {
    return std::get<chat::SessionOpened>(read(chat::OpenSession{user}));
  }
  static chat::MessagePosted posted(const chat::Reply& reply) {
    const auto* found = std::get_if<chat::MessagePosted>(&reply);
    if (!found) ADD_FAILURE() << "not posted: " << failure(reply).message;
    return found ? *found : chat::MessagePosted{};
  }
  static chat::Failure failure(const chat::Reply& reply) {
    const auto* found = std::get_if<chat::Failure>(&reply);
    return found ? *found : chat::Failure{chat::FailureCode::internal, "no failure"};
  }

  std::string folder;
  ArchiveOptions options;
  PlainEncoder encoder;
  RecordingInbox inbox;
  std::unique_ptr<Archive> archive;
  std::unique_ptr<Writer> writer;
  std::unique_ptr<Reader> reader;
  std::uint32_t next_call = 0;
};

}  // namespace starling::store
