// starling user: the archive's users.
#include <utility>

#include "chat/ids.hpp"
#include "proto/json_writer.hpp"
#include "server/commands/accounts.hpp"
#include "server/commands/commands.hpp"
#include "server/commands/output.hpp"
#include "server/commands/password.hpp"
#include "server/exit_code.hpp"
#include "server/hasher.hpp"
#include "server/value.hpp"

namespace starling::server {
namespace {

using store::Account;
using store::Accounts;

constexpr unsigned page = 1'000;  // of users that are read at once

std::string time_text(base::WallMs time) {
  std::string text;
  base::append_iso8601(text, time);
  return text;
}

void write(proto::JsonWriter& json, const Account& account) {
  const chat::User& user = account.user;
  json.begin_object().field("id", user.id).field("username", user.username);
  json.field("email", user.email).key("createdAt").time(user.created_at).key("lastSeenAt");
  user.last_seen_at == 0 ? json.null() : json.time(user.last_seen_at);
  json.field("isOnline", user.online).field("hasPassword", account.has_password);
  json.field("disabled", account.disabled).end_object();
}

std::string row_of(const Account& account) {
  std::string row = std::to_string(account.user.id);
  row.resize(std::max<std::size_t>(row.size() + 1, 8), ' ');
  row += account.user.username;
  for (const auto& [is, word] : {std::pair{account.user.online, " (online)"},
                                 {account.disabled, " (disabled)"},
                                 {!account.has_password, " (no password)"}}) {
    if (is) row += word;
  }
  return row + "\n";
}

// One page after the other, so that many users are no matter. As JSON, an object in each line.
int list(Accounts& all, bool as_json) {
  for (chat::UserId after = 0;;) {
    const auto accounts = all.list(after, page);
    if (!accounts) return fail(accounts.error());
    if (accounts->empty()) return exit_ok;
    std::string text;
    for (const Account& account : *accounts) {
      if (as_json) {
        proto::JsonWriter json{text};
        write(json, account);
        text += '\n';
      } else {
        text += row_of(account);
      }
    }
    print(text);
    after = accounts->back().user.id;
  }
}

int show(const Account& account, bool as_json) {
  std::string text;
  if (as_json) {
    proto::JsonWriter json{text};
    write(json, account);
    return print(text + "\n");
  }
  const chat::User& user = account.user;
  return print("id        " + std::to_string(user.id) + "\nname      " + user.username +
               "\nemail     " + (user.email.empty() ? "none" : user.email) + "\ncreated   " +
               time_text(user.created_at) + "\nseen      " +
               (user.last_seen_at == 0 ? "never" : time_text(user.last_seen_at)) + "\nonline    " +
               (user.online ? "yes" : "no") + "\npassword  " +
               (account.has_password ? "yes" : "none: gets in by a token only") + "\ndisabled  " +
               (account.disabled ? "yes" : "no") + "\n");
}

// The hash of the password that was read; where there is none, that is said by the exit code.
base::Result<std::string> hashed_password(const Given& given) {
  base::Result<std::string> password = read_password(given);
  if (!password) return password;
  std::string hash = hash_password(*password);
  if (hash.empty()) return base::failure("there is no memory to hash a password");
  return hash;
}

int add(Accounts& all, const Given& given) {
  chat::CreateUser user{given.text("name"), given.text("--email"), {}};
  if (!chat::valid_username(user.username)) {
    return fail(exit_bad_data,
                "a name has 1 to 50 characters, none of them a control character or < > & \" '");
  }
  if (!user.email.empty() && !chat::valid_email(user.email)) {
    return fail(exit_bad_data, "the email address is not valid");
  }
  if (!given.has("--no-password")) {
    base::Result<std::string> hash = hashed_password(given);
    if (!hash) return fail(exit_bad_data, hash.error().message);
    user.password_hash = std::move(*hash);
  }
  const auto id = all.add(user);
  return id ? print(std::to_string(*id) + "\n") : fail(id.error());
}

int set_password(Accounts& all, const Account& account, const Given& given) {
  const base::Result<std::string> hash = hashed_password(given);
  if (!hash) return fail(exit_bad_data, hash.error().message);
  const base::Result<void> done = all.set_password(account.user.id, *hash);
  return done ? exit_ok : fail(done.error());
}

}  // namespace

Command user_command() {
  Command listing = with_accounts(
      {.name = "list",
       .help = "List all users, one a line",
       .parameters = {{.name = "--json", .help = "A JSON object for each, one a line"}}},
      [](const Settings&, Accounts& all, const Given& given) {
        return list(all, given.has("--json"));
      });
  Command showing =
      with_user({.name = "show", .help = "Show a user", .parameters = {json_flag()}},
                [](const Settings&, Accounts&, const Account& account, const Given& given) {
                  return show(account, given.has("--json"));
                });
  Command adding = with_accounts(
      {.name = "add",
       .help = "Make a user, and print its id",
       .parameters = {{.name = "name", .value = "NAME", .help = "The name", .required = true},
                      {.name = "--email", .value = "ADDRESS", .help = "The email address"},
                      password_file_option(),
                      {.name = "--no-password", .help = "Without one: gets in by a token only"}},
       .notes = "Ends with 73 if the name is taken. A server must have made its database before."},
      [](const Settings&, Accounts& all, const Given& given) { return add(all, given); });
  Command password =
      with_user({.name = "password",
                 .help = "Give a user another password",
                 .parameters = {password_file_option()},
                 .notes = "Tokens stay what they are; starling token revoke ends them."},
                [](const Settings&, Accounts& all, const Account& account, const Given& given) {
                  return set_password(all, account, given);
                });
  Command disabling = with_user(
      {.name = "disable",
       .help = "Keep a user out",
       .notes = "From now on nothing of the user enters a room, and no password lets in. Tokens\n"
                "and sockets end within a second at this data folder's server, elsewhere in ten."},
      [](const Settings& settings, Accounts& all, const Account& account, const Given&) {
        return finish(settings, all.disable(account.user.id));
      });
  Command enabling = with_user(
      {.name = "enable", .help = "Let a user in again", .notes = "Tokens from before stay ended."},
      [](const Settings& settings, Accounts& all, const Account& account, const Given&) {
        return finish(settings, all.enable(account.user.id));
      });
  return {.name = "user",
          .help = "Users: list, make, keep out",
          .group = "Data",
          .commands = {std::move(listing), std::move(showing), std::move(adding),
                       std::move(password), std::move(disabling), std::move(enabling)}};
}

}  // namespace starling::server
