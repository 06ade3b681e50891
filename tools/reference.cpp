// Prints a page that is written from the tables of the program: reference PAGE
#include <array>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#include "server/commands/completion.hpp"
#include "server/exit_code.hpp"
#include "server/limits.hpp"
#include "server/manual.hpp"
#include "server/metrics.hpp"
#include "server/reference.hpp"

int main(int argc, char** argv) {
  using namespace starling::server;
  using Page = std::pair<std::string_view, std::string (*)()>;
  constexpr std::array<Page, 9> pages{{
      {"configuration.md", configuration_page},
      {"command-line.md", command_page},
      {"limits.md", limits_page},
      {"metrics.md", metrics_page},
      {"starling.8", command_manual},
      {"starling.toml.5", settings_manual},
      {"completion.bash", [] { return completion_script("bash"); }},
      {"completion.zsh", [] { return completion_script("zsh"); }},
      {"completion.fish", [] { return completion_script("fish"); }},
  }};
  for (const auto& [name, page] : pages) {
    if (argc != 2 || argv[1] != name) continue;
    std::fputs(page().c_str(), stdout);
    return exit_ok;
  }
  std::fputs("usage: reference PAGE, which is one of\n", stderr);
  for (const auto& [name, page] : pages) std::fprintf(stderr, "  %s\n", name.data());
  return exit_usage;
}
