// RestClient: a program that posts and deletes messages over HTTP, one call after the other, on
// connections that it keeps or not. It repeats what was not answered under the same
// Idempotency-Key.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "chat/ids.hpp"
#include "ledger.hpp"
#include "network.hpp"
#include "proto/json_reader.hpp"
#include "random.hpp"

namespace starling::sim {

class RestClient final : public Endpoint {
 public:
  RestClient(unsigned number, chat::UserId user, std::vector<std::string> rooms, unsigned pace_ms,
             Random& random, Balancer& balancer, Ledger& ledger);

  // ---- Endpoint
  bool reading() const override { return true; }
  void on_bytes(std::string_view bytes) override;
  void on_end(bool reset) override;

  // ---- the run
  base::Instant next_at() const { return next_at_; }
  void act();
  void calm() { calm_ = true; }  // finishes the call that is open, and asks no more
  void retire() { retired_ = true; }
  std::string unsettled() const;
  const std::string& name() const { return name_; }

 private:
  struct Call {
    std::string request;
    std::string key;  // of a post
    std::string room;
    chat::MessageId deletes = 0;
    bool under_way = false;
  };

  void think_of_something();
  void send();
  void hang_up();
  void take_answer(unsigned status, const std::string& body);

  const std::string name_;
  const chat::UserId user_;
  const std::vector<std::string> rooms_;
  const unsigned pace_ms_;
  Random& random_;
  Balancer& balancer_;
  Network* network_ = nullptr;  // of the server that it is or was connected to
  Ledger& ledger_;
  proto::JsonReader json_{1 << 20};

  std::shared_ptr<Socket> socket_;
  std::string bytes_;
  std::unique_ptr<Call> call_;  // the open one
  unsigned next_key_ = 1;
  bool calm_ = false;
  bool retired_ = false;
  base::Instant next_at_{};
};

}  // namespace starling::sim
