// Soft trouble, told to sessions of starling.v1 that have said who they are. A notice asks for
// nothing: what was refused has had its own error. The original's clients hear of none of it.
#include <cstdint>
#include <string>
#include <utility>

#include "shard/core.hpp"

namespace starling::shard {
namespace {

// A session that was not refused for a whole second between ticks has stopped being too fast: the
// next refusal is a new episode, and worth a new notice.
constexpr std::uint8_t ticks_of_an_episode = 2;

bool hears_notices(const Session& session) {
  return session.dialect == chat::Dialect::v1 && session.stage == Session::Stage::ready;
}

}  // namespace

// Once a tick, so a change is told at most once a second; one that is over by then is not told.
void Core::watch_archive() {
  const bool healthy = !options_.archive_healthy || options_.archive_healthy();
  if (healthy == std::exchange(archive_healthy_, healthy)) return;
  clients_.for_each([&](base::Handle, Client& client) {
    if (!client.session || !hears_notices(*client.session)) return;
    if (healthy) {
      tell(*client.session, api::notice("info", "restored", "Messages are kept again"));
    } else {
      tell_degraded(*client.session);
    }
  });
}

void Core::tell_degraded(Session& session) {
  if (!hears_notices(session)) return;
  tell(session, api::notice("warning", "degraded",
                            "Messages cannot be kept now; what is refused may be sent again"));
}

// The errors say which messages were refused; this says, once an episode, what the rule is.
void Core::tell_throttled(Session& session) {
  ++session.refusals;
  if (config_.limits.refusals != 0 && session.refusals > config_.limits.refusals) {
    quotas_.count_refusal(chat::Limit::refusals);
    hang_up(session, proto::CloseCode::policy, "too many messages");
    return;
  }
  const bool new_episode = std::exchange(session.throttled_ticks, ticks_of_an_episode) == 0;
  if (!new_episode || !hears_notices(session)) return;
  tell(session, api::notice("warning", "throttled",
                            "More than " + std::to_string(config_.limits.messages_per_second) +
                                " messages a second from this connection, or too many from its "
                                "user or address; those above are refused"));
}

}  // namespace starling::shard
