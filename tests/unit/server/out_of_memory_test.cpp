#include "server/out_of_memory.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <new>
#include <thread>

#include "server/exit_code.hpp"

namespace starling::server {
namespace {

TEST(OutOfMemoryDeathTest, it_is_said_and_the_program_ends) {
  const auto run_out = [] {
    end_when_memory_ends();
    std::thread{[] {
      ::operator delete(::operator new(std::numeric_limits<std::size_t>::max() / 4));
    }}.join();
  };
  EXPECT_EXIT(run_out(), testing::ExitedWithCode(exit_os), "no memory left");
}

}  // namespace
}  // namespace starling::server
