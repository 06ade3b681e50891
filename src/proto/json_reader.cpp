#include "proto/json_reader.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace starling::proto {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t first_buffer_bytes = 4 * 1024;

static_assert(sizeof(dom::element) <= 16 && alignof(dom::element) <= 8);
static_assert(std::is_trivially_copyable_v<dom::element>);
static_assert(sizeof(dom::object::iterator) <= 32 && alignof(dom::object::iterator) <= 8);

template <typename Stored>
Stored load(const std::byte* at) {
  Stored stored;
  std::memcpy(static_cast<void*>(&stored), at, sizeof stored);
  return stored;
}

template <typename Stored>
void store(std::byte* at, const Stored& stored) {
  std::memcpy(at, &stored, sizeof stored);
}

}  // namespace

struct JsonReader::Impl {
  explicit Impl(std::size_t limit) : max_bytes(limit), parser(limit) {}

  std::size_t max_bytes;
  dom::parser parser;
  std::unique_ptr<char[]> buffer;
  std::size_t capacity = 0;  // of documents, without the padding
};

JsonReader::JsonReader(std::size_t max_bytes) : impl_(std::make_unique<Impl>(max_bytes)) {}
JsonReader::~JsonReader() = default;
JsonReader::JsonReader(JsonReader&&) noexcept = default;
JsonReader& JsonReader::operator=(JsonReader&&) noexcept = default;

std::optional<JsonValue> JsonReader::parse(std::string_view text) {
  Impl& impl = *impl_;
  if (text.empty() || text.size() > impl.max_bytes) return std::nullopt;
  if (text.size() > impl.capacity) {
    const std::size_t wanted = std::max({first_buffer_bytes, text.size(), impl.capacity * 2});
    impl.capacity = std::min(wanted, impl.max_bytes);
    impl.buffer = std::make_unique<char[]>(impl.capacity + simdjson::SIMDJSON_PADDING);
    if (impl.parser.allocate(impl.capacity, max_json_depth) != simdjson::SUCCESS)
      return std::nullopt;
  }
  std::memcpy(impl.buffer.get(), text.data(), text.size());
  dom::element root;
  const auto parsed = impl.parser.parse(impl.buffer.get(), text.size(), false);
  if (parsed.get(root) != simdjson::SUCCESS) return std::nullopt;
  JsonValue value;
  store(value.element_, root);
  return value;
}

bool JsonValue::is_null() const { return load<dom::element>(element_).is_null(); }
bool JsonValue::is_object() const { return load<dom::element>(element_).is_object(); }

std::optional<std::string_view> JsonValue::string() const {
  std::string_view text;
  if (load<dom::element>(element_).get(text) != simdjson::SUCCESS) return std::nullopt;
  return text;
}

std::optional<bool> JsonValue::boolean() const {
  bool truth = false;
  if (load<dom::element>(element_).get(truth) != simdjson::SUCCESS) return std::nullopt;
  return truth;
}

std::optional<std::uint64_t> JsonValue::unsigned_integer() const {
  std::uint64_t number = 0;
  if (load<dom::element>(element_).get(number) != simdjson::SUCCESS) return std::nullopt;
  return number;
}

std::string JsonValue::text() const { return simdjson::minify(load<dom::element>(element_)); }

std::optional<JsonValue> JsonValue::member(std::string_view name) const {
  dom::object object;
  dom::element found;
  if (load<dom::element>(element_).get(object) != simdjson::SUCCESS) return std::nullopt;
  if (object.at_key(name).get(found) != simdjson::SUCCESS) return std::nullopt;
  JsonValue value;
  store(value.element_, found);
  return value;
}

std::optional<std::vector<JsonValue>> JsonValue::elements() const {
  dom::array array;
  if (load<dom::element>(element_).get(array) != simdjson::SUCCESS) return std::nullopt;
  std::vector<JsonValue> values;
  values.reserve(array.size());
  for (const dom::element element : array) store(values.emplace_back().element_, element);
  return values;
}

JsonValue::Cursor JsonValue::first_member() const {
  Cursor cursor;
  dom::object object;
  if (load<dom::element>(element_).get(object) != simdjson::SUCCESS) return cursor;
  store(cursor.at, object.begin());
  store(cursor.end, object.end());
  cursor.valid = object.begin() != object.end();
  if (cursor.valid) cursor.key = object.begin().key();
  return cursor;
}

void JsonValue::next_member(Cursor& cursor) {
  auto at = load<dom::object::iterator>(cursor.at);
  const auto end = load<dom::object::iterator>(cursor.end);
  ++at;
  store(cursor.at, at);
  cursor.valid = at != end;
  if (cursor.valid) cursor.key = at.key();
}

JsonValue JsonValue::Cursor::value() const {
  JsonValue value;
  store(value.element_, load<dom::object::iterator>(at).value());
  return value;
}

}  // namespace starling::proto
