// What a request says about the representation it wants: codings and validators (RFC 9110, sections
// 12.5.3 and 13.1.2).
#pragma once

#include <string_view>

#include "proto/http.hpp"

namespace starling::proto {

// How much a client wants the codings that we have; in thousandths, 0: not at all.
struct CodingWeights {
  unsigned identity = 1;  // unless it is named: taken, and rather any other that is
  unsigned gzip = 0;
  unsigned br = 0;
};
// Of Accept-Encoding. Elements whose weight is malformed count as absent.
CodingWeights coding_weights(const HttpRequest& request);

// Whether If-None-Match lists that entity tag (with its quotes), or any. Compared weakly.
bool none_match_lists(const HttpRequest& request, std::string_view etag);

}  // namespace starling::proto
