#include "api/forwarded.hpp"

#include <algorithm>
#include <string_view>

#include "proto/tokens.hpp"

namespace starling::api {
namespace {

// Some proxies add a port: "192.0.2.1:80", "[2001:db8::1]:80", "[2001:db8::1]".
std::string_view without_port(std::string_view text) {
  if (text.starts_with('[')) return text.substr(1, text.find(']') - 1);
  const std::size_t colon = text.find(':');
  const bool one = colon != std::string_view::npos && colon == text.rfind(':');
  return one ? text.substr(0, colon) : text;
}

std::vector<std::string_view> hops_of(const proto::HttpRequest& request) {
  std::vector<std::string_view> hops;
  for (const auto& [name, value] : request.headers) {
    if (name != "x-forwarded-for") continue;
    proto::any_in_list(value, [&hops](std::string_view hop) {
      hops.push_back(hop);
      return false;
    });
  }
  return hops;
}

}  // namespace

std::optional<base::IpAddress> forwarded_for(const proto::HttpRequest& request,
                                             const std::vector<base::IpNetwork>& trusted) {
  std::optional<base::IpAddress> client;
  const std::vector<std::string_view> hops = hops_of(request);
  for (auto hop = hops.rbegin(); hop != hops.rend(); ++hop) {
    const std::optional<base::IpAddress> address = base::IpAddress::parse(without_port(*hop));
    if (!address) break;  // "unknown": the proxy behind it is all that is known
    client = address;
    if (!base::any_contains(trusted, *address)) break;
  }
  return client;
}

bool forwarded_https(const proto::HttpRequest& request) {
  return proto::equal_ignoring_case(request.header("x-forwarded-proto"), "https");
}

}  // namespace starling::api
