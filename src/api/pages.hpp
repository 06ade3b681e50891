// The browser client's files and the protocol's descriptions, and how they are served. Which files
// there are is the program's choice: src/server embeds them.
#pragma once

#include <span>
#include <string_view>

#include "proto/http.hpp"

namespace starling::api {

// One representation. The bytes live as long as the program.
struct PageForm {
  std::string_view bytes;
  std::string_view etag;  // with its quotes; empty: there is no such form
};

struct Page {
  std::string_view path;  // "/", "/assets/index-Bx1c0qCZ.js"
  std::string_view content_type;
  bool immutable = false;  // its name changes with its content: kept by browsers for a year
  PageForm identity;
  PageForm gzip;
  PageForm br;
};

// nullptr if there is none. `/room/{roomId}` is the page of "/".
const Page* find_page(std::span<const Page> pages, std::string_view path);

// To GET and HEAD: the form that the request wants most, 304 where it has that one, 406 where it
// wants none.
proto::HttpResponse answer_page(const Page& page, const proto::HttpRequest& request);

}  // namespace starling::api
