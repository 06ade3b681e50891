// The table of commands: what every one of them owes who reads about it.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <sstream>

#include "server/commands/help.hpp"
#include "server/commands/table.hpp"
#include "server/keys.hpp"

namespace starling::server {
namespace {

// Calls `each` with the words of every command and the command.
void walk(const std::function<void(const std::string&, const Command&)>& each,
          const std::vector<Command>& commands = all_commands(), const std::string& before = "") {
  for (const Command& one : commands) {
    each(before + one.name, one);
    walk(each, one.commands, before + one.name + " ");
  }
}

TEST(CommandsTest, each_is_found_by_its_words_and_does_something) {
  std::set<std::string> seen;
  walk([&](const std::string& words, const Command& command) {
    EXPECT_TRUE(seen.insert(words).second) << words;
    EXPECT_EQ(find_command(words), &command);
    EXPECT_NE(command.run != nullptr, !command.commands.empty()) << words;
    EXPECT_EQ(command.group.empty(), words.find(' ') != std::string::npos) << words;
  });
  EXPECT_EQ(find_command("serv"), nullptr);
  EXPECT_EQ(find_command("config serve"), nullptr);
}

TEST(CommandsTest, help_is_a_screen_that_tells_everything) {
  const auto fits = [](const std::string& words) {
    std::istringstream lines{help_text(words)};
    unsigned count = 0;
    for (std::string line; std::getline(lines, line); ++count) EXPECT_LE(line.size(), 80u) << line;
    EXPECT_LE(count, 30u) << words;
  };
  fits("");
  walk([&](const std::string& words, const Command& command) {
    fits(words);
    const std::string help = help_text(words);
    EXPECT_NE(help.find("Usage: starling " + words + " "), std::string::npos);
    EXPECT_TRUE(command.help.size() > 8 && !command.help.ends_with(".")) << words;
    for (const Parameter& one : command.parameters) {
      EXPECT_NE(help.find(one.is_option() ? one.name : one.value), std::string::npos) << words;
      EXPECT_TRUE(one.help.size() > 4 && !one.help.ends_with(".")) << words << " " << one.name;
    }
  });
}

TEST(CommandsTest, parameters_are_named_once_and_set_settings_that_there_are) {
  Config config;
  std::vector<std::string> settings{"admin"};  // its host and port
  for (const Key& key : keys_of(config)) settings.push_back(key.name);
  walk([&](const std::string& words, const Command& command) {
    std::set<std::string> names{"--help"};
    for (const Parameter& one : command.parameters) {
      EXPECT_TRUE(names.insert(one.name).second) << words << " " << one.name;
      if (one.key.empty()) continue;
      EXPECT_NE(std::ranges::find(settings, one.key), settings.end()) << words << " " << one.name;
    }
  });
}

}  // namespace
}  // namespace starling::server
