#include "proto/deflate.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <utility>

#include "base/check.hpp"
#include "base/renew.hpp"
#include "proto/utf8.hpp"

namespace starling::proto {
namespace {

// What a sync flush ends with; it is left out on the wire (section 7.2.1).
constexpr std::string_view flush_tail{"\x00\x00\xff\xff", 4};
constexpr std::size_t step_bytes = 16 * 1024;
constexpr std::size_t slice_out_bytes = 64 * 1024;  // a tenth of a millisecond, of zeros
constexpr std::size_t slice_in_bytes = 16 * 1024;   // blocks may bring nothing, and yet take time
constexpr std::size_t kept_bytes = 64 * 1024;       // a larger message does not stay behind
// Texts are a third to a tenth as long deflated. What grows beyond this is measured before any of
// it is kept: a bomb costs time, and no memory.
constexpr std::size_t usual_growth = 16;
constexpr unsigned least_zlib_window = 9;  // zlib has no raw stream with a smaller one
constexpr int memory_level = 8;

// zlib's interface is older than const.
Bytef* bytes_of(std::string_view text) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
}

uInt length_of(std::size_t size) {
  return static_cast<uInt>(std::min<std::size_t>(size, std::numeric_limits<uInt>::max()));
}

}  // namespace

struct Inflater::Impl {
  enum class Pass : std::uint8_t {
    usual,     // keeps what comes out, up to the usual growth
    counting,  // keeps nothing
    keeping,   // it is known to fit
  };

  Impl() { CHECK(inflateInit2(&stream, -MAX_WBITS) == Z_OK); }  // fails without memory only
  ~Impl() { inflateEnd(&stream); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void start(Pass pass);
  Result step();
  Result end_pass(Result result);
  std::size_t bound() const { return pass == Pass::usual ? usual_bytes : max_bytes; }

  z_stream stream{};
  std::string_view deflated;  // the message
  std::size_t max_bytes = 0;
  std::size_t usual_bytes = 0;
  bool is_text = false;

  Pass pass = Pass::usual;
  std::string_view unread;      // of the deflated bytes, what zlib was not given yet
  bool tail_given = false;      // the flush that is left out on the wire
  bool between_blocks = false;  // the data may end here
  std::size_t size = 0;         // of what has come out in this pass
  std::string out;
  Utf8Check utf8;
  std::array<char, step_bytes> scratch;

  std::size_t slice_in = 0;  // what is left of the slice
  std::size_t slice_out = 0;
};

Inflater::Inflater() : impl_(std::make_unique<Impl>()) {}
Inflater::~Inflater() = default;

void Inflater::begin(std::string_view deflated, std::size_t max_bytes, bool is_text) {
  Impl& impl = *impl_;
  impl.deflated = deflated;
  impl.max_bytes = max_bytes;
  impl.usual_bytes = std::min(max_bytes, step_bytes + usual_growth * deflated.size());
  impl.is_text = is_text;
  impl.start(Impl::Pass::usual);
}

Inflater::Result Inflater::go_on() {
  impl_->slice_in = slice_in_bytes;
  impl_->slice_out = slice_out_bytes;
  Result result = Result::unfinished;
  while (result == Result::unfinished && impl_->slice_in > 0 && impl_->slice_out > 0) {
    result = impl_->step();
  }
  return result;
}

const std::string& Inflater::out() const { return impl_->out; }

void Inflater::reset() {
  impl_->deflated = impl_->unread = {};
  if (impl_->out.capacity() > kept_bytes) base::renew(impl_->out);
  impl_->out.clear();
}

void Inflater::Impl::start(Pass which) {
  CHECK(inflateReset(&stream) == Z_OK);
  // What fits is taken from the kernel at once: nothing is moved while it grows.
  if (which == Pass::keeping) out.reserve(size);
  pass = which;
  unread = deflated;
  stream.avail_in = 0;
  tail_given = false;
  between_blocks = false;
  size = 0;
  out.clear();
  utf8 = {};
}

// One call of zlib.
Inflater::Result Inflater::Impl::step() {
  if (stream.avail_in == 0 && !unread.empty()) {
    const std::string_view piece = unread.substr(0, slice_in);
    unread.remove_prefix(piece.size());
    stream.next_in = bytes_of(piece);
    stream.avail_in = length_of(piece.size());
  }
  // One byte beyond the bound tells a message of exactly that size from a larger one.
  const std::size_t room = std::min({step_bytes, slice_out, bound() + 1 - size});
  const bool keeps = pass != Pass::counting;
  if (keeps) out.resize(size + room);
  stream.next_out = reinterpret_cast<Bytef*>(keeps ? out.data() + size : scratch.data());
  stream.avail_out = length_of(room);
  const uInt in_before = stream.avail_in;
  const int code = ::inflate(&stream, Z_SYNC_FLUSH);
  const std::size_t read = in_before - stream.avail_in;
  const std::size_t made = room - stream.avail_out;
  slice_in -= std::min(slice_in, read);
  slice_out -= made;
  if (keeps) {
    out.resize(size + made);
    if (is_text && !utf8.take(std::string_view{out}.substr(size))) return Result::not_text;
  }
  size += made;
  if (size > bound()) return end_pass(Result::too_big);
  if (read + made > 0) between_blocks = (stream.data_type & 128) != 0;  // zlib.h, inflate()
  if (code == Z_STREAM_END) {
    // A block that calls itself the last one may be followed by others (section 7.2.3.4).
    CHECK(inflateReset(&stream) == Z_OK);
    return Result::unfinished;
  }
  if (code != Z_OK && code != Z_BUF_ERROR) return Result::malformed;
  if (code == Z_OK || !unread.empty()) return Result::unfinished;
  if (!std::exchange(tail_given, true)) {  // all is read and all has come out
    unread = flush_tail;
    return Result::unfinished;
  }
  return end_pass(between_blocks ? Result::whole : Result::malformed);
}

// What grew more than usual is measured, and what then fits is kept.
Inflater::Result Inflater::Impl::end_pass(Result result) {
  if (pass == Pass::usual && result == Result::too_big && usual_bytes < max_bytes) {
    start(Pass::counting);
    return Result::unfinished;
  }
  if (pass == Pass::counting && result == Result::whole) {
    start(Pass::keeping);
    return Result::unfinished;
  }
  if (result == Result::whole && is_text && !utf8.complete()) return Result::not_text;
  return result;
}

struct Deflater::Impl {
  explicit Impl(unsigned bits) : window_bits(bits) {
    // In the smallest window zlib would look back too far: there it only codes bytes by their
    // frequency, and looks back nowhere.
    const bool smallest = bits < least_zlib_window;
    CHECK(deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED,
                       -static_cast<int>(std::max(bits, least_zlib_window)), memory_level,
                       smallest ? Z_HUFFMAN_ONLY : Z_DEFAULT_STRATEGY) == Z_OK);
  }
  ~Impl() { deflateEnd(&stream); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  z_stream stream{};
  unsigned window_bits;
  std::string_view unread;  // of the message
  std::string out;
};

Deflater::Deflater() = default;
Deflater::~Deflater() = default;

std::string Deflater::deflate(std::string_view message, unsigned window_bits) {
  begin(message, window_bits);
  while (!go_on()) {
  }
  return take();
}

void Deflater::begin(std::string_view message, unsigned window_bits) {
  if (!impl_ || impl_->window_bits != window_bits) {
    impl_.reset();  // before the next: one stream at a time
    impl_ = std::make_unique<Impl>(window_bits);
  } else {
    CHECK(deflateReset(&impl_->stream) == Z_OK);
  }
  impl_->unread = message;
  impl_->out.clear();
}

bool Deflater::go_on() {
  z_stream& stream = impl_->stream;
  std::string& out = impl_->out;
  const std::string_view piece = impl_->unread.substr(0, slice_bytes);
  impl_->unread.remove_prefix(piece.size());
  const bool last = impl_->unread.empty();
  stream.next_in = bytes_of(piece);
  stream.avail_in = length_of(piece.size());
  do {
    const std::size_t before = out.size();
    out.resize(before + step_bytes);
    stream.next_out = bytes_of(out) + before;
    stream.avail_out = step_bytes;
    CHECK(::deflate(&stream, last ? Z_SYNC_FLUSH : Z_NO_FLUSH) != Z_STREAM_ERROR);
    out.resize(before + step_bytes - stream.avail_out);
  } while (stream.avail_out == 0);
  return last;
}

std::string Deflater::take() {
  std::string out = std::exchange(impl_->out, {});
  CHECK(out.ends_with(flush_tail));
  out.resize(out.size() - flush_tail.size());
  return out;
}

}  // namespace starling::proto
