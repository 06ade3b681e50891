#include "proto/http.hpp"
#include "proto/json_writer.hpp"

namespace starling::proto {
namespace {

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

// RFC 9110, sections 6.4.1 and 8.6: these have neither content nor a length.
bool has_no_content(int status) { return status < 200 || status == 204 || status == 304; }

}  // namespace

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 426:
      return "Upgrade Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";  // RFC 6585
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Unknown";
  }
}

void append_response(std::string& out, const HttpResponse& response, base::WallMs now,
                     bool keep_alive, bool head_only) {
  const std::string_view body =
      response.static_body.empty() ? std::string_view{response.body} : response.static_body;
  out.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  out.append(reason_phrase(response.status)).append("\r\n");
  if (response.status >= 200) {
    out.append("Date: ");
    base::append_http_date(out, now);
    out.append("\r\n");
  }
  for (const auto& [name, value] : response.headers) append_header(out, name, value);
  if (!has_no_content(response.status)) {
    if (!response.content_type.empty()) append_header(out, "Content-Type", response.content_type);
    append_header(out, "Content-Length", std::to_string(body.size()));
  }
  if (response.status != 101 && (!keep_alive || response.close)) {
    append_header(out, "Connection", "close");
  }
  out.append("\r\n");
  if (!head_only && !has_no_content(response.status)) out.append(body);
}

HttpResponse problem(int status, std::string_view code, std::string_view detail) {
  HttpResponse response;
  response.status = status;
  response.content_type = "application/problem+json";
  JsonWriter{response.body}
      .begin_object()
      .field("type", "about:blank")
      .field("title", reason_phrase(status))
      .field("status", status)
      .field("detail", detail)
      .field("code", code)
      .field("error", detail)
      .end_object();
  return response;
}

}  // namespace starling::proto
