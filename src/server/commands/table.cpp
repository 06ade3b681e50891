#include "server/commands/table.hpp"

#include <algorithm>
#include <sstream>

#include "server/commands/commands.hpp"

namespace starling::server {

const std::vector<Command>& all_commands() {
  static const std::vector<Command> commands{
      serve_command(),     check_command(),  doctor_command(),     migrate_command(),
      user_command(),      token_command(),  backup_command(),     restore_command(),
      store_command(),     status_command(), reload_command(),     drain_command(),
      log_level_command(), config_command(), completion_command(), version_command(),
      help_command(),
  };
  return commands;
}

const Command* find_command(const std::string& words) {
  const std::vector<Command>* among = &all_commands();
  const Command* found = nullptr;
  std::istringstream each{words};
  for (std::string word; each >> word; among = &found->commands) {
    const auto place = std::ranges::find(*among, word, &Command::name);
    if (place == among->end()) return nullptr;
    found = &*place;
  }
  return found;
}

}  // namespace starling::server
