#include "proto/http_head.hpp"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <vector>

#include "proto/tokens.hpp"

namespace starling::proto {
namespace {

constexpr std::size_t max_blank_lines = 4;
// What a request line has besides its target: the longest method, two spaces, the version.
constexpr std::size_t request_line_extra = 32;

bool is_known_method(std::string_view method) {
  constexpr std::string_view known[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
  return std::ranges::find(known, method) != std::end(known);
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

// What ends a line, or must not stand in one. Nearly all bytes of a head are told by the first
// comparison.
bool is_mark(char c) {
  return static_cast<unsigned char>(c) <= '\r' && (c == '\r' || c == '\n' || c == '\0');
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// uri-host [ ":" port ] (RFC 3986, sections 3.2.2 and 3.2.3). The host may be empty.
bool valid_host(std::string_view text) {
  if (text.size() > 255) return false;
  std::size_t end = 0;  // of the host
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos || close == 1) return false;
    const auto of_address = [](char c) { return hex_digit(c) >= 0 || c == ':' || c == '.'; };
    if (!std::ranges::all_of(text.substr(1, close - 1), of_address)) return false;
    end = close + 1;
  } else {
    end = std::min(text.find(':'), text.size());
    const auto of_name = [](char c) {
      constexpr std::string_view marks = "-._~%!$&'()*+,;=";
      return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
             marks.find(c) != std::string_view::npos;
    };
    if (!std::ranges::all_of(text.substr(0, end), of_name)) return false;
  }
  const std::string_view port = text.substr(end);
  return port.empty() ||
         (port.front() == ':' && port.size() <= 6 && std::ranges::all_of(port.substr(1), is_digit));
}

// RFC 9112, section 6.3: where chunked is not the last coding, or stands there twice, nobody knows
// where the body ends.
Refusal check_codings(const HttpRequest& request) {
  std::vector<std::string_view> codings;
  for (const auto& [name, value] : request.headers) {
    if (name != "transfer-encoding") continue;
    any_in_list(value, [&codings](std::string_view coding) {
      codings.push_back(coding);
      return false;
    });
  }
  const auto is_chunked = [](std::string_view coding) {
    return equal_ignoring_case(coding, "chunked");
  };
  const bool is_list = std::ranges::none_of(codings, &std::string_view::empty);
  if (!is_list || codings.empty() || !is_chunked(codings.back()) ||
      std::ranges::count_if(codings, is_chunked) != 1) {
    return {400, "Transfer-Encoding does not end the body"};
  }
  if (codings.size() > 1) return {501, "The only transfer coding here is chunked"};
  return {};
}

Refusal plan_body(const HttpRequest& request, const HeadFacts& facts, BodyPlan& plan) {
  const auto count = [&request](std::string_view name) {
    return std::ranges::count(request.headers, name,
                              [](const auto& header) { return std::string_view{header.first}; });
  };
  const auto codings = count("transfer-encoding");
  const auto lengths = count("content-length");
  if (codings > 0) {
    if (lengths > 0) return {400, "Content-Length beside Transfer-Encoding"};
    if (!facts.http_1_1) return {400, "Transfer-Encoding in HTTP/1.0"};
    if (const Refusal refusal = check_codings(request)) return refusal;
    if (request.method == Method::get || request.method == Method::head) {
      return {400, "Transfer-Encoding without a reason for a body"};
    }
    plan.is_chunked = true;
    return {};
  }
  if (lengths > 1) return {400, "More than one Content-Length"};
  const bool wants_body = request.method == Method::post || request.method == Method::put ||
                          request.method == Method::patch;
  if (lengths == 0) return wants_body ? Refusal{411, "Content-Length is required"} : Refusal{};
  const std::string_view text = request.header("content-length");
  if (text.empty() || !std::ranges::all_of(text, is_digit)) {
    return {400, "Content-Length is not a number"};
  }
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), plan.length);
  if (parsed.ec != std::errc{} || plan.length > facts.max_body_bytes) {
    return {413, "The body is too large"};
  }
  return {};
}

}  // namespace

std::size_t HeadScanner::take(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && !complete_ && !refusal_) {
    const auto rest = bytes.substr(taken);
    const auto mark = after_return_ ? rest.begin() : std::ranges::find_if(rest, is_mark);
    if (mark == rest.begin()) {
      take_mark(rest.front());
      ++taken;
    } else {
      const std::string_view text{rest.begin(), mark};
      take_text(text);
      taken += text.size();
    }
  }
  return taken;
}

// A piece of a line.
void HeadScanner::take_text(std::string_view text) {
  const bool begins_blank = text.front() == ' ' || text.front() == '\t';
  if (begun_ && !first_line_ && line_size_ == 0 && begins_blank) {
    refusal_ = {400, "A folded header line"};
    return;
  }
  begun_ = true;
  line_size_ += text.size();
  size_ += text.size();
  if (first_line_ && line_size_ > max_target_bytes + request_line_extra) {
    refusal_ = {414, "The request target is too long"};
  } else if (size_ > max_head_bytes) {
    refusal_ = {431, "The head is too large"};
  }
}

// A mark, or whatever stands behind a CR.
void HeadScanner::take_mark(char mark) {
  if (after_return_ && mark != '\n') {
    refusal_ = {400, "A carriage return without a line feed"};
  } else if (mark == '\0') {
    refusal_ = {400, "A NUL byte in the head"};
  } else if (mark == '\n' && !after_return_) {
    refusal_ = {400, "A line feed without a carriage return"};
  } else if (mark == '\n') {
    end_line();
  }
  after_return_ = mark == '\r';
  if (begun_) ++size_;
}

void HeadScanner::end_line() {
  if (!begun_) {
    if (++blank_lines_ > max_blank_lines) refusal_ = {400, "Too many empty lines"};
    return;
  }
  complete_ = line_size_ == 0;
  line_size_ = 0;
  first_line_ = false;
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
  if (version.size() != 8 || !version.starts_with("HTTP/") || !is_digit(version[5]) ||
      version[6] != '.' || !is_digit(version[7])) {
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
  const std::size_t scheme = target.find("://");
  if (equal_ignoring_case(target.substr(0, scheme), "http") ||
      equal_ignoring_case(target.substr(0, scheme), "https")) {  // absolute-form
    if (scheme == std::string_view::npos) return {400, "The request target is no path"};
    const std::size_t begin = scheme + 3;
    const std::size_t end = std::min(target.find_first_of("/?", begin), target.size());
    const std::string_view authority = target.substr(begin, end - begin);
    // Without the user's name, and never without a host (RFC 9110, sections 4.2.1 and 4.2.4).
    if (!valid_host(authority) || authority.empty() || authority.front() == ':') {
      return {400, "The host of the request target is malformed"};
    }
    // It stands above what Host says (RFC 9112, section 3.2.2).
    for (auto& [name, value] : request.headers) {
      if (name == "host") value = authority;
    }
    target.remove_prefix(end);
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

Refusal check_headers(const HttpRequest& request, const HeadFacts& facts, BodyPlan& plan) {
  std::size_t hosts = 0;
  for (const auto& [name, value] : request.headers) {
    if (name.size() > max_header_name_bytes || value.size() > max_header_value_bytes) {
      return {431, "A header is too large"};
    }
    // The parser lets a name of no characters pass.
    if (name.empty()) return {400, "A header without a name"};
    if (!std::ranges::all_of(value, is_field_char)) {
      return {400, "A control character in a header"};
    }
    if (name != "host") continue;
    ++hosts;
    if (!valid_host(value)) return {400, "The Host header is malformed"};
  }
  if (request.headers.size() > max_headers) return {431, "Too many headers"};
  if (hosts > 1 || (hosts == 0 && facts.http_1_1)) return {400, "Exactly one Host is required"};
  if (const Refusal refusal = plan_body(request, facts, plan)) return refusal;
  const std::string_view expect = request.header("expect");
  if (!expect.empty() && !equal_ignoring_case(expect, "100-continue")) {
    return {417, "The expectation is not known here"};
  }
  return {};
}

}  // namespace starling::proto
