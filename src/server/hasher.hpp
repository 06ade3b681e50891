// Hasher: Argon2id takes tens of milliseconds and megabytes, so it has a thread and a bounded queue
// of its own.
#pragma once

#include <string>
#include <vector>

#include "base/mailbox.hpp"
#include "base/time.hpp"
#include "chat/archive.hpp"
#include "io/wake.hpp"

namespace starling::server {

// Argon2id, with its salt; empty where there is no memory for it. Takes tens of milliseconds.
std::string hash_password(const std::string& password);

class Hasher {
 public:
  static constexpr std::size_t max_waiting = 128;  // some seconds of work

  Hasher(io::Wake wake, std::vector<chat::ShardInbox*> inboxes);

  // Any thread. False when the queue is full.
  [[nodiscard]] bool post(chat::HashRequest&& request, chat::Ticket ticket);

  // The hasher's thread: does one request. False if there was none.
  bool turn();
  void wait(base::Duration longest);
  void wake() { wake_.notify(); }  // any thread

 private:
  struct Item {
    chat::HashRequest request;
    chat::Ticket ticket;
  };

  chat::Reply answer(const chat::HashPassword& hash) const;
  chat::Reply answer(const chat::VerifyPassword& verify) const;

  io::Wake wake_;
  const std::vector<chat::ShardInbox*> inboxes_;
  base::Mailbox<Item> mailbox_;
  std::string nobodys_hash_;  // compared with where a user is unknown
};

}  // namespace starling::server
