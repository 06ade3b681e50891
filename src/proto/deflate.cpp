#include "proto/deflate.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>

#include "base/check.hpp"

namespace starling::proto {
namespace {

// What a sync flush ends with; it is left out on the wire (section 7.2.1).
constexpr std::string_view flush_tail{"\x00\x00\xff\xff", 4};
constexpr std::size_t step_bytes = 16 * 1024;
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
  Impl() { CHECK(inflateInit2(&stream, -MAX_WBITS) == Z_OK); }  // fails without memory only
  ~Impl() { inflateEnd(&stream); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result inflate(std::string_view deflated, std::size_t max_bytes, std::string* out);
  Result take(std::string_view piece, std::size_t max_bytes);

  z_stream stream{};
  bool between_blocks = false;  // the data may end here
  std::string* out = nullptr;   // nullptr: what comes out is only counted
  std::size_t size = 0;         // of what has come out
  std::array<char, step_bytes> scratch;
};

Inflater::Inflater() = default;
Inflater::~Inflater() = default;

Inflater::Result Inflater::inflate(std::string_view deflated, std::size_t max_bytes,
                                   std::string& out) {
  if (!impl_) impl_ = std::make_unique<Impl>();
  const std::size_t usual = std::min(max_bytes, step_bytes + usual_growth * deflated.size());
  Result result = impl_->inflate(deflated, usual, &out);
  if (result != Result::too_big || usual == max_bytes) return result;
  result = impl_->inflate(deflated, max_bytes, nullptr);
  if (result != Result::whole) return result;
  return impl_->inflate(deflated, max_bytes, &out);
}

Inflater::Result Inflater::Impl::inflate(std::string_view deflated, std::size_t max_bytes,
                                         std::string* into) {
  CHECK(inflateReset(&stream) == Z_OK);
  between_blocks = false;
  out = into;
  if (out) out->clear();
  size = 0;
  Result result = take(deflated, max_bytes);
  if (result == Result::whole) result = take(flush_tail, max_bytes);
  if (result == Result::whole && !between_blocks) result = Result::malformed;
  return result;
}

Inflater::Result Inflater::Impl::take(std::string_view piece, std::size_t max_bytes) {
  stream.next_in = bytes_of(piece);
  stream.avail_in = length_of(piece.size());
  for (;;) {
    // One byte beyond the bound tells a message of exactly that size from a larger one.
    const std::size_t room = std::min(step_bytes, max_bytes + 1 - size);
    if (out) out->resize(size + room);
    stream.next_out = reinterpret_cast<Bytef*>(out ? out->data() + size : scratch.data());
    stream.avail_out = length_of(room);
    const uInt in_before = stream.avail_in;
    const int code = ::inflate(&stream, Z_SYNC_FLUSH);
    const bool moved = stream.avail_in != in_before || stream.avail_out != room;
    size += room - stream.avail_out;
    if (out) out->resize(size);
    if (size > max_bytes) return Result::too_big;
    if (moved) between_blocks = (stream.data_type & 128) != 0;  // zlib.h, inflate()
    if (code == Z_STREAM_END) {
      // A block that calls itself the last one may be followed by others (section 7.2.3.4).
      CHECK(inflateReset(&stream) == Z_OK);
    } else if (code == Z_BUF_ERROR) {
      return Result::whole;  // all is read and all has come out
    } else if (code != Z_OK) {
      return Result::malformed;
    }
  }
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
};

Deflater::Deflater() = default;
Deflater::~Deflater() = default;

std::string Deflater::deflate(std::string_view message, unsigned window_bits) {
  if (!impl_ || impl_->window_bits != window_bits) {
    impl_.reset();  // before the next: one stream at a time
    impl_ = std::make_unique<Impl>(window_bits);
  } else {
    CHECK(deflateReset(&impl_->stream) == Z_OK);
  }
  z_stream& stream = impl_->stream;
  std::string out;
  stream.next_in = bytes_of(message);
  stream.avail_in = length_of(message.size());
  do {
    const std::size_t before = out.size();
    out.resize(before + step_bytes);
    stream.next_out = bytes_of(out) + before;
    stream.avail_out = step_bytes;
    CHECK(::deflate(&stream, Z_SYNC_FLUSH) != Z_STREAM_ERROR);
    out.resize(before + step_bytes - stream.avail_out);
  } while (stream.avail_out == 0);
  CHECK(out.ends_with(flush_tail));
  out.resize(out.size() - flush_tail.size());
  return out;
}

}  // namespace starling::proto
