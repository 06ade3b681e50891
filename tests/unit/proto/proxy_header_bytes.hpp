// A PROXY protocol header as a proxy sends it.
#pragma once

#include <string>
#include <string_view>

namespace starling::proto {

inline std::string big_endian(std::size_t number) {
  return {static_cast<char>(number >> 8), static_cast<char>(number)};
}

// `command`: 0x20 LOCAL, 0x21 PROXY; `family`: 0x11 TCP over IPv4, 0x21 TCP over IPv6.
inline std::string proxy_header(unsigned command, unsigned family, std::string_view rest) {
  std::string header{"\r\n\r\n\0\r\nQUIT\n", 12};
  header += static_cast<char>(command);
  header += static_cast<char>(family);
  return header.append(big_endian(rest.size())).append(rest);
}

// PROXY, from 192.0.2.`last`:4660 to 198.51.100.1:443.
inline std::string proxied_v4(unsigned last, std::string_view additions = {}) {
  std::string rest{"\xc0\x00\x02", 3};
  rest += static_cast<char>(last);
  rest.append("\xc6\x33\x64\x01\x12\x34\x01\xbb", 8).append(additions);
  return proxy_header(0x21, 0x11, rest);
}

inline std::string proxy_addition(unsigned type, std::string_view value) {
  return std::string{static_cast<char>(type)}.append(big_endian(value.size())).append(value);
}

// What `send-proxy-v2-ssl` adds for a client that speaks TLS.
inline std::string proxied_over_tls() {
  return proxy_addition(0x20, std::string{"\x01\0\0\0\0", 5} + proxy_addition(0x21, "TLSv1.3"));
}

}  // namespace starling::proto
