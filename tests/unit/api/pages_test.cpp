// The browser client's files: which form is served, what browsers may keep, and what it may do.
#include <tuple>

#include "harness.hpp"

namespace starling::api {
namespace {

class PagesTest : public RestTest {
 protected:
  // The coding that is served for an Accept-Encoding.
  std::string coding_of(std::string_view path, std::string_view accepted) {
    call("GET", path, {}, "Accept-Encoding: " + std::string{accepted} + "\r\n");
    return status() == 200 ? header("Content-Encoding") : std::to_string(status());
  }
};

TEST_F(PagesTest, a_room_s_address_shows_the_page) {
  for (const std::string_view path : {"/", "/room/general", "/room/some.room-1", "/room/a%20b"}) {
    call("GET", path);
    EXPECT_EQ(status(), 200) << path;
    EXPECT_EQ(response().content_type, "text/html; charset=utf-8");
    EXPECT_EQ(response().static_body, "the page");
    EXPECT_EQ(header("Cache-Control"), "no-cache");
  }
  for (const std::string_view path : {"/room/", "/room/a/b", "/assets/", "/assets/app-2.js",
                                      "/assets/../index.html", "/index.html"}) {
    call("GET", path);
    EXPECT_EQ(status(), 404) << path;
  }
}

TEST_F(PagesTest, what_is_named_by_its_content_is_kept_for_ever) {
  call("GET", "/assets/app-1.js");
  EXPECT_EQ(header("Cache-Control"), "public, max-age=31536000, immutable");
  call("GET", "/favicon.svg");
  EXPECT_EQ(header("Cache-Control"), "no-cache");
}

TEST_F(PagesTest, the_form_that_is_wanted_most_is_served) {
  const std::tuple<std::string_view, std::string_view, std::string_view> table[] = {
      {"/", "gzip, deflate, br, zstd", "br"},
      {"/", "gzip", "gzip"},
      {"/", "br;q=0.5, gzip", "gzip"},
      {"/", "br;q=0, gzip;q=0", ""},
      {"/", "identity, br;q=0.9", ""},
      {"/", "deflate", ""},
      {"/", "*", "br"},
      {"/", "*;q=0, gzip", "gzip"},
      {"/", "identity;q=0", "406"},
      {"/", "*;q=0", "406"},
      {"/assets/app-1.js", "br, gzip;q=0.1", "gzip"},
      {"/assets/app-1.js", "br", ""},
      {"/favicon.svg", "br, gzip", ""},
      {"/favicon.svg", "br, identity;q=0", "406"},
  };
  for (const auto& [path, accepted, coding] : table) {
    EXPECT_EQ(coding_of(path, accepted), coding) << path << " " << accepted;
    EXPECT_EQ(header("Vary"), "Accept-Encoding");
  }
  call("GET", "/");
  EXPECT_EQ(header("Content-Encoding"), "") << "who says nothing gets what everybody understands";
}

TEST_F(PagesTest, each_form_has_its_bytes_and_its_tag) {
  const std::tuple<std::string_view, std::string_view, std::string_view> table[] = {
      {"identity", "the page", "\"1\""}, {"gzip", "g", "\"2\""}, {"br", "b", "\"3\""}};
  for (const auto& [accepted, bytes, tag] : table) {
    for (const std::string_view method : {"GET", "HEAD"}) {
      call(method, "/", {}, "Accept-Encoding: " + std::string{accepted} + "\r\n");
      EXPECT_EQ(response().static_body, bytes);
      EXPECT_EQ(header("ETag"), tag);
      EXPECT_EQ(response().content_type, "text/html; charset=utf-8");
    }
  }
}

TEST_F(PagesTest, who_has_it_is_not_sent_it_again) {
  for (const std::string_view value : {"\"3\"", "W/\"3\"", "\"other\", \"3\"", "*"}) {
    call("GET", "/", {}, "Accept-Encoding: br\r\nIf-None-Match: " + std::string{value} + "\r\n");
    EXPECT_EQ(status(), 304) << value;
    EXPECT_TRUE(response().static_body.empty());
    EXPECT_EQ(header("ETag"), "\"3\"");
    EXPECT_EQ(header("Vary"), "Accept-Encoding");
    EXPECT_EQ(header("Cache-Control"), "no-cache");
  }
  for (const std::string_view value : {"\"other\"", "3", "\"1\"", "\"1, 3\""}) {
    call("GET", "/", {}, "Accept-Encoding: br\r\nIf-None-Match: " + std::string{value} + "\r\n");
    EXPECT_EQ(status(), 200) << value << ": the tag of another form, or none";
  }
}

TEST_F(PagesTest, every_answer_tells_the_browser_what_the_page_may_do) {
  for (const std::string_view path : {"/", "/room/r", "/assets/app-1.js", "/favicon.svg"}) {
    for (const std::string_view match : {"", "If-None-Match: *\r\n"}) {
      call("GET", path, {}, match);
      EXPECT_EQ(header("Content-Security-Policy"),
                "default-src 'self'; img-src 'self' data: blob:; connect-src 'self'; base-uri "
                "'none'; object-src 'none'; frame-ancestors 'none'; form-action 'self'; "
                "require-trusted-types-for 'script'; trusted-types 'none'");
      EXPECT_EQ(header("X-Content-Type-Options"), "nosniff");
      EXPECT_EQ(header("Cross-Origin-Opener-Policy"), "same-origin");
      EXPECT_EQ(header("Referrer-Policy"), "no-referrer");
    }
  }
}

}  // namespace
}  // namespace starling::api
