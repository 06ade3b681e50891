// What an accepted socket has from the one that listens.
#include "net/listener.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>

namespace starling::net {
namespace {

int option_of(int socket, int option) {
  int value = -1;
  socklen_t size = sizeof value;
  EXPECT_EQ(::getsockopt(socket, IPPROTO_TCP, option, &value, &size), 0);
  return value;
}

void expect_prepared(const Listener& listener) {
  listener.give_up_untaken(std::chrono::milliseconds{25'000});
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(listener.port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int client = ::socket(AF_INET, SOCK_STREAM, 0);
  ASSERT_EQ(::connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  pollfd come{listener.descriptor(), POLLIN, 0};
  ASSERT_EQ(::poll(&come, 1, 5'000), 1);
  const int accepted = ::accept(listener.descriptor(), nullptr, nullptr);
  ASSERT_GE(accepted, 0);
  EXPECT_EQ(option_of(accepted, TCP_NODELAY), 1) << "small messages would wait for others";
  EXPECT_EQ(option_of(accepted, TCP_USER_TIMEOUT), 25'000) << "a dead peer would be kept for long";
  ::close(accepted);
  ::close(client);
}

TEST(ListenerTest, accepted_sockets_are_prepared) {
  const auto listener = Listener::open("127.0.0.1", 0, 16);
  ASSERT_TRUE(listener);
  expect_prepared(*listener);
}

TEST(ListenerTest, those_of_a_socket_that_was_handed_in_are_too) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(descriptor, 16), 0);
  const auto listener = Listener::adopt(descriptor);
  ASSERT_TRUE(listener);
  expect_prepared(*listener);
}

}  // namespace
}  // namespace starling::net
