#include "proto/http.hpp"

#include <gtest/gtest.h>

#include <random>

namespace starling::proto {
namespace {

constexpr std::size_t max_body = 1'000;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span{text});
}

// What came of a stream: the requests, and the refusal if there was one.
struct Verdict {
  std::vector<std::string> requests;
  int refused = 0;
  bool operator==(const Verdict&) const = default;
};

// Feeds a stream in pieces that end at `cuts` and reads every request in it.
Verdict read(std::string_view stream, const std::vector<std::size_t>& cuts) {
  HttpReader reader{max_body};
  Verdict verdict;
  std::size_t at = 0;
  const auto feed = [&](std::size_t end) {
    while (at < end && reader.state() != HttpReader::State::refused) {
      at += reader.feed(bytes_of(stream.substr(at, end - at)));
      if (reader.state() != HttpReader::State::complete) continue;
      const HttpRequest& request = reader.request();
      verdict.requests.push_back(std::string{to_string(request.method)} + " " + request.path + " " +
                                 request.body + (request.keep_alive ? "" : " close"));
      reader.next();
    }
  };
  for (const std::size_t cut : cuts) feed(cut);
  feed(stream.size());
  if (reader.state() == HttpReader::State::refused) verdict.refused = reader.status();
  return verdict;
}

struct Case {
  const char* what;
  std::string stream;
  Verdict expected;
};

std::vector<Case> cases() {
  const std::string host = "Host: x\r\n";
  const auto get = [&](const std::string& rest) { return "GET / HTTP/1.1\r\n" + host + rest; };
  const auto post = [&](const std::string& rest) { return "POST /p HTTP/1.1\r\n" + host + rest; };
  return {
      {"plain", get("\r\n"), {{"GET / "}, 0}},
      {"two in a row", get("\r\n") + get("\r\n"), {{"GET / ", "GET / "}, 0}},
      {"empty lines before", "\r\n\r\n" + get("\r\n"), {{"GET / "}, 0}},
      {"a body",
       post("Content-Length: 3\r\n\r\nabc") + get("\r\n"),
       {{"POST /p abc", "GET / "}, 0}},
      {"chunks",
       post("Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\nT: v\r\n\r\n") +
           get("\r\n"),
       {{"POST /p abc", "GET / "}, 0}},
      {"1.0 closes", "GET / HTTP/1.0\r\n\r\n", {{"GET /  close"}, 0}},
      {"absolute form", "GET http://x/a?b HTTP/1.1\r\n" + host + "\r\n", {{"GET /a "}, 0}},
      {"escapes", "GET /%c3%bc%20x HTTP/1.1\r\n" + host + "\r\n", {{"GET /ü x "}, 0}},
      {"bare LF", "GET / HTTP/1.1\nHost: x\n\n", {{}, 400}},
      {"bare CR", get("X:\rY: z\r\n\r\n"), {{}, 400}},
      {"CR CR LF", get("X: y\r\r\n\r\n"), {{}, 400}},
      {"folding", get("X: a\r\n b\r\n\r\n"), {{}, 400}},
      {"folding of the first header",
       "GET / HTTP/1.1\r\n Content-Length: 5\r\n" + host + "\r\n",
       {{}, 400}},
      {"space before the colon", get("X : y\r\n\r\n"), {{}, 400}},
      {"no Host", "GET / HTTP/1.1\r\n\r\n", {{}, 400}},
      {"two Hosts", get("Host: y\r\n\r\n"), {{}, 400}},
      {"CL and TE",
       post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
       {{}, 400}},
      {"two CL", post("Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"), {{}, 400}},
      {"signed CL", post("Content-Length: +3\r\n\r\nabc"), {{}, 400}},
      {"TE twice",
       post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
       {{}, 400}},
      {"TE with more", post("Transfer-Encoding: chunked, identity\r\n\r\n"), {{}, 400}},
      {"TE on GET", get("Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), {{}, 400}},
      {"chunk without CRLF",
       post("Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n"),
       {{}, 400}},
      {"hexadecimal prefix",
       post("Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n"),
       {{}, 400}},
      {"no length", post("\r\n"), {{}, 411}},
      {"a long body", post("Content-Length: 1001\r\n\r\n"), {{}, 413}},
      {"an endless number", post("Content-Length: 99999999999999999999999\r\n\r\n"), {{}, 400}},
      {"a long chunked body",
       post("Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + std::string(1'001, 'x') + "\r\n"),
       {{}, 413}},
      {"a long target",
       "GET /" + std::string(2'100, 'a') + " HTTP/1.1\r\n" + host + "\r\n",
       {{}, 414}},
      {"unknown method", "BREW / HTTP/1.1\r\n" + host + "\r\n", {{}, 501}},
      {"a method that is no token", "G@T / HTTP/1.1\r\n" + host + "\r\n", {{}, 400}},
      {"a later version", "GET / HTTP/3.0\r\n" + host + "\r\n", {{}, 505}},
      {"a header without a name", get(": x\r\n\r\n"), {{}, 400}},
      {"TE that nobody knows", post("Transfer-Encoding: gzip, chunked\r\n\r\n"), {{}, 501}},
      {"TE that does not end", post("Transfer-Encoding: gzip\r\n\r\n"), {{}, 400}},
      {"TE with a comma", post("Transfer-Encoding: ,chunked\r\n\r\n"), {{}, 400}},
      {"absolute form without a host", "GET http:/// HTTP/1.1\r\n" + host + "\r\n", {{}, 400}},
      {"absolute form with a user", "GET http://u@x/ HTTP/1.1\r\n" + host + "\r\n", {{}, 400}},
      {"absolute form of a large scheme",
       "GET HTTPS://[::1]:8/a HTTP/1.1\r\n" + host + "\r\n",
       {{"GET /a "}, 0}},
      {"Host with two ports", "GET / HTTP/1.1\r\nHost: x:80:80\r\n\r\n", {{}, 400}},
      {"Host with an open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", {{}, 400}},
      {"an empty line of a bare LF behind the chunks",
       post("Transfer-Encoding: chunked\r\n\r\n0\r\n\n") + get("\r\n"),
       {{}, 400}},
      {"a folded trailer",
       post("Transfer-Encoding: chunked\r\n\r\n0\r\nT: v\r\n w\r\n\r\n"),
       {{}, 400}},
      {"a trailer that is folded over a colon",
       post("Transfer-Encoding: chunked\r\n\r\n0\r\nT: v\r\n w: x\r\n\r\n"),
       {{}, 400}},
      {"a trailer without a colon",
       post("Transfer-Encoding: chunked\r\n\r\n0\r\nT\r\n\r\n"),
       {{}, 400}},
      {"a bare LF in an extension",
       post("Transfer-Encoding: chunked\r\n\r\n1;a\nb\r\nx\r\n0\r\n\r\n"),
       {{}, 400}},
      {"a quoted extension, trailers of any name",
       post(
           "Transfer-Encoding: chunked\r\n\r\n1;a=\"b c\"\r\nx\r\n0\r\nContent-Length: 9\r\n\r\n") +
           get("\r\n"),
       {{"POST /p x", "GET / "}, 0}},
      {"a chunk of more than 64 bits",
       post("Transfer-Encoding: chunked\r\n\r\n10000000000000001\r\nx\r\n0\r\n\r\n"),
       {{}, 413}},
      {"a blank behind a chunk's size",
       post("Transfer-Encoding: chunked\r\n\r\n1 \r\nx\r\n0\r\n\r\n"),
       {{}, 400}},
      {"chunk extensions without end",
       post("Transfer-Encoding: chunked\r\n\r\n1;" + std::string(40'000, 'e') + "\r\na\r\n"),
       {{}, 400}},
  };
}

TEST(HttpReaderTest, every_vector_gets_its_verdict_whole_and_cut_at_every_byte) {
  for (const Case& vector : cases()) {
    const Verdict whole = read(vector.stream, {});
    EXPECT_EQ(whole.refused, vector.expected.refused) << vector.what;
    EXPECT_EQ(whole.requests, vector.expected.requests) << vector.what;
    const std::size_t step = vector.stream.size() > 5'000 ? 997 : 1;
    for (std::size_t cut = 1; cut < vector.stream.size(); cut += step) {
      ASSERT_EQ(read(vector.stream, {cut}), whole) << vector.what << " cut at " << cut;
    }
    std::vector<std::size_t> every;
    for (std::size_t cut = 1; cut < vector.stream.size(); ++cut) every.push_back(cut);
    ASSERT_EQ(read(vector.stream, every), whole) << vector.what << " byte by byte";
  }
}

TEST(HttpReaderTest, bounds_of_a_head) {
  std::string many = "GET / HTTP/1.1\r\nHost: x\r\n";
  for (std::size_t i = 0; i < max_headers; ++i) many += "X-" + std::to_string(i) + ": y\r\n";
  EXPECT_EQ(read(many + "\r\n", {}).refused, 431);
  EXPECT_EQ(
      read("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(9'000, 'y') + "\r\n\r\n", {}).refused,
      431);
  EXPECT_EQ(read("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(20'000, 'y'), {}).refused, 431);
}

// Whoever never ends a line is told as soon as it is too long, and the same in one piece as in
// many.
TEST(HttpReaderTest, a_request_line_without_an_end_is_refused_at_its_bound) {
  const std::string endless = "GET /" + std::string(2 * max_head_bytes, 'y');
  const auto byte_by_byte = [](const std::string& stream) {
    std::vector<std::size_t> cuts;
    for (std::size_t cut = 1; cut < stream.size(); ++cut) cuts.push_back(cut);
    return read(stream, cuts).refused;
  };
  EXPECT_EQ(read(endless, {}).refused, 414);
  EXPECT_EQ(read(endless.substr(0, max_target_bytes + 100), {}).refused, 414);
  EXPECT_EQ(byte_by_byte(endless.substr(0, max_target_bytes + 100)), 414);
  EXPECT_EQ(byte_by_byte(endless.substr(0, max_target_bytes)), 0);
}

TEST(HttpReaderTest, a_header_has_its_name_in_lower_case_and_its_value_without_blanks) {
  const std::string head =
      "GET / HTTP/1.1\r\nHost: x\r\nX-Some-NAME: \t a B \t \r\nx-none:\r\n\r\n";
  for (std::size_t cut = 1; cut < head.size(); ++cut) {
    HttpReader reader{max_body};
    reader.feed(bytes_of(head.substr(0, cut)));
    reader.feed(bytes_of(head.substr(cut)));
    ASSERT_EQ(reader.state(), HttpReader::State::complete) << cut;
    const std::vector<std::pair<std::string, std::string>> expected{
        {"host", "x"}, {"x-some-name", "a B"}, {"x-none", ""}};
    EXPECT_EQ(reader.request().headers, expected) << cut;
  }
}

TEST(HttpReaderTest, the_host_of_an_absolute_target_stands_above_the_header) {
  HttpReader reader{max_body};
  reader.feed(bytes_of("GET http://real:81/x HTTP/1.1\r\nHost: said\r\n\r\n"));
  ASSERT_EQ(reader.state(), HttpReader::State::complete);
  EXPECT_EQ(reader.request().header("host"), "real:81");
}

TEST(HttpReaderTest, a_head_that_is_refused_is_known_as_one_wherever_it_is_cut) {
  for (const std::string_view rest : {" / HTTP/1.1\r\nHost: x\n", " / HTTP/1.1\r\n\r\n"}) {
    for (const std::string method : {"HEAD", "GET"}) {
      const std::string stream = method + std::string{rest};
      for (std::size_t cut = 1; cut < stream.size(); ++cut) {
        HttpReader reader{max_body};
        reader.feed(bytes_of(stream.substr(0, cut)));
        reader.feed(bytes_of(stream.substr(cut)));
        ASSERT_EQ(reader.state(), HttpReader::State::refused);
        EXPECT_EQ(reader.refused_head(), method == "HEAD") << cut;
      }
    }
  }
}

TEST(HttpReaderTest, an_upgrade_leaves_what_is_behind_it) {
  const std::string head =
      "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive\r\nConnection: "
      "Upgrade\r\n\r\n";
  HttpReader reader{max_body};
  EXPECT_EQ(reader.feed(bytes_of(head + "\x81\x01z")), head.size());
  ASSERT_EQ(reader.state(), HttpReader::State::complete);
  EXPECT_TRUE(reader.request().upgrade);
  EXPECT_EQ(reader.feed(bytes_of("more")), 0u);
}

TEST(HttpReaderTest, other_protocols_are_not_spoken) {
  HttpReader reader{max_body};
  reader.feed(bytes_of("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n"));
  ASSERT_EQ(reader.state(), HttpReader::State::complete);
  EXPECT_FALSE(reader.request().upgrade);
}

TEST(HttpReaderTest, expectation_is_asked_for_once_and_only_while_the_body_is_missing) {
  HttpReader reader{max_body};
  reader.feed(
      bytes_of("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n"));
  EXPECT_EQ(reader.state(), HttpReader::State::body);
  EXPECT_TRUE(reader.wants_continue());
  EXPECT_FALSE(reader.wants_continue());
}

TEST(HttpReaderTest, mutations_are_read_or_refused_and_never_more) {
  const std::string seed =
      "POST /a%20b?x=1&y=%41 HTTP/1.1\r\nHost: h:80\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n"
      "4;e\r\nabcd\r\n0\r\n\r\nGET / HTTP/1.0\r\n\r\n";
  std::mt19937 random{7};
  for (int i = 0; i < 20'000; ++i) {
    std::string stream = seed;
    for (std::size_t changes = random() % 4 + 1; changes > 0; --changes) {
      stream[random() % stream.size()] = static_cast<char>(random());
    }
    const Verdict whole = read(stream, {});
    ASSERT_EQ(read(stream, {random() % stream.size()}), whole) << i;
  }
}

TEST(HttpResponseTest, has_a_length_and_says_when_it_is_the_last) {
  HttpResponse response;
  response.content_type = "text/plain";
  response.body = "hello";
  std::string text;
  append_response(text, response, 784'111'777'000, true, false);
  EXPECT_EQ(text,
            "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: "
            "text/plain\r\nContent-Length: 5\r\n\r\nhello");
  text.clear();
  append_response(text, response, 784'111'777'000, false, true);
  EXPECT_EQ(text,
            "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: "
            "text/plain\r\nContent-Length: 5\r\nConnection: "
            "close\r\n\r\n");
  text.clear();
  response.status = 204;
  append_response(text, response, 784'111'777'000, true, false);
  EXPECT_EQ(text, "HTTP/1.1 204 No Content\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n");
}

}  // namespace
}  // namespace starling::proto
