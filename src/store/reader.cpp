#include "store/reader.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>
#include <variant>

#include "base/check.hpp"
#include "base/log.hpp"
#include "io/clock.hpp"
#include "store/rows.hpp"

namespace starling::store {
namespace {

using chat::Failure;
using chat::FailureCode;

constexpr unsigned max_page = 1'000;       // whatever is asked for
constexpr std::size_t heads_at_once = 64;  // rooms in one query for heads
constexpr std::size_t max_turn = 64;       // requests answered before shards are woken

std::string select_events(std::string_view rest) {
  return "SELECT " + std::string{event_columns} + " FROM messages WHERE " + std::string{rest};
}

std::string select_users(std::string_view rest) {
  return "SELECT " + std::string{user_columns} + " FROM users WHERE " + std::string{rest};
}

std::string select_heads() {
  std::string sql = "SELECT id, head, last_id FROM rooms WHERE id IN (?";
  for (std::size_t i = 1; i < heads_at_once; ++i) sql += ",?";
  return sql + ")";
}

Failure no_user() { return {FailureCode::not_found, "User not found"}; }

}  // namespace

Queries::Queries(Database& database, std::string_view epoch_query)
    : database_(database),
      epoch_(database, epoch_query),
      user_by_id_(database, select_users("id = ?")),
      user_by_name_(database, select_users("username_key = ?")),
      credentials_(database, "SELECT " + std::string{user_columns} +
                                 ", password_hash FROM users WHERE username_key = ? AND NOT " +
                                 std::string{banned_everywhere}),
      users_(database, select_users("id > ? ORDER BY id LIMIT ?")),
      online_users_(database, select_users("id > ? AND is_online = 1 ORDER BY id LIMIT ?")),
      memberships_(database,
                   "SELECT m.room_id, m.read_seq, r.head, r.messages FROM members m JOIN rooms r "
                   "ON r.id = m.room_id WHERE m.user_id = ? ORDER BY m.room_id LIMIT 1000"),
      count_up_to_(
          database,
          "SELECT messages_before + (kind = 0) FROM messages WHERE room_id = ? AND seq = ?"),
      room_facts_(database, "SELECT head, messages, deleted FROM rooms WHERE id = ?"),
      heads_(database, select_heads()),
      events_above_(database, select_events("room_id = ? AND seq > ? ORDER BY seq LIMIT ?")),
      events_below_(database, select_events("room_id = ? AND seq < ? ORDER BY seq DESC LIMIT ?")),
      messages_above_(database, select_events("room_id = ? AND seq > ? AND kind = 0 AND deleted = "
                                              "0 ORDER BY seq LIMIT ?")),
      messages_below_(database, select_events("room_id = ? AND seq < ? AND kind = 0 AND deleted = "
                                              "0 ORDER BY seq DESC LIMIT ?")),
      numbered_page_(database, select_events("room_id = ? AND seq >= ? AND kind = 0 AND deleted = "
                                             "0 ORDER BY seq LIMIT ? OFFSET ?")),
      deleted_below_(database,
                     "SELECT count(*) FROM messages WHERE room_id = ? AND seq < ? AND deleted = 1"),
      seq_of_id_(database, "SELECT seq FROM messages WHERE id = ? AND room_id = ?"),
      message_(database, select_events("id = ? AND kind = 0 AND deleted = 0")),
      count_all_(database, "SELECT coalesce(sum(messages - deleted), 0) FROM rooms"),
      fullest_rooms_(database,
                     "SELECT id, messages - deleted AS kept FROM rooms WHERE messages > deleted "
                     "ORDER BY kept DESC, id LIMIT ?"),
      rooms_(database,
             "SELECT id, head, members, created_at FROM rooms WHERE id > ? AND created_at > 0 "
             "ORDER BY id LIMIT ?"),
      room_(database,
            "SELECT id, head, members, created_at FROM rooms WHERE id = ? AND created_at > 0"),
      revocations_(database, "SELECT " + std::string{revoked_columns} +
                                 " FROM revoked_tokens WHERE expires_at > ?"),
      count_between_(database,
                     "SELECT count(*) FROM messages WHERE room_id = ? AND seq BETWEEN ? AND ?") {}

std::uint64_t Queries::epoch() {
  const std::uint64_t epoch = epoch_.with().step() ? epoch_.natural(0) : std::uint64_t{0};
  epoch_.reset();
  return epoch;
}

chat::Reply Queries::answer(const chat::ReadRequest& request) {
  const ReadTransaction transaction{database_};
  return std::visit([this](const auto& what) { return answer(what); }, request);
}

// ---- users -----------------------------------------------------------------------------------

chat::Reply Queries::answer(const chat::FindUser& find) {
  const std::string key = fold_name(find.username);
  Statement& statement = find.id != 0 ? user_by_id_.with(find.id) : user_by_name_.with(key);
  if (!statement.step()) return no_user();
  return chat::UserFound{user_of(statement)};
}

chat::Reply Queries::answer(const chat::FindCredentials& find) {
  const std::string key = fold_name(find.username);
  if (!credentials_.with(key, io::wall_clock()).step()) return no_user();
  return chat::CredentialsFound{user_of(credentials_), std::string{credentials_.text(6)}};
}

chat::Reply Queries::answer(const chat::ListUsers& list) {
  Statement& statement = list.online_only ? online_users_ : users_;
  statement.with(list.after, std::min(list.limit, max_page));
  chat::UsersListed listed;
  while (statement.step()) listed.users.push_back(user_of(statement));
  return listed;
}

chat::Reply Queries::answer(const chat::OpenSession& open) {
  if (!user_by_id_.with(open.user).step()) return no_user();
  chat::SessionOpened opened;
  opened.user = user_of(user_by_id_);
  opened.epoch = epoch();
  memberships_.with(open.user);
  while (memberships_.step()) {
    chat::Membership membership;
    membership.room = memberships_.text(0);
    membership.read = memberships_.natural(1);
    membership.head = memberships_.natural(2);
    membership.unread =
        unread_of(memberships_.natural(3), messages_up_to(membership.room, membership.read));
    opened.rooms.push_back(std::move(membership));
  }
  return opened;
}

// ---- events ----------------------------------------------------------------------------------

// A database that others write to may show an event before the one in front of it. Nobody is given
// a page with a hole: it is read again, by then all of it is there.
chat::Reply Queries::answer(const chat::ReadPage& read) {
  constexpr int reads = 3;
  for (int i = 0; i < reads; ++i) {
    chat::Reply reply = read_page(read);
    if (!std::holds_alternative<Failure>(reply)) return reply;
  }
  return Failure{FailureCode::unavailable, "The archive is behind, try again"};
}

chat::Reply Queries::read_page(const chat::ReadPage& read) {
  using Position = chat::ReadPage::Position;
  const unsigned limit = std::clamp(read.limit, 1u, max_page);
  const RoomFacts facts = facts_of(read.room);
  chat::PageRead page;
  page.room = read.room;
  page.head = facts.head;
  page.epoch = epoch();
  page.total = facts.messages - facts.deleted;
  if (read.position == Position::page) {
    if (!read_numbered_page(read, facts, page)) return Failure{};
    return page;
  }
  const bool upwards = read.position == Position::after_seq;
  chat::Seq below = facts.head + 1;
  chat::Seq above = 0;
  if (read.position == Position::before_seq) below = std::min<chat::Seq>(below, read.value);
  if (read.position == Position::after_seq) above = std::min<chat::Seq>(facts.head, read.value);
  if (read.position == Position::after_id) {
    if (seq_of_id_.with(read.value, read.room).step()) above = seq_of_id_.natural(0);
    seq_of_id_.reset();
  }
  Statement& statement = read.messages_only ? (upwards ? messages_above_ : messages_below_)
                                            : (upwards ? events_above_ : events_below_);
  statement.with(read.room, upwards ? above : below, limit + 1);  // one more tells of more
  page.events = read_events(statement, read.reader);
  if (!upwards) {
    std::erase_if(page.events, [above](const chat::Event& event) { return event.seq <= above; });
  }
  page.has_more = page.events.size() > limit;
  if (page.has_more) page.events.pop_back();
  if (has_hole(read, page, above, below)) return Failure{};
  if (!upwards) std::reverse(page.events.begin(), page.events.end());
  return page;
}

// Whether between the page's ends, and between it and where it begins, an event is missing.
bool Queries::has_hole(const chat::ReadPage& read, const chat::PageRead& page, chat::Seq above,
                       chat::Seq below) {
  if (!database_.shared()) return false;
  const bool upwards = read.position == chat::ReadPage::Position::after_seq;
  chat::Seq first = above + 1;
  chat::Seq last = below - 1;
  if (page.has_more) (upwards ? last : first) = page.events.back().seq;
  if (first > last) return false;
  if (!read.messages_only) return page.events.size() != last - first + 1;
  return !are_all_there(read.room, first, last);
}

bool Queries::are_all_there(const std::string& room, chat::Seq first, chat::Seq last) {
  count_between_.with(room, first, last);
  const bool there = !count_between_.step() || count_between_.natural(0) == last - first + 1;
  count_between_.reset();
  return there;
}

// Page n of the messages that are not deleted, in time independent of n: the place of the message
// with that number is found by bisection, as if none had been deleted; those that were deleted
// before it are what the page lies further on. False: an event is missing.
bool Queries::read_numbered_page(const chat::ReadPage& read, const RoomFacts& facts,
                                 chat::PageRead& page) {
  const unsigned limit = std::clamp(read.limit, 1u, max_page);
  const std::uint64_t pages_before = std::max<std::uint64_t>(read.value, 1) - 1;
  if (pages_before > page.total / limit) return true;
  const std::uint64_t ordinal = pages_before * limit;
  if (ordinal >= page.total) return true;
  const std::optional<chat::Seq> start = seq_of_message(read.room, ordinal, facts.head);
  if (!start) return false;
  std::uint64_t skip = 0;
  if (facts.deleted > 0) {
    if (deleted_below_.with(read.room, *start).step()) skip = deleted_below_.natural(0);
    deleted_below_.reset();
  }
  numbered_page_.with(read.room, *start, limit, skip);
  page.events = read_events(numbered_page_, read.reader);
  page.has_more = ordinal + page.events.size() < page.total;
  if (!database_.shared()) return true;
  const bool full = page.events.size() == limit;
  return are_all_there(read.room, *start, full ? page.events.back().seq : facts.head);
}

// The smallest seq before which there are `ordinal` messages, deleted ones included; nothing where
// an event on the way there is missing.
std::optional<chat::Seq> Queries::seq_of_message(const std::string& room, std::uint64_t ordinal,
                                                 chat::Seq head) {
  chat::Seq low = 1;
  chat::Seq high = head;
  while (low < high) {
    const chat::Seq middle = low + (high - low) / 2;
    const std::uint64_t up_to = messages_up_to(room, middle);
    if (up_to == 0) return std::nullopt;  // a room begins with a message
    if (up_to > ordinal) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

std::uint64_t Queries::messages_up_to(const std::string& room, chat::Seq seq) {
  if (seq == 0) return 0;
  const std::uint64_t count =
      count_up_to_.with(room, seq).step() ? count_up_to_.natural(0) : std::uint64_t{0};
  count_up_to_.reset();
  return count;
}

std::vector<chat::Event> Queries::read_events(Statement& statement, chat::UserId reader) {
  std::vector<chat::Event> events;
  while (statement.step()) {
    events.push_back(event_of(statement));
    if (events.back().sender != reader) events.back().client_message_id.clear();
  }
  statement.reset();
  return events;
}

chat::Reply Queries::answer(const chat::FindMessage& find) {
  if (!message_.with(find.id).step()) return Failure{FailureCode::not_found, "Message not found"};
  chat::MessageFound found{event_of(message_)};
  if (found.event.sender != find.reader) found.event.client_message_id.clear();
  return found;
}

// ---- rooms -----------------------------------------------------------------------------------

Queries::RoomFacts Queries::facts_of(const std::string& room) {
  RoomFacts facts;
  if (room_facts_.with(room).step()) {
    facts = {room_facts_.natural(0), room_facts_.natural(1), room_facts_.natural(2)};
  }
  room_facts_.reset();
  return facts;
}

chat::Reply Queries::answer(const chat::CountRoom& count) {
  const RoomFacts facts = facts_of(count.room);
  return chat::RoomCounted{count.room, facts.messages - facts.deleted};
}

chat::Reply Queries::answer(const chat::CountAll& count) {
  chat::AllCounted counted;
  if (count_all_.with().step()) counted.messages = count_all_.natural(0);
  fullest_rooms_.with(std::min(count.limit, max_page));
  while (fullest_rooms_.step()) {
    counted.rooms.push_back({std::string{fullest_rooms_.text(0)}, fullest_rooms_.natural(1)});
  }
  return counted;
}

chat::Reply Queries::answer(const chat::ListRooms& list) {
  rooms_.with(list.after, std::min(list.limit, max_page));
  chat::RoomsListed listed;
  while (rooms_.step()) {
    listed.rooms.push_back(
        {std::string{rooms_.text(0)}, rooms_.natural(1), rooms_.natural(2), rooms_.integer(3)});
  }
  return listed;
}

chat::Reply Queries::answer(const chat::FindRoom& find) {
  if (!room_.with(find.room).step()) return Failure{FailureCode::not_found, "Room not found"};
  return chat::RoomFound{
      {std::string{room_.text(0)}, room_.natural(1), room_.natural(2), room_.integer(3)}};
}

// By key, many rooms in one query; the last of them fills the places that are left.
chat::Reply Queries::answer(const chat::ReadHeads& read) {
  chat::HeadsRead heads;
  heads.epoch = epoch();
  std::unordered_map<std::string_view, std::pair<chat::Seq, chat::MessageId>> found;
  for (std::size_t first = 0; first < read.rooms.size(); first += heads_at_once) {
    const std::size_t last = std::min(read.rooms.size(), first + heads_at_once) - 1;
    std::array<std::string_view, heads_at_once> names;
    for (std::size_t i = 0; i < heads_at_once; ++i)
      names[i] = read.rooms[std::min(first + i, last)].room;
    for (std::size_t i = first; i <= last; ++i) found.try_emplace(read.rooms[i].room);
    heads_.with_each(names);
    while (heads_.step()) {
      const auto place = found.find(heads_.text(0));
      if (place != found.end()) place->second = {heads_.natural(1), heads_.natural(2)};
    }
    heads_.reset();
  }
  for (const auto& [room, delivered] : read.rooms) {
    const auto& [head, last_id] = found[room];
    heads.heads.push_back({room, head, last_id, delivered});
  }
  return heads;
}

chat::Reply Queries::answer(const chat::ListRevocations&) {
  chat::RevocationsListed listed;
  revocations_.with(io::wall_clock());
  while (revocations_.step()) listed.tokens.push_back(revoked_of(revocations_));
  return listed;
}

// ---- the reader ------------------------------------------------------------------------------

ArchiveReader::ArchiveReader(std::unique_ptr<Database> database, io::Wake wake,
                             const ArchiveOptions& options, std::string_view epoch_query,
                             std::vector<chat::ShardInbox*> inboxes)
    : database_(std::move(database)),
      queries_(*database_, epoch_query),
      wake_(std::move(wake)),
      inboxes_(std::move(inboxes)),
      mailbox_(options.mailbox_items) {}

bool ArchiveReader::post(ReadRequestWithTicket&& request) {
  if (!mailbox_.post(std::move(request))) return false;
  wake_.notify();
  return true;
}

// Where the connection was lost, on a new one; a question may be asked twice.
chat::Reply ArchiveReader::answer(const chat::ReadRequest& request) {
  chat::Reply reply = queries_.answer(request);
  if (database_->failed() && database_->reconnect()) reply = queries_.answer(request);
  if (!database_->failed()) return reply;
  base::log(base::LogLevel::error, "the archive could not be read",
            {{"error", database_->failure()}});
  database_->clear_failure();
  return Failure{FailureCode::unavailable, "The archive cannot be read now, try again"};
}

bool ArchiveReader::turn() {
  std::vector<bool> touched(inboxes_.size());
  std::size_t done = 0;
  while (done < max_turn) {
    std::optional<ReadRequestWithTicket> request = mailbox_.take();
    if (!request) break;
    ++done;
    chat::Reply reply = answer(request->request);
    CHECK(request->ticket.shard < inboxes_.size());
    inboxes_[request->ticket.shard]->reply({request->ticket, std::move(reply)});
    touched[request->ticket.shard] = true;
  }
  for (std::size_t shard = 0; shard < touched.size(); ++shard) {
    if (touched[shard]) inboxes_[shard]->wake();
  }
  return done > 0;
}

void ArchiveReader::wait(base::Duration longest) {
  wake_.prepare_sleep();
  if (!mailbox_.ready()) wake_.wait(longest);
  wake_.awake();
}

}  // namespace starling::store
