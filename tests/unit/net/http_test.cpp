// HTTP on a connection: requests in pieces and in rows, what is refused, and time-outs.
#include "harness.hpp"

namespace starling::net {
namespace {

using State = Connection::State;

class HttpConnectionTest : public ConnectionTest {
 protected:
  static std::string get(std::string_view target, std::string_view headers = {}) {
    return "GET " + std::string{target} + " HTTP/1.1\r\nHost: x\r\n" + std::string{headers} +
           "\r\n";
  }
  static std::string post(std::string_view target, std::string_view body,
                          std::string_view headers = {}) {
    return "POST " + std::string{target} +
           " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
           std::string{headers} + "\r\n" + std::string{body};
  }
  // The bodies of the answers that the peer has got.
  std::vector<std::string> bodies() const {
    std::vector<std::string> found;
    std::string_view rest = peer;
    while (!rest.empty()) {
      const std::size_t head = rest.find("\r\n\r\n");
      const std::size_t length = rest.find("Content-Length: ");
      if (head == std::string_view::npos || length > head) break;
      const std::size_t size = std::stoul(std::string{rest.substr(length + 16, 10)});
      found.emplace_back(rest.substr(head + 4, size));
      rest.remove_prefix(head + 4 + size);
    }
    return found;
  }
  void expect_said_goodbye(int status) {
    EXPECT_TRUE(peer.starts_with("HTTP/1.1 " + std::to_string(status))) << peer;
    EXPECT_NE(peer.find("\r\nConnection: close\r\n"), std::string::npos) << peer;
    EXPECT_EQ(connection->state(), Connection::State::lingering);
    EXPECT_EQ(ring.shutdowns, std::vector<int>{SHUT_WR});
    peer_ends();
    expect_closed();
  }
};

TEST_F(HttpConnectionTest, requests_are_the_same_wherever_they_are_cut) {
  const std::string stream = post("/a", "body one") + get("/b") + post("/c", "3") + get("/d");
  const std::vector<std::string> wanted{"POST /a body one", "GET /b ", "POST /c 3", "GET /d "};
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    reset();
    if (cut > 0) arrive(stream.substr(0, cut));
    send_all();
    if (cut < stream.size()) arrive(stream.substr(cut));
    send_all();
    ASSERT_EQ(owner.requests, wanted) << "cut at " << cut;
    ASSERT_EQ(bodies(), (std::vector<std::string>{"/a", "/b", "/c", "/d"})) << "cut at " << cut;
  }
  reset();
  for (const char byte : stream) arrive({&byte, 1});
  send_all();
  EXPECT_EQ(owner.requests, wanted);
  EXPECT_EQ(ring.receives, stream.size() + 3) << "armed once for each connection";
}

TEST_F(HttpConnectionTest, a_request_waits_for_the_answer_to_the_one_before) {
  owner.hold_answers = true;
  arrive(get("/a") + get("/b"));
  arrive(get("/c"));
  EXPECT_EQ(owner.requests, std::vector<std::string>{"GET /a "});
  owner.answer(*connection, "one");
  EXPECT_EQ(owner.requests.size(), 2u);
  owner.answer(*connection, "two");
  owner.answer(*connection, "three");
  send_all();
  EXPECT_EQ(owner.requests, (std::vector<std::string>{"GET /a ", "GET /b ", "GET /c "}));
  EXPECT_EQ(bodies(), (std::vector<std::string>{"one", "two", "three"}));
}

TEST_F(HttpConnectionTest, bytes_that_come_before_the_answer_do_not_ask_again) {
  owner.hold_answers = true;
  arrive(get("/a"));
  arrive(get("/b"));  // in a buffer of its own
  EXPECT_EQ(owner.requests, std::vector<std::string>{"GET /a "});
  owner.answer(*connection, "one");
  EXPECT_EQ(owner.requests, (std::vector<std::string>{"GET /a ", "GET /b "}));
  owner.answer(*connection, "two");
  send_all();
  EXPECT_EQ(bodies(), (std::vector<std::string>{"one", "two"}));
}

TEST_F(HttpConnectionTest, what_comes_before_the_answer_is_bounded_and_not_lost) {
  owner.hold_answers = true;
  arrive(get("/first"));
  const std::size_t waiting = arrive_until_cancelled(get("/next"));
  receive_ends(-ECANCELED);
  end_turn();
  EXPECT_FALSE(ring.receiving) << "the kernel keeps the rest";
  owner.hold_answers = false;
  owner.answer(*connection, "go on");
  send_all();
  EXPECT_EQ(owner.requests.size(), 1 + waiting);
  EXPECT_TRUE(ring.receiving);
}

TEST_F(HttpConnectionTest, what_is_refused_is_answered_and_nothing_behind_it_is_read) {
  arrive("GET /a HTTP/1.1\r\n\r\n" + get("/b"));
  EXPECT_TRUE(owner.requests.empty());
  EXPECT_EQ(owner.closings, 1u);
  arrive(get("/c"));
  send_all();
  EXPECT_TRUE(owner.requests.empty());
  expect_said_goodbye(400);
}

TEST_F(HttpConnectionTest, who_wants_to_close_is_answered_first) {
  for (const std::string& request :
       {get("/a", "Connection: close\r\n"), std::string{"GET /a HTTP/1.0\r\n\r\n"}}) {
    reset();
    arrive(request + get("/b"));
    EXPECT_EQ(connection->state(), Connection::State::flushing);
    send_all();
    EXPECT_EQ(owner.requests, std::vector<std::string>{"GET /a "});
    EXPECT_EQ(bodies(), std::vector<std::string>{"/a"});
    expect_said_goodbye(200);
  }
}

TEST_F(HttpConnectionTest, the_owner_may_close_with_its_answer) {
  owner.hold_answers = true;
  arrive(get("/a"));
  proto::HttpResponse response = proto::problem(503, "unavailable", "not now");
  response.close = true;
  connection->respond(response);
  send_all();
  expect_said_goodbye(503);
}

TEST_F(HttpConnectionTest, head_gets_the_headers_alone) {
  arrive("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n");
  send_all();
  EXPECT_NE(peer.find("Content-Length: 2\r\n"), std::string::npos) << peer;
  EXPECT_TRUE(peer.ends_with("\r\n\r\n")) << peer;
}

TEST_F(HttpConnectionTest, continue_is_said_once_and_before_the_body) {
  const std::string whole = post("/a", "body", "Expect: 100-continue\r\n");
  arrive(whole.substr(0, whole.size() - 4));
  send_all();
  EXPECT_EQ(peer, "HTTP/1.1 100 Continue\r\n\r\n");
  arrive("bo");
  arrive("dy");
  EXPECT_EQ(owner.requests, std::vector<std::string>{"POST /a body"});
  send_all();
  EXPECT_EQ(peer.find("100 Continue", 10), std::string::npos);
}

TEST_F(HttpConnectionTest, an_answer_reaches_who_has_closed_its_own_direction) {
  owner.hold_answers = true;
  arrive(get("/a"));
  peer_ends();
  end_turn();
  EXPECT_EQ(connection->state(), Connection::State::http);
  owner.answer(*connection, "late");
  send_all();
  EXPECT_EQ(bodies(), std::vector<std::string>{"late"});
  expect_closed();
}

TEST_F(HttpConnectionTest, the_end_of_the_requests_loses_no_answer_that_is_on_its_way) {
  arrive(get("/a"));
  peer_ends();  // in the same turn: the send has not even begun
  EXPECT_TRUE(ring.shutdowns.empty());
  sent(3);
  send_all();
  EXPECT_EQ(bodies(), std::vector<std::string>{"/a"});
  expect_closed();

  reset();
  const std::size_t many = 200;  // more than is read before the answers are
  const std::string request = get("/" + std::string(1'000, 'x'));
  std::string stream;
  for (std::size_t i = 0; i < many; ++i) stream += request;
  arrive(stream);
  EXPECT_LT(owner.requests.size(), many);
  peer_ends();
  EXPECT_EQ(connection->state(), State::http);
  send_all();
  EXPECT_EQ(bodies().size(), many);
  expect_closed();
}

TEST_F(HttpConnectionTest, requests_before_the_end_are_all_answered) {
  owner.hold_answers = true;
  arrive(get("/a") + get("/b") + "GET /unfinished");
  peer_ends();
  owner.answer(*connection, "one");
  send_all();
  EXPECT_EQ(connection->state(), State::http);
  owner.answer(*connection, "two");
  send_all();
  EXPECT_EQ(bodies(), (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(owner.requests.size(), 2u);
  expect_closed();
}

TEST_F(HttpConnectionTest, who_does_not_read_its_answers_is_not_read_either) {
  const std::string many = get("/" + std::string(1'000, 'x'));
  std::size_t asked = 0;
  while (ring.cancelled_receives == 0) {
    ASSERT_LT(asked, 1'000u) << "nothing stops it";
    arrive(many);
    ++asked;
  }
  receive_ends(-ECANCELED);
  EXPECT_LE(budget.used_bytes(), 2 * limits.private_buffer_bytes);
  EXPECT_FALSE(ring.receiving);
  pass(seconds{19});
  EXPECT_EQ(connection->state(), State::http);
  send_all();  // it reads again
  EXPECT_EQ(owner.requests.size(), asked);
  EXPECT_EQ(bodies().size(), asked);
  EXPECT_TRUE(ring.receiving);
}

TEST_F(HttpConnectionTest, a_long_answer_is_not_cut_off_as_idle) {
  arrive(get("/" + std::string(1'000, 'x')));
  for (int i = 0; i < 10; ++i) {
    pass(seconds{19});
    sent(10);
  }
  EXPECT_EQ(connection->state(), State::http);
  send_all();
  EXPECT_EQ(bodies().size(), 1u);
}

TEST_F(HttpConnectionTest, an_end_between_or_within_requests_closes_without_a_word) {
  for (const std::string& begun : {std::string{}, std::string{"GET / HT"}, get("/whole")}) {
    reset();
    if (!begun.empty()) arrive(begun);
    send_all();
    peer.clear();
    peer_ends();
    EXPECT_FALSE(ring.sending);
    EXPECT_EQ(ring.shutdowns, std::vector<int>{SHUT_RDWR});
    expect_closed();
  }
}

TEST_F(HttpConnectionTest, an_answer_to_nobody_is_dropped) {
  owner.hold_answers = true;
  arrive(get("/a"));
  receive_ends(-ECONNRESET);
  owner.answer(*connection, "too late");
  EXPECT_FALSE(ring.sending);
  expect_closed();
}

// ---- time ------------------------------------------------------------------------------------

TEST_F(HttpConnectionTest, a_head_has_its_time_however_its_bytes_drip) {
  const std::string head = get("/a");
  for (int second = 0; second < 4; ++second) {
    arrive(head.substr(static_cast<std::size_t>(second), 1));
    pass(seconds{1});
    EXPECT_FALSE(ring.sending) << second;
  }
  pass(seconds{1} - milliseconds{1});
  EXPECT_FALSE(ring.sending);
  pass(milliseconds{1});
  send_all();
  EXPECT_EQ(ended(Ending::late), 1u);
  expect_said_goodbye(408);
}

TEST_F(HttpConnectionTest, a_body_has_its_time_from_the_end_of_the_head) {
  const std::string whole = post("/a", "0123456789");
  arrive(whole.substr(0, 5));
  pass(seconds{4});
  arrive(whole.substr(5, whole.size() - 15));  // the head is complete
  for (int second = 0; second < 19; ++second) {
    pass(seconds{1});
    ASSERT_FALSE(ring.sending) << second;
    if (second < 9) arrive("x");
  }
  pass(seconds{1});
  send_all();
  expect_said_goodbye(408);
}

TEST_F(HttpConnectionTest, a_body_that_dribbles_is_refused_and_a_steady_one_is_not) {
  limits.body_bytes_per_second = 2;
  const std::string whole = post("/a", std::string(100, 'x'));
  const std::string head = whole.substr(0, whole.size() - 100);
  arrive(head);
  for (int second = 0; second < 10; ++second) {
    arrive("xx");
    pass(seconds{1});
    ASSERT_FALSE(ring.sending) << second;
  }
  pass(seconds{1});
  send_all();
  expect_said_goodbye(408);
}

TEST_F(HttpConnectionTest, an_idle_connection_is_closed_without_a_word) {
  arrive(get("/a"));
  send_all();
  peer.clear();
  pass(seconds{60} - milliseconds{1});
  EXPECT_EQ(connection->state(), Connection::State::http);
  pass(milliseconds{1});
  EXPECT_EQ(connection->state(), Connection::State::shut);
  EXPECT_TRUE(peer.empty());
  peer_ends();
  expect_closed();
}

TEST_F(HttpConnectionTest, the_idle_time_begins_with_the_answer) {
  owner.hold_answers = true;
  arrive(get("/a"));
  pass(seconds{300});  // nobody hurries the owner
  EXPECT_EQ(connection->state(), Connection::State::http);
  owner.answer(*connection, "at last");
  send_all();
  pass(seconds{59});
  EXPECT_EQ(connection->state(), Connection::State::http);
  pass(seconds{1});
  EXPECT_EQ(connection->state(), Connection::State::shut);
}

}  // namespace
}  // namespace starling::net
