// Rooms and servers over REST.
#include "harness.hpp"
#include "starling/version.hpp"

namespace starling::api {
namespace {

using RoomsTest = RestTest;

TEST_F(RoomsTest, rooms_are_listed_by_name_in_pages) {
  call("GET", "/api/rooms");
  EXPECT_EQ(asked<chat::ListRooms>().limit, 100u);
  EXPECT_EQ(asked<chat::ListRooms>().after, "");
  call("GET", "/api/rooms?limit=2&after=general");
  EXPECT_EQ(asked<chat::ListRooms>().limit, 2u);
  EXPECT_EQ(asked<chat::ListRooms>().after, "general");
  reply(chat::RoomsListed{{{"one", 10, 3, test_now}, {"three", 0, 1, test_now}}});
  EXPECT_EQ(status(), 200);
  EXPECT_EQ(body(), R"({"rooms":[{"roomId":"one","headSeq":10,"onlineCount":3,"members":3,)"
                    R"("createdAt":"2026-11-18T11:06:40.000Z"},{"roomId":"three","headSeq":0,)"
                    R"("onlineCount":5,"members":1,"createdAt":"2026-11-18T11:06:40.000Z"}]})");
  expect_failures_become_statuses("GET", "/api/rooms");
}

TEST_F(RoomsTest, one_room) {
  call("GET", "/api/rooms/one");
  EXPECT_EQ(asked<chat::FindRoom>().room, "one");
  reply(chat::RoomFound{{"one", 10, 3, test_now}});
  EXPECT_EQ(status(), 200);
  EXPECT_EQ(body(), R"({"roomId":"one","headSeq":10,"onlineCount":3,"members":3,)"
                    R"("createdAt":"2026-11-18T11:06:40.000Z"})");
  expect_failures_become_statuses("GET", "/api/rooms/one");
}

TEST_F(RoomsTest, the_servers_that_are_known) {
  call("GET", "/api/fleet");
  EXPECT_EQ(status(), 200);
  EXPECT_EQ(body(), R"({"servers":[{"serverId":"server-1","address":"127.0.0.1:8080",)"
                    R"("version":"1.0","state":"alive","startedAt":"2026-11-18T11:06:40.000Z",)"
                    R"("connections":3,"rooms":2,"bus":"ok","archive":"ok"},)"
                    R"({"serverId":"server-2","address":"127.0.0.1:8081",)"
                    R"("version":"0.9","state":"silent","startedAt":"2026-11-18T11:06:40.000Z",)"
                    R"("connections":5,"rooms":1,"bus":"away","archive":"failing"}]})");
}

}  // namespace
}  // namespace starling::api
