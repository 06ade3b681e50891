#include "api/pages.hpp"

namespace starling::api {

const Page* find_page(std::string_view path) {
  // A room's address shows the same page, which reads the room from it.
  constexpr std::string_view rooms = "/room/";
  if (path.size() > rooms.size() && path.starts_with(rooms) &&
      path.find('/', rooms.size()) == std::string_view::npos) {
    path = "/";
  }
  for (const Page& page : embedded_pages()) {
    if (page.path == path) return &page;
  }
  return nullptr;
}

}  // namespace starling::api
