#include "proto/http_head.hpp"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "proto/tokens.hpp"

namespace starling::proto {
namespace {

constexpr std::size_t max_blank_lines = 4;
// What a request line has besides its target: the longest method, two spaces, the version.
constexpr std::size_t request_line_extra = 32;

bool is_token_char(char c) {  // RFC 9110, section 5.6.2
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         marks.find(c) != std::string_view::npos;
}

bool is_known_method(std::string_view method) {
  constexpr std::string_view known[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
  return std::ranges::find(known, method) != std::end(known);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Nothing where an escape is broken, or the bytes are not UTF-8 or hold a NUL.
std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (text.size() - i < 3) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0 || high + low == 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  if (!simdjson::validate_utf8(out.data(), out.size())) return std::nullopt;
  return out;
}

bool valid_host(std::string_view host) {
  if (host.size() > 255) return false;
  return std::ranges::all_of(host, [](char c) {
    constexpr std::string_view marks = "-._~%!$&'()*+,;=:[]";  // RFC 3986, 3.2.2 and 3.2.3
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           marks.find(c) != std::string_view::npos;
  });
}

Refusal check_length(const HttpRequest& request, const HeadFacts& facts) {
  const auto count = [&request](std::string_view name) {
    return std::ranges::count(request.headers, name,
                              [](const auto& header) { return std::string_view{header.first}; });
  };
  const auto codings = count("transfer-encoding");
  const auto lengths = count("content-length");
  if (codings > 0) {
    if (lengths > 0) return {400, "Content-Length beside Transfer-Encoding"};
    if (!facts.http_1_1) return {400, "Transfer-Encoding in HTTP/1.0"};
    if (codings > 1 || !equal_ignoring_case(request.header("transfer-encoding"), "chunked")) {
      return {501, "The only transfer coding here is chunked"};
    }
    if (request.method == Method::get || request.method == Method::head) {
      return {400, "Transfer-Encoding without a reason for a body"};
    }
    return {};
  }
  if (lengths > 1) return {400, "More than one Content-Length"};
  const bool wants_body = request.method == Method::post || request.method == Method::put ||
                          request.method == Method::patch;
  if (lengths == 0) return wants_body ? Refusal{411, "Content-Length is required"} : Refusal{};
  const std::string_view text = request.header("content-length");
  if (text.empty() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) {
    return {400, "Content-Length is not a number"};
  }
  std::size_t length = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), length);
  if (parsed.ec != std::errc{} || length > facts.max_body_bytes) {
    return {413, "The body is too large"};
  }
  return {};
}

}  // namespace

bool HeadScanner::refuse(int status, std::string_view reason) {
  refusal_ = {status, reason};
  return true;
}

bool HeadScanner::take(char byte) {
  const char before = last_;
  last_ = byte;
  if (before == '\r' && byte != '\n') return refuse(400, "A carriage return without a line feed");
  if (byte == '\0') return refuse(400, "A NUL byte in the head");
  if (byte == '\n') {
    if (before != '\r') return refuse(400, "A line feed without a carriage return");
    if (!begun_) {
      if (++blank_lines_ > max_blank_lines) return refuse(400, "Too many empty lines");
      return false;
    }
    ++size_;
    if (line_size_ == 0) return true;
    line_size_ = 0;
    first_line_ = false;
    return false;
  }
  if (byte == '\r') {
    if (begun_) ++size_;
    return false;
  }
  if (begun_ && !first_line_ && line_size_ == 0 && (byte == ' ' || byte == '\t')) {
    return refuse(400, "A folded header line");
  }
  begun_ = true;
  ++line_size_;
  if (first_line_ && line_size_ > max_target_bytes + request_line_extra) {
    return refuse(414, "The request target is too long");
  }
  if (++size_ > max_head_bytes) return refuse(431, "The head is too large");
  return false;
}

Refusal check_request_line(std::string_view head) {
  const std::string_view line = head.substr(0, head.find("\r\n"));
  const std::size_t first = line.find(' ');
  const std::size_t second = line.rfind(' ');
  if (first == std::string_view::npos || first == 0 || second == first) {
    return {400, "The request line has no three parts"};
  }
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, second - first - 1);
  const std::string_view version = line.substr(second + 1);
  if (!std::ranges::all_of(method, is_token_char)) return {400, "The method is no token"};
  if (target.empty() || target.find(' ') != std::string_view::npos) {
    return {400, "The request target is malformed"};
  }
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (version.size() != 8 || !version.starts_with("HTTP/") || !digit(version[5]) ||
      version[6] != '.' || !digit(version[7])) {
    return {400, "The HTTP version is malformed"};
  }
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return {505, "HTTP/1.1 is spoken here"};
  if (target.size() > max_target_bytes) return {414, "The request target is too long"};
  if (!is_known_method(method)) return {501, "The method is not known here"};
  return {};
}

Refusal decode_target(HttpRequest& request) {
  std::string_view target = request.target;
  if (target == "*" && request.method == Method::options) {
    request.path = "*";
    return {};
  }
  if (target.find('#') != std::string_view::npos) return {400, "A fragment in the request target"};
  if (target.starts_with("http://") || target.starts_with("https://")) {  // absolute-form
    const std::size_t authority = target.find("//") + 2;
    const std::size_t path = target.find_first_of("/?", authority);
    target = path == std::string_view::npos ? std::string_view{"/"} : target.substr(path);
  }
  const std::size_t mark = target.find('?');
  std::string_view path = target.substr(0, mark);
  if (path.empty()) path = "/";
  if (path.front() != '/') return {400, "The request target is no path"};
  std::optional<std::string> decoded = percent_decoded(path, false);
  if (!decoded) return {400, "The path is not percent-encoded UTF-8"};
  request.path = std::move(*decoded);
  if (mark == std::string_view::npos) return {};
  std::string_view query = target.substr(mark + 1);
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    std::optional<std::string> name = percent_decoded(pair.substr(0, equals), true);
    std::optional<std::string> value =
        percent_decoded(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name || !value) return {400, "The query is not percent-encoded UTF-8"};
    request.query.emplace_back(std::move(*name), std::move(*value));
  }
  return {};
}

Refusal check_headers(const HttpRequest& request, const HeadFacts& facts) {
  std::size_t hosts = 0;
  for (const auto& [name, value] : request.headers) {
    if (name.size() > max_header_name_bytes || value.size() > max_header_value_bytes) {
      return {431, "A header is too large"};
    }
    const auto control = [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == 0x7f; };
    if (std::ranges::any_of(value, control)) return {400, "A control character in a header"};
    if (name != "host") continue;
    ++hosts;
    if (!valid_host(value)) return {400, "The Host header is malformed"};
  }
  if (request.headers.size() > max_headers) return {431, "Too many headers"};
  if (hosts > 1 || (hosts == 0 && facts.http_1_1)) return {400, "Exactly one Host is required"};
  if (const Refusal refusal = check_length(request, facts)) return refusal;
  const std::string_view expect = request.header("expect");
  if (!expect.empty() && !equal_ignoring_case(expect, "100-continue")) {
    return {417, "The expectation is not known here"};
  }
  return {};
}

}  // namespace starling::proto
