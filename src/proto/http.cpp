#include "proto/http.hpp"

#include <llhttp.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.hpp"
#include "base/renew.hpp"
#include "proto/chunked.hpp"
#include "proto/http_head.hpp"
#include "proto/tokens.hpp"

namespace starling::proto {
namespace {

constexpr std::size_t usual_headers = 16;  // of a browser

Method method_of(const llhttp_t& parser) {
  switch (llhttp_get_method(const_cast<llhttp_t*>(&parser))) {
    case HTTP_GET:
      return Method::get;
    case HTTP_HEAD:
      return Method::head;
    case HTTP_POST:
      return Method::post;
    case HTTP_PUT:
      return Method::put;
    case HTTP_PATCH:
      return Method::patch;
    case HTTP_DELETE:
      return Method::del;
    default:
      return Method::options;  // check_request_line() lets no other pass
  }
}

}  // namespace

std::string_view to_string(Method method) {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::head:
      return "HEAD";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::patch:
      return "PATCH";
    case Method::del:
      return "DELETE";
    case Method::options:
      return "OPTIONS";
  }
  return {};
}

std::string_view HttpRequest::header(std::string_view name) const {
  for (const auto& header : headers) {
    if (header.first == name) return header.second;
  }
  return {};
}

bool HttpRequest::lists(std::string_view name, std::string_view token) const {
  return std::ranges::any_of(headers, [name, token](const auto& header) {
    return header.first == name && list_has_token(header.second, token);
  });
}

const std::string* HttpRequest::query_value(std::string_view name) const {
  for (const auto& parameter : query) {
    if (parameter.first == name) return &parameter.second;
  }
  return nullptr;
}

struct HttpReader::Impl {
  explicit Impl(std::size_t limit) : max_body_bytes(limit) {
    llhttp_settings_init(&settings);
    settings.on_url = on_url;
    settings.on_header_field = on_header_field;
    settings.on_header_value = on_header_value;
    settings.on_headers_complete = on_headers_complete;
    begin();
  }

  void begin() {
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = this;
    state = State::head;
    scanner = {};
    head.clear();
    base::renew(request);  // a connection that waits for its next request holds no body
    refusal = {};
    plan = {};
    chunks.reset();
    in_body = continue_due = false;
  }

  void refuse(Refusal why) {
    refusal = why;
    state = State::refused;
    // The body of a HEAD may be what is refused.
    refused_head = head.starts_with("HEAD ") || (in_body && request.method == Method::head);
    base::renew(head);
    base::renew(request);
  }

  std::size_t feed_head(std::string_view bytes);
  void parse_head();
  std::size_t feed_body(std::string_view bytes);

  static Impl& of(llhttp_t* parser) { return *static_cast<Impl*>(parser->data); }
  static int on_url(llhttp_t* parser, const char* at, size_t size) {
    of(parser).request.target.append(at, size);
    return 0;
  }
  static int on_header_field(llhttp_t* parser, const char* at, size_t size) {
    Impl& self = of(parser);
    auto& headers = self.request.headers;
    if (headers.empty()) headers.reserve(usual_headers);
    if (self.last_was_value || headers.empty()) headers.emplace_back();
    self.last_was_value = false;
    std::string& name = headers.back().first;
    const std::size_t known = name.size();
    name.append(at, size);
    for (char& c : std::span{name}.subspan(known)) c = lower(c);
    return 0;
  }
  static int on_header_value(llhttp_t* parser, const char* at, size_t size) {
    Impl& self = of(parser);
    self.request.headers.back().second.append(at, size);
    self.last_was_value = true;
    return 0;
  }
  // The body is read here (chunked.hpp): the parser stops behind the head.
  static int on_headers_complete(llhttp_t*) { return HPE_PAUSED; }

  const std::size_t max_body_bytes;
  llhttp_settings_t settings{};
  llhttp_t parser{};
  State state = State::head;
  HeadScanner scanner;
  std::string head;
  HttpRequest request;
  Refusal refusal;
  BodyPlan plan;
  std::optional<ChunkedBody> chunks;
  bool in_body = false;
  bool last_was_value = true;
  bool refused_head = false;
  bool continue_due = false;
};

std::size_t HttpReader::Impl::feed_head(std::string_view bytes) {
  const std::size_t taken = scanner.take(bytes);
  if (scanner.begun()) head += bytes.substr(0, taken);
  if (scanner.refusal()) {
    head.erase(0, head.find_first_not_of("\r\n"));
    refuse(scanner.refusal());
  } else if (scanner.complete()) {
    parse_head();
  }
  return state == State::refused ? bytes.size() : taken;
}

void HttpReader::Impl::parse_head() {
  head.erase(0, head.find_first_not_of("\r\n"));
  if (const Refusal wrong = check_request_line(head)) return refuse(wrong);
  last_was_value = true;
  const llhttp_errno_t result = llhttp_execute(&parser, head.data(), head.size());
  request.method = method_of(parser);
  for (auto& [name, value] : request.headers) {
    const std::string_view trimmed = trim(value);
    if (trimmed.size() != value.size()) value = std::string{trimmed};
  }
  const bool http_1_1 = llhttp_get_http_minor(&parser) == 1;
  const bool parsed = result == HPE_PAUSED;
  // The parser refuses a transfer coding that it does not know; which answer that deserves is
  // decided by the same rules as for those it lets pass.
  if (parsed || result == HPE_INVALID_TRANSFER_ENCODING) {
    if (const Refusal wrong = check_headers(request, {http_1_1, max_body_bytes}, plan)) {
      return refuse(wrong);
    }
  }
  if (!parsed) return refuse({400, "The head is malformed"});
  if (const Refusal wrong = decode_target(request)) return refuse(wrong);
  request.keep_alive = llhttp_should_keep_alive(&parser) != 0;
  head.clear();
  if (!plan.is_chunked && plan.length == 0) {
    // Another protocol that an Upgrade names is not spoken here: the request stands as it is.
    request.upgrade = request.method == Method::get && http_1_1 &&
                      request.lists("upgrade", "websocket") &&
                      request.lists("connection", "upgrade");
    state = State::complete;
    return;
  }
  if (plan.is_chunked) chunks.emplace(max_body_bytes);
  in_body = true;
  state = State::body;
  continue_due = http_1_1 && !request.header("expect").empty();
}

std::size_t HttpReader::Impl::feed_body(std::string_view bytes) {
  continue_due = false;
  if (!plan.is_chunked) {
    const std::string_view piece = bytes.substr(0, plan.length - request.body.size());
    request.body += piece;
    if (request.body.size() == plan.length) state = State::complete;
    return piece.size();
  }
  const std::size_t taken = chunks->take(bytes, request.body);
  switch (chunks->state()) {
    case ChunkedBody::State::reading:
      break;
    case ChunkedBody::State::complete:
      state = State::complete;
      break;
    case ChunkedBody::State::malformed:
      refuse({400, "The body is malformed"});
      break;
    case ChunkedBody::State::too_large:
      refuse({413, "The body is too large"});
      break;
    case ChunkedBody::State::wasteful:
      refuse({400, "Chunks with hardly any data"});
      break;
  }
  return taken;
}

HttpReader::HttpReader(std::size_t max_body_bytes)
    : impl_(std::make_unique<Impl>(max_body_bytes)) {}
HttpReader::~HttpReader() = default;
HttpReader::HttpReader(HttpReader&&) noexcept = default;
HttpReader& HttpReader::operator=(HttpReader&&) noexcept = default;

std::size_t HttpReader::feed(std::span<const std::byte> bytes) {
  const std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  std::size_t taken = 0;
  if (impl_->state == State::head) taken = impl_->feed_head(text);
  if (impl_->state == State::body && taken < text.size()) {
    taken += impl_->feed_body(text.substr(taken));
  }
  return impl_->state == State::refused ? text.size() : taken;
}

HttpReader::State HttpReader::state() const { return impl_->state; }

bool HttpReader::begun() const { return impl_->state == State::body || impl_->scanner.begun(); }

bool HttpReader::wants_continue() {
  return impl_->state == State::body && std::exchange(impl_->continue_due, false);
}

int HttpReader::status() const {
  CHECK(impl_->state == State::refused);
  return impl_->refusal.status;
}

std::string_view HttpReader::reason() const {
  CHECK(impl_->state == State::refused);
  return impl_->refusal.reason;
}

bool HttpReader::refused_head() const {
  CHECK(impl_->state == State::refused);
  return impl_->refused_head;
}

HttpRequest& HttpReader::request() {
  CHECK(impl_->state == State::complete);
  return impl_->request;
}

void HttpReader::next() {
  CHECK(impl_->state == State::complete);
  impl_->begin();
}

}  // namespace starling::proto
