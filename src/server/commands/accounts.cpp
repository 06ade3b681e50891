#include "server/commands/accounts.hpp"

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "io/clock.hpp"
#include "server/archive_options.hpp"
#include "server/commands/output.hpp"
#include "server/control.hpp"
#include "server/exit_code.hpp"
#include "server/sodium.hpp"
#include "server/value.hpp"

namespace starling::server {
namespace {

constexpr std::string_view id_prefix = "id:";

}  // namespace

Parameter user_argument() {
  return {.name = "user", .value = "USER", .help = "A name, or id:42", .required = true};
}

int fail(const base::Error& error) {
  switch (error.system_errno) {
    case ENOENT:
      return fail(exit_no_input, error.message);
    case EEXIST:
      return fail(exit_cannot_create, error.message);
    default:
      return fail(exit_unavailable, error.message);
  }
}

// Tokens say in whole seconds when they were issued: one of this second would be ended, too, so
// this returns in the next.
int finish(const Settings& settings, const base::Result<void>& done) {
  if (!done) return fail(done.error());
  constexpr base::WallMs second = 1'000;
  static_cast<void>(ask_server(settings.config().server.data_dir, "revocations"));
  std::this_thread::sleep_for(std::chrono::milliseconds{second - io::wall_clock() % second});
  return exit_ok;
}

Command with_accounts(Command command, WithAccounts action) {
  command.parameters.push_back(config_option());
  command.parameters.push_back(data_dir_option());
  return with_settings(std::move(command), [action = std::move(action)](const Settings& settings,
                                                                        const Given& given) {
    start_sodium();
    const base::Result<store::ArchiveOptions> options = archive_options(settings.config());
    if (!options) return fail(exit_config, options.error().message);
    const auto accounts = store::Accounts::open(*options);
    if (!accounts) return fail(accounts.error());
    return action(settings, **accounts, given);
  });
}

Command with_user(Command command, WithUser action) {
  command.parameters.insert(command.parameters.begin(), user_argument());
  return with_accounts(
      std::move(command), [action = std::move(action)](const Settings& settings,
                                                       store::Accounts& all, const Given& given) {
        const std::string named = given.text("user");
        const auto id = named.starts_with(id_prefix)
                            ? parse_number(std::string_view{named}.substr(id_prefix.size()))
                            : std::nullopt;
        const auto account = all.find(id.value_or(0), named);
        if (!account) return fail(account.error());
        if (!*account) return fail(exit_no_user, "there is no user " + named);
        return action(settings, all, **account, given);
      });
}

}  // namespace starling::server
