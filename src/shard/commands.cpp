// What clients ask for over WebSocket, and the archive's answers to it.
#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>
#include <variant>

#include "base/check.hpp"
#include "shard/core.hpp"

namespace starling::shard {
namespace {

using chat::Failure;
using chat::FailureCode;

constexpr std::string_view default_room = "general";  // where the original's clients meet

unsigned whole_ms(base::Duration wait) {
  return static_cast<unsigned>(std::chrono::ceil<std::chrono::milliseconds>(wait).count());
}

}  // namespace

bool Core::on_message(net::Connection& connection, proto::Opcode kind, std::string_view payload) {
  auto& session = *static_cast<Session*>(connection.owner_data);
  if (session.stage == Session::Stage::leaving) return true;
  // What comes during a drain is not accepted any more, or who writes on would never be done: it
  // stays unacknowledged, and the client repeats it where it goes.
  if (draining_) return true;
  if (session.places.empty()) count_message(connection);
  if (session.echo) return echo(session, kind, payload);

  const base::Duration wait = pace(session, clients_.find(connection.handle())->address);
  session.too_fast = wait > base::Duration::zero();
  if (session.too_fast && session.dialect == chat::Dialect::v1) {
    count_message(connection);
    refuse_message(session, payload, wait);
    return true;
  }
  auto command = api::parse_command(json_, payload);
  if (command) {
    obey(session, std::move(*command));
  } else {
    const chat::Rejection& rejection = command.error();
    tell_error(session, rejection.failure, rejection.ref, rejection.client_message_id);
  }
  // A client of the original is never told that it is too fast: it is read more slowly instead.
  if (session.too_fast) slow_down(session, wait);
  if (session.open_calls >= max_open_calls) session.reading = false;
  return session.reading;
}

// How long the session's address, user or own socket has to rest before its next message; zero:
// this one is in time. What a session of starling.v1 sends too early is refused and takes nothing
// of the user's; what one of the original sends counts, and is a debt.
base::Duration Core::pace(Session& session, chat::AddressKey address) {
  using chat::Limit;
  const base::Instant now = context_.now;
  const chat::SketchKey from = quotas_.key_of(address);
  const chat::SketchKey user = quotas_.key_of(session.user);
  const bool in_time = session.rate.take(rate_rule_, now);
  base::Duration wait =
      in_time ? base::Duration::zero() : session.rate.retry_after(rate_rule_, now);
  if (!in_time) quotas_.count_refusal(Limit::connection_messages);
  if (session.dialect == chat::Dialect::v1) {
    if (in_time) wait = quotas_.take(Limit::address_requests, from, now);
    if (wait == wait.zero() && session.user != 0) {
      wait = quotas_.take(Limit::user_messages, user, now);
    }
    if (wait > wait.zero()) session.rate.put_back(rate_rule_);
    return wait;
  }
  const auto charge = [&](Limit limit, chat::SketchKey key) {
    const base::Duration longer = quotas_.charge(limit, key, now);
    if (longer > base::Duration::zero()) quotas_.count_refusal(limit);
    wait = std::max(wait, longer);
  };
  charge(Limit::address_requests, from);
  if (session.user != 0) charge(Limit::user_messages, user);
  return wait;
}

void Core::refuse_message(Session& session, std::string_view payload, base::Duration wait) {
  auto command = api::parse_command(json_, payload);
  const auto& ref = command ? command->ref : command.error().ref;
  std::string client_message_id;
  if (!command) {
    client_message_id = command.error().client_message_id;
  } else if (const auto* say = std::get_if<chat::Say>(&command->what)) {
    client_message_id = say->client_message_id;
  }
  tell_error(session, {FailureCode::rate_limited, "Too many messages"}, ref, client_message_id,
             whole_ms(wait));
  tell_throttled(session);
}

void Core::slow_down(Session& session, base::Duration wait) {
  session.reading = false;
  paused_.push_back({context_.now + wait, session.connection->handle()});
}

void Core::maybe_resume_reading(Session& session) {
  if (session.reading || session.stage == Session::Stage::leaving) return;
  if (session.open_calls >= max_open_calls / 2) return;
  const base::Handle handle = session.connection->handle();
  const bool paused = std::ranges::any_of(
      paused_, [&](const Paused& paused_one) { return paused_one.client == handle; });
  if (paused || is_deflating(handle)) return;
  session.reading = true;
  session.connection->resume_reading();
}

// Sends one frame, behind the welcome if that is still due; an empty text sends just that.
void Core::tell(Session& session, std::string_view json) {
  if (session.stage == Session::Stage::leaving || json.empty()) return;
  static_cast<void>(session.connection->send_text(json));  // false: it is being closed
  touch(session);
}

void Core::tell_error(Session& session, const Failure& failure, std::string_view ref,
                      std::string_view client_message_id, std::optional<unsigned> retry_after_ms) {
  tell(session, api::error(failure, ref, client_message_id, retry_after_ms));
}

void Core::hang_up(Session& session, proto::CloseCode code, std::string_view reason) {
  if (session.stage == Session::Stage::leaving) return;
  session.connection->close_websocket(code, reason);
  CHECK(session.stage == Session::Stage::leaving);  // by on_closing()
}

// Asks the archive on behalf of a session, which is told if that is refused.
bool Core::ask_for(Session& session, chat::Request&& request, Call&& call) {
  call.client = session.connection->handle();
  if (refused_for_memory(request)) {
    tell_error(session, {FailureCode::unavailable, short_of_memory}, call.ref,
               call.client_message_id, memory_retry_ms);
    return false;
  }
  if (ask(std::move(request), call)) {
    ++session.open_calls;
    return true;
  }
  tell_error(session, {FailureCode::unavailable, "The server is busy, try again"}, call.ref,
             call.client_message_id);
  return false;
}

void Core::obey(Session& session, chat::Command&& command) {
  std::visit([&](auto&& what) { obey(session, command.ref, std::forward<decltype(what)>(what)); },
             std::move(command.what));
}

// ---- who is it -------------------------------------------------------------------------------

// Fills in who the token names. False: the session was told why not.
bool Core::token_identifies(Session& session, const std::string& ref, chat::Authenticate& auth) {
  if (auth.token.empty() && session.cookie_token) auth.token = *session.cookie_token;
  if (auth.token.empty() && config_.auth.mode == AuthMode::open) return true;
  if (auth.token.empty()) {
    tell_error(session, {FailureCode::unauthenticated, "A token is required"}, ref);
    return false;
  }
  std::optional<api::Identity> identity;
  if (options_.keys) identity = options_.keys->verify(auth.token, wall_);
  if (!identity || token_revoked(*identity)) {
    if (config_.auth.mode == AuthMode::open) return true;  // an old cookie: the id is what counts
    tell_error(session, {FailureCode::unauthenticated, "Invalid, expired or revoked token"}, ref);
    return false;
  }
  if (auth.user != 0 && auth.user != identity->user) {
    if (config_.auth.mode == AuthMode::open) return true;
    tell_error(session, {FailureCode::forbidden, "The token belongs to another user"}, ref);
    return false;
  }
  if (session.user != 0 && session.user != identity->user) {
    tell_error(session, {FailureCode::forbidden, "The session belongs to another user"}, ref);
    return false;
  }
  auth.user = identity->user;
  session.token_key = std::hash<std::string>{}(identity->token_id);
  session.ends_at = instant_of(identity->expires);
  auth.username = identity->name;
  return true;
}

void Core::obey(Session& session, const std::string& ref, chat::Authenticate&& auth) {
  if (session.stage == Session::Stage::opening) {
    tell_error(session, {FailureCode::bad_request, "Authentication is under way"}, ref);
    return;
  }
  if (!token_identifies(session, ref, auth)) return;
  if (auth.user == 0) {
    tell_error(session, {FailureCode::bad_request, "User ID is required"}, ref);
    return;
  }
  if (session.user != 0 && session.user != auth.user) {
    tell_error(session, {FailureCode::forbidden, "The session belongs to another user"}, ref);
    return;
  }
  if (session.stage == Session::Stage::anonymous) session.stage = Session::Stage::opening;
  Call call;
  call.kind = Call::Kind::open_session;
  call.ref = ref;
  const chat::UserId user = auth.user;
  call.auth = std::make_unique<chat::Authenticate>(std::move(auth));
  if (!ask_for(session, chat::ReadRequest{chat::OpenSession{user}}, std::move(call))) {
    stay_anonymous(session);
  }
}

// While the archive was asked, all tokens of the user may have been revoked.
bool Core::revoked_meanwhile(const Call& call) const {
  if (!call.auth || revoked_users_.empty() || config_.auth.mode == AuthMode::open) return false;
  const std::optional<api::Identity> identity = options_.keys->verify(call.auth->token, wall_);
  return identity && token_revoked(*identity);
}

void Core::on_opened(Session& session, Call& call, chat::SessionOpened&& opened) {
  if (revoked_meanwhile(call)) {
    hang_up(session, proto::CloseCode::token_ended, "token revoked");
    return;
  }
  const bool first = session.user == 0;
  // Open mode: of two commands that named two users, the other one was found earlier.
  if (!first && session.user != opened.user.id) {
    tell_error(session, {FailureCode::forbidden, "The session belongs to another user"}, call.ref);
    return;
  }
  if (first && !quotas_.enter(chat::Limit::user_connections, quotas_.key_of(opened.user.id))) {
    tell_error(session, {FailureCode::rate_limited, "Too many connections of this user"}, call.ref);
    hang_up(session, proto::CloseCode::policy, "too many connections of this user");
    return;
  }
  session.stage = Session::Stage::ready;
  session.user = opened.user.id;
  session.cookie_token.reset();
  if (first) appear(session, opened.user.username);
  if (call.resumed) {  // open mode: a command that came without `auth`
    obey(session, std::move(*call.resumed));
    return;
  }
  chat::Authenticate& auth = *call.auth;
  if (auth.room.empty() && session.dialect == chat::Dialect::compatible) auth.room = default_room;
  std::string success = api::auth_success(
      opened, auth.room, std::to_string(session.id(options_.index)), session.dialect, call.ref);
  // At this word the original's page reads history by REST: it is then in the room already, so that
  // nothing is said between the two.
  if (session.dialect == chat::Dialect::compatible && !auth.resume) {
    start_join(session, auth.room, {}, {}, {}, std::move(success));
    return;
  }
  tell(session, success);
  if (first && !archive_healthy_) tell_degraded(session);
  bool entered = false;
  if (auth.resume) {
    for (const auto& [room, seq] : auth.resume->rooms) {
      entered |= room == auth.room;
      start_join(session, room, seq, auth.resume->epoch, {});
    }
  }
  if (!auth.room.empty() && !entered) start_join(session, auth.room, {}, {}, {});
}

// Who it is was not found out: the session may try once more, for as long as at its beginning.
void Core::stay_anonymous(Session& session) {
  if (session.stage != Session::Stage::opening) return;
  session.stage = Session::Stage::anonymous;
  if (config_.auth.mode == AuthMode::token) session.ends_at = context_.now + auth_deadline();
}

void Core::on_open_failed(Session& session, Call& call, const Failure& failure) {
  // A token of another backend may name a user that has never been here.
  if (call.kind == Call::Kind::open_session && failure.code == FailureCode::not_found &&
      config_.auth.mode == AuthMode::token && !call.auth->username.empty()) {
    call.kind = Call::Kind::ensure_user;
    chat::EnsureUser wanted{call.auth->user, call.auth->username};
    if (!ask_for(session, chat::WriteRequest{std::move(wanted)}, std::move(call))) {
      stay_anonymous(session);
    }
    return;
  }
  stay_anonymous(session);
  tell_error(session, failure, call.ref);
}

chat::UserId Core::acting_user(Session& session, const std::string& ref, chat::UserId claimed,
                               std::string_view client_message_id) {
  if (config_.auth.mode == AuthMode::open) {
    const chat::UserId user = claimed != 0 ? claimed : session.user;
    if (user == 0) {
      tell_error(session, {FailureCode::bad_request, "User ID is required"}, ref,
                 client_message_id);
    }
    return user;
  }
  if (session.user == 0) {
    tell_error(session, {FailureCode::unauthenticated, "Authenticate first"}, ref,
               client_message_id);
    return 0;
  }
  if (claimed != 0 && claimed != session.user) {
    tell_error(session, {FailureCode::forbidden, "The token belongs to another user"}, ref,
               client_message_id);
    return 0;
  }
  return session.user;
}

// ---- commands --------------------------------------------------------------------------------

void Core::obey(Session& session, const std::string& ref, chat::Join&& join) {
  const bool nobody = session.user == 0;
  if (config_.auth.mode == AuthMode::open && nobody && join.user == 0) {
    tell_error(session, {FailureCode::bad_request, "Room ID and User ID are required"}, ref);
    return;
  }
  const chat::UserId user = acting_user(session, ref, join.user, {});
  if (user == 0) return;
  if (nobody) {  // open mode: the id is believed, the session becomes that user's
    if (session.stage == Session::Stage::opening) {
      tell_error(session, {FailureCode::bad_request, "Authentication is under way"}, ref);
      return;
    }
    Call call;
    call.kind = Call::Kind::open_session;
    call.ref = ref;
    call.auth = std::make_unique<chat::Authenticate>();
    call.resumed = std::make_unique<chat::Command>(chat::Command{ref, std::move(join)});
    ask_for(session, chat::ReadRequest{chat::OpenSession{user}}, std::move(call));
    return;
  }
  if (user != session.user) {
    tell_error(session, {FailureCode::forbidden, "The session belongs to another user"}, ref);
    return;
  }
  start_join(session, std::move(join.room), join.after_seq, join.epoch, ref);
}

void Core::obey(Session& session, const std::string& ref, chat::Leave&& leave) {
  const chat::UserId user = acting_user(session, ref, 0, {});
  if (user == 0) return;
  Call call;
  call.kind = Call::Kind::leave;
  call.ref = ref;
  call.room = leave.room;
  ask_for(session, chat::WriteRequest{chat::LeaveRoom{std::move(leave.room), user}},
          std::move(call));
}

void Core::obey(Session& session, const std::string& ref, chat::Say&& say) {
  if (config_.auth.mode == AuthMode::open && say.user == 0 && session.user == 0) {
    tell_error(session, {FailureCode::bad_request, "Content and user ID are required"}, ref,
               say.client_message_id);
    return;
  }
  const chat::UserId user = acting_user(session, ref, say.user, say.client_message_id);
  if (user == 0) return;
  const bool compatible = session.dialect == chat::Dialect::compatible;
  if (say.room.empty() && compatible) {
    say.room =
        session.places.empty() ? std::string{default_room} : session.places.front().room->name;
  }
  if (say.room.empty()) {
    tell_error(session, {FailureCode::bad_request, "roomId is required"}, ref,
               say.client_message_id);
    return;
  }
  if (say.content.size() > config_.limits.message_bytes) {
    tell_error(session, {FailureCode::too_large, "The message is too long"}, ref,
               say.client_message_id);
    return;
  }
  if (say.metadata.size() > config_.limits.metadata_bytes) {
    tell_error(session, {FailureCode::too_large, "The metadata is too long"}, ref,
               say.client_message_id);
    return;
  }
  if (const base::Duration wait = quotas_.wait_for_room(say.room, context_.now);
      wait > base::Duration::zero()) {
    if (!compatible) {
      tell_error(session, {FailureCode::rate_limited, "Too many messages in this room"}, ref,
                 say.client_message_id, whole_ms(wait));
      return;
    }
    slow_down(session, wait);  // behind this message
  }
  Call call;
  call.kind = Call::Kind::post;
  call.ref = ref;
  call.client_message_id = say.client_message_id;
  chat::PostMessage post{
      std::move(say.room),          user,
      std::move(say.content),       std::move(say.message_type),
      std::move(say.metadata),      std::move(say.client_message_id),
      /*members_only=*/!compatible, quotas_.may_create_rooms(user, context_.now)};
  call.room = post.room;
  Room* const room = find_room(post.room);
  if (ask_for(session, chat::WriteRequest{std::move(post)}, std::move(call)) && room) {
    ++room->posts_open;
  }
}

void Core::obey(Session& session, const std::string& ref, chat::GetRecent&& recent) {
  if (config_.auth.mode == AuthMode::token && acting_user(session, ref, 0, {}) == 0) return;
  if (recent.room.empty() && session.dialect == chat::Dialect::compatible) {
    recent.room =
        session.places.empty() ? std::string{default_room} : session.places.front().room->name;
  }
  if (recent.room.empty()) {
    tell_error(session, {FailureCode::bad_request, "roomId is required"}, ref);
    return;
  }
  chat::ReadPage page;
  page.room = recent.room;
  page.limit = recent.limit;
  page.reader = session.user;
  if (recent.after_seq) {
    page.position = chat::ReadPage::Position::after_seq;
    page.value = *recent.after_seq;
  } else if (recent.before_seq) {
    page.position = chat::ReadPage::Position::before_seq;
    page.value = *recent.before_seq;
  }
  Call call;
  call.kind = Call::Kind::recent;
  call.ref = ref;
  ask_for(session, chat::ReadRequest{std::move(page)}, std::move(call));
}

void Core::obey(Session& session, const std::string& ref, chat::Typing&& typing) {
  if (acting_user(session, ref, 0, {}) == 0) return;
  Session::Place* place = session.place_in(typing.room);
  if (!place) {
    tell_error(session, {FailureCode::not_in_room, "Join the room first"}, ref);
    return;
  }
  Room& room = *place->room;
  if (typing.typing) {
    if (presence_.count(room.name) > config_.presence.events_max) return;  // nobody is told
    if (memory_.refuses(chat::Service::typing)) return;
    const base::Instant until =
        context_.now + std::chrono::milliseconds{config_.presence.typing_ms};
    room.typing.insert_or_assign(session.user, until);
    typing_ends_.push_back({until, room.name, session.user});
  } else if (room.typing.erase(session.user) == 0) {
    return;
  }
  publish(chat::TypingSignal{room.name, session.user, std::string{presence_.name_of(session.user)},
                             typing.typing});
}

void Core::obey(Session& session, const std::string& ref, chat::SetRead&& read) {
  const chat::UserId user = acting_user(session, ref, 0, {});
  if (user == 0) return;
  Call call;
  call.kind = Call::Kind::mark_read;
  call.ref = ref;
  call.user = user;
  ask_for(session, chat::WriteRequest{chat::MarkRead{std::move(read.room), user, read.seq}},
          std::move(call));
}

void Core::obey(Session& session, const std::string& ref, chat::Ping&& ping) {
  tell(session, api::pong(ping.t, wall_, ref));
}

// ---- answers ---------------------------------------------------------------------------------

void Core::on_session_reply(Session& session, Call& call, chat::Reply&& reply) {
  if (const auto* failure = std::get_if<Failure>(&reply)) {
    switch (call.kind) {
      case Call::Kind::open_session:
      case Call::Kind::ensure_user:
        on_open_failed(session, call, *failure);
        return;
      case Call::Kind::catch_up:
        on_catch_up_reply(session, call, std::move(reply));
        return;
      case Call::Kind::post:  // the original says "Sender not found" over REST alone
        tell_error(session,
                   failure->code == FailureCode::not_found
                       ? Failure{FailureCode::not_found, "User not found"}
                       : *failure,
                   call.ref, call.client_message_id);
        return;
      default:
        tell_error(session, *failure, call.ref, call.client_message_id);
        return;
    }
  }
  switch (call.kind) {
    case Call::Kind::open_session:
      on_opened(session, call, std::move(std::get<chat::SessionOpened>(reply)));
      return;
    case Call::Kind::ensure_user: {
      const chat::UserId user = call.auth->user;
      call.kind = Call::Kind::open_session;
      if (!ask_for(session, chat::ReadRequest{chat::OpenSession{user}}, std::move(call))) {
        stay_anonymous(session);
      }
      return;
    }
    case Call::Kind::post: {
      const auto& posted = std::get<chat::MessagePosted>(reply);
      if (!call.client_message_id.empty()) {
        tell(session, api::message_sent(posted, call.client_message_id, call.ref));
      }
      return;
    }
    case Call::Kind::leave: {
      Room* room = find_room(call.room);
      if (room) leave_room(session, *room);
      tell(session, api::room_left(call.room, call.ref));
      return;
    }
    case Call::Kind::mark_read: {
      const auto& marked = std::get<chat::ReadMarked>(reply);
      tell(session,
           api::read_update({0, marked.room, session.user, marked.seq, marked.head, marked.unread},
                            call.ref));
      return;
    }
    case Call::Kind::recent:
      tell(session, api::recent_messages(std::get<chat::PageRead>(reply), call.ref));
      return;
    default:  // all others are not of a session
      CHECK(call.kind == Call::Kind::catch_up);
      on_catch_up_reply(session, call, std::move(reply));
  }
}

}  // namespace starling::shard
