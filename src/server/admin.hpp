// Admin: what answers the admin listener, on a thread and a ring of its own. Who asks how the
// server is has an answer also where a shard stands still, be it the one that accepts
// (docs/decisions/0035-who-asks-how-it-is-has-an-answer.md).
#pragma once

#include <atomic>
#include <future>
#include <memory>
#include <thread>

#include "api/rest.hpp"
#include "base/result.hpp"

namespace starling::server {

// Lives on the main thread.
class Admin {
 public:
  // Answers from now on. `listener` listens, and outlives this; `sources` are asked on the own
  // thread. Fails with what the ring said.
  static base::Result<std::unique_ptr<Admin>> start(int listener, api::AdminSources sources);
  // Cuts off who is connected, and ends the thread.
  ~Admin();
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;

 private:
  class Desk;

  Admin() = default;
  void live(int listener, const api::AdminSources& sources);

  std::unique_ptr<Desk> desk_;      // made and turned by the thread
  std::promise<base::Error> made_;  // what went wrong; no message: nothing
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace starling::server
