// A line of another server as a signal, and that signal as lines again.
#include "bus/signal_lines.hpp"
#include "input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace starling;
  static proto::JsonReader json{bus::max_line_bytes};
  const bus::Origin from{"b", 7};
  const auto signal = bus::parse_line(json, from, fuzz::Input{data, size}.rest());
  if (!signal) return 0;
  std::vector<std::string> lines;
  bus::append_lines(*signal, lines);
  for (const std::string& line : lines) {
    fuzz::require(line.size() <= bus::max_line_bytes, "a line is bounded");
    const auto again = bus::parse_line(json, from, line);
    fuzz::require(again.has_value(), "what was read can be written and read");
    std::vector<std::string> same;
    bus::append_lines(*again, same);
    fuzz::require(same.size() == 1 && same[0] == line, "and is then the same");
  }
  return 0;
}
