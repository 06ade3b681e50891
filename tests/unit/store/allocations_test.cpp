// Memory ends at every allocation of the archive's writer in turn. The process ends there, as the
// program does (server/out_of_memory.hpp): what was acknowledged is kept, and what is said again is
// there once. SQLite's own allocations fail in tests/sim/in_turn.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <new>
#include <string>

#include "harness.hpp"

namespace {

unsigned long until_none = 0;  // so many allocations from here on, none is left; 0: no end

}  // namespace

[[gnu::noinline]] void* operator new(std::size_t bytes) {
  if (until_none > 0 && --until_none == 0) std::get_new_handler()();
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc{};
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace starling::store {
namespace {

constexpr int messages = 8;
constexpr int ended = 71;

struct Acknowledged {
  std::uint32_t slot;
  chat::Seq seq;
};

// Tells another process of each acknowledgement, at once.
class TellingInbox final : public chat::ShardInbox {
 public:
  explicit TellingInbox(int pipe) : pipe_(pipe) {}
  void reply(chat::TicketedReply&& reply) override {
    ++replies;
    const auto* posted = std::get_if<chat::MessagePosted>(&reply.reply);
    if (!posted) return;
    const Acknowledged told{reply.ticket.call.slot, posted->seq};
    if (::write(pipe_, &told, sizeof told) != sizeof told) ::_exit(1);
  }
  bool committed(const chat::CommittedBatchRef&) override { return true; }
  bool committed_elsewhere(const chat::CommittedBatchRef&) override { return false; }
  void missed() override {}
  void wake() override {}

  int replies = 0;

 private:
  const int pipe_;
};

class AllocationsTest : public StoreTest {
 protected:
  // Longer than what a string holds in itself.
  static std::string key_of(std::uint32_t slot) {
    return std::string(50, 'm') + std::to_string(slot);
  }

  // The child: says everything, and ends at the n-th allocation of the writer's turns.
  [[noreturn]] void say_until(unsigned long n, int pipe) {
    std::set_new_handler([] { ::_exit(ended); });
    TellingInbox telling{pipe};
    options.path = path();
    options.encoder = &encoder;
    options.batch_events = 3;
    archive = std::move(*Archive::open(options));
    writer = std::move(*archive->make_writer({&telling}));
    for (std::uint32_t slot = 0; slot < messages; ++slot) {
      const std::string key = key_of(slot);
      CHECK(
          writer->post({chat::PostMessage{"a", 1, key, "text", "{}", key, false}, {0, {slot, 1}}}));
    }
    until_none = n;
    while (telling.replies < messages) writer->turn();
    until_none = 0;
    ::_exit(0);
  }

  std::map<std::string, chat::Seq> stored() {
    std::map<std::string, chat::Seq> all;
    for (const chat::Event& event :
         page_of("a", chat::ReadPage::Position::after_seq, 0, 1'000).events) {
      EXPECT_TRUE(all.emplace(event.content, event.seq).second) << event.content << " twice";
      EXPECT_EQ(event.seq, all.size());
    }
    return all;
  }
};

TEST_F(AllocationsTest, memory_that_ends_anywhere_loses_nothing_acknowledged) {
  options.sync_full = false;  // nobody loses power here
  unsigned ends = 0;
  for (unsigned long n = 1;; ++n) {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    start();
    add_user("ann");
    stop();
    int pipes[2];
    ASSERT_EQ(::pipe(pipes), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) say_until(n, pipes[1]);
    ::close(pipes[1]);
    std::map<std::string, chat::Seq> acknowledged;
    Acknowledged told{};
    while (::read(pipes[0], &told, sizeof told) == static_cast<ssize_t>(sizeof told)) {
      acknowledged[key_of(told.slot)] = told.seq;
    }
    ::close(pipes[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFEXITED(status) && (WEXITSTATUS(status) == ended || WEXITSTATUS(status) == 0))
        << status << " at allocation " << n;
    start();
    const auto kept = stored();
    for (const auto& [key, seq] : acknowledged) {
      EXPECT_TRUE(kept.contains(key) && kept.at(key) == seq) << key << ", allocation " << n;
    }
    for (std::uint32_t slot = 0; slot < messages; ++slot) {
      const std::string key = key_of(slot);
      const auto again = posted(write(chat::PostMessage{"a", 1, key, "text", "{}", key, false}));
      EXPECT_EQ(again.duplicate, kept.contains(key)) << key << ", allocation " << n;
    }
    EXPECT_EQ(stored().size(), messages) << "allocation " << n;
    stop();
    if (WEXITSTATUS(status) == 0) break;
    ++ends;
    if (HasFailure()) return;
  }
  EXPECT_GT(ends, 50u);
}

}  // namespace
}  // namespace starling::store
