#include "server/out_of_memory.hpp"

#include <gtest/gtest.h>

#include <new>
#include <thread>

#include "server/exit_code.hpp"

namespace starling::server {
namespace {

// A sanitizer's operator new ends the program itself, before it asks the handler that the
// library's asks (new.delete.single): so it is called here.
TEST(OutOfMemoryDeathTest, it_is_said_and_the_program_ends) {
  const auto run_out = [] {
    end_when_memory_ends();
    std::thread{[] { std::get_new_handler()(); }}.join();
  };
  EXPECT_EXIT(run_out(), testing::ExitedWithCode(exit_os), "no memory left");
}

}  // namespace
}  // namespace starling::server
