// A configuration file, and the same lines as environment.
#include <sys/mman.h>
#include <unistd.h>

#include <sstream>

#include "input.hpp"
#include "server/settings.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace starling;
  static const int file = memfd_create("settings", 0);
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  const std::string_view text = fuzz::Input{data, size}.rest();
  fuzz::require(ftruncate(file, 0) == 0, "a file of memory");
  fuzz::require(pwrite(file, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()),
                "a file of memory");

  server::Settings settings;
  settings.apply_file(path);
  std::vector<std::string> lines;
  std::stringstream stream{std::string{text}};
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  settings.apply_environment(lines);
  settings.check();
  for (const server::Problem& problem : settings.problems()) {
    fuzz::require(!server::to_string(problem).empty(), "every problem is told");
  }
  const Config& config = settings.config();
  fuzz::require(config.limits.message_bytes >= 1 && config.limits.message_bytes <= 65'536,
                "no value is out of its range, whatever else is wrong");
  return 0;
}
