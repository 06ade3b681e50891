// Sending: what is for this client alone, ranges of rooms, and the one send that is in flight.
#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "net/connection.hpp"
#include "net/connection_parts.hpp"

namespace starling::net {
namespace {

constexpr std::size_t small_chunk_bytes = 1'024;      // for a reply or two
constexpr std::size_t large_chunk_bytes = 16 * 1024;  // when replies pile up
constexpr std::size_t max_spare_sends = 256;

}  // namespace

bool Connection::can_send() const { return !send_in_flight_ && state_ < State::lingering; }

base::Duration Connection::stuck_for() const {
  return send_in_flight_ ? context_.now - since_ : base::Duration::zero();
}

bool Connection::private_pending() const {
  return private_ && (private_->bytes > 0 || private_->pong_due);
}

std::size_t Connection::private_bytes() const { return private_ ? private_->bytes : 0; }

void Connection::append_private(std::string_view bytes) {
  if (!private_) private_ = std::make_unique<PrivateBytes>();
  PrivateBytes& waiting = *private_;
  if (waiting.segments.empty() || waiting.segments.back().chunk.room() < bytes.size()) {
    const std::size_t usual = waiting.segments.empty() ? small_chunk_bytes : large_chunk_bytes;
    waiting.segments.push_back(
        {base::ChunkRef::allocate(*context_.budget, std::max(usual, bytes.size())), 0, 0});
  }
  Segment& last = waiting.segments.back();
  last.chunk.append(std::as_bytes(std::span{bytes}));
  last.size += static_cast<std::uint32_t>(bytes.size());
  waiting.bytes += bytes.size();
}

void Connection::flush() {
  if (can_send() && private_pending()) send_segments({});
}

std::size_t Connection::send_segments(std::span<const Segment> segments) {
  CHECK(can_send());
  write_due_pong();
  const std::size_t waiting = private_ ? private_->segments.size() : 0;
  if (waiting + segments.size() == 0) return 0;
  send_in_flight_ = true;
  since_ = context_.now;
  ++context_.metrics->sends;
  const io::Token token{io::Operation::send, self_};

  if (waiting + segments.size() == 1) {  // the way of nearly every delivery
    if (waiting == 1) {
      single_ = std::move(private_->segments.front());
    } else {
      single_ = segments.front();
    }
    private_.reset();
    context_.ring->send(socket_, {single_.chunk.data() + single_.offset, single_.size}, token);
    return segments.size();
  }

  if (context_.spare_sends.empty()) {
    gathered_ = std::make_unique<GatheredSend>();
  } else {
    gathered_ = std::move(context_.spare_sends.back());
    context_.spare_sends.pop_back();
  }
  std::size_t count = 0;
  std::size_t bytes = 0;
  const auto take = [&](const Segment& segment) {
    if (count == max_segments_per_send) return false;
    if (count > 0 && bytes + segment.size > max_bytes_per_send) return false;
    gathered_->segments[count] = segment;
    gathered_->ranges[count] = {const_cast<std::byte*>(segment.chunk.data()) + segment.offset,
                                segment.size};
    bytes += segment.size;
    ++count;
    return true;
  };
  std::size_t from_private = 0;
  while (from_private < waiting && take(private_->segments[from_private])) ++from_private;
  std::size_t from_segments = 0;
  if (from_private == waiting) {
    private_.reset();
    while (from_segments < segments.size() && take(segments[from_segments])) ++from_segments;
  } else {
    private_->bytes -= bytes;
    auto& left = private_->segments;
    left.erase(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(from_private));
  }
  gathered_->message = {};
  gathered_->message.msg_iov = gathered_->ranges.data();
  gathered_->message.msg_iovlen = count;
  context_.ring->send_gather(socket_, &gathered_->message, token);
  return from_segments;
}

void Connection::on_sent(const io::Completion& completion) {
  CHECK(send_in_flight_);
  if (completion.result <= 0) {
    finish_send();
    abort(ending_of_error(completion.result));
    climb_down();
    return;
  }
  auto sent = static_cast<std::size_t>(completion.result);
  context_.metrics->bytes_sent += sent;
  const io::Token token{io::Operation::send, self_};
  if (!gathered_) {
    single_.offset += static_cast<std::uint32_t>(sent);
    single_.size -= static_cast<std::uint32_t>(sent);
    if (single_.size > 0 && state_ < State::shut) {
      since_ = context_.now;
      context_.ring->send(socket_, {single_.chunk.data() + single_.offset, single_.size}, token);
      return;
    }
  } else {
    msghdr& message = gathered_->message;
    while (message.msg_iovlen > 0 && sent >= message.msg_iov->iov_len) {
      sent -= message.msg_iov->iov_len;
      ++message.msg_iov;
      --message.msg_iovlen;
    }
    if (message.msg_iovlen > 0 && state_ < State::shut) {
      message.msg_iov->iov_base = static_cast<char*>(message.msg_iov->iov_base) + sent;
      message.msg_iov->iov_len -= sent;
      since_ = context_.now;
      context_.ring->send_gather(socket_, &message, token);
      return;
    }
  }
  finish_send();
  if (open()) context_.owner->on_writable(*this);
  if (state_ == State::http) {
    read_carry();  // requests that waited until answers were read
    leave_at_end();
  }
  climb_down();
}

void Connection::finish_send() {
  send_in_flight_ = false;
  single_ = {};
  if (!gathered_) return;
  for (Segment& segment : gathered_->segments) segment = {};
  if (context_.spare_sends.size() < max_spare_sends) {
    context_.spare_sends.push_back(std::move(gathered_));
  }
  gathered_.reset();
}

}  // namespace starling::net
