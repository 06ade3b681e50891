// What tools/embed.py makes of the folder `client` beside this file.
#include "server/web_client.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace starling::server {
namespace {

const api::Page& page(std::string_view path) {
  static const api::Page none;
  const api::Page* const found = api::find_page(web_client_pages(), path);
  if (!found) ADD_FAILURE() << "no page " << path;
  return found ? *found : none;
}

TEST(WebClientTest, every_file_is_served_under_its_path_with_its_bytes) {
  ASSERT_EQ(web_client_pages().size(), 3u);
  EXPECT_EQ(page("/").identity.bytes, "<!doctype html>\n<title>A client for the test</title>\n");
  EXPECT_EQ(page("/").content_type, "text/html; charset=utf-8");
  EXPECT_EQ(page("/favicon.svg").identity.bytes, "<svg/>\n");
  EXPECT_EQ(page("/favicon.svg").content_type, "image/svg+xml");
  EXPECT_EQ(page("/assets/app-1.js").identity.bytes, "// long enough to be worth compressing\n");
  EXPECT_EQ(page("/assets/app-1.js").content_type, "text/javascript; charset=utf-8");
}

TEST(WebClientTest, compressed_forms_are_there_where_they_save_something) {
  EXPECT_EQ(page("/assets/app-1.js").br.bytes, "as br\n");
  EXPECT_EQ(page("/assets/app-1.js").gzip.bytes, "as gzip\n");
  EXPECT_TRUE(page("/").br.etag.empty());
  EXPECT_TRUE(page("/favicon.svg").gzip.etag.empty()) << "larger than the file";
}

TEST(WebClientTest, only_what_is_named_by_its_content_may_be_kept_for_ever) {
  EXPECT_FALSE(page("/").immutable);
  EXPECT_FALSE(page("/favicon.svg").immutable);
  EXPECT_TRUE(page("/assets/app-1.js").immutable);
}

TEST(WebClientTest, every_form_has_a_tag_of_its_own) {
  std::set<std::string_view> tags;
  std::size_t forms = 0;
  for (const api::Page& one : web_client_pages()) {
    for (const api::PageForm* form : {&one.identity, &one.gzip, &one.br}) {
      if (form->etag.empty()) continue;
      ++forms;
      EXPECT_TRUE(tags.insert(form->etag).second);
      EXPECT_EQ(form->etag.front(), '"');
      EXPECT_EQ(form->etag.back(), '"');
    }
  }
  EXPECT_EQ(forms, 5u);
}

}  // namespace
}  // namespace starling::server
