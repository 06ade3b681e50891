// starling token: what lets a user in.
#include <unistd.h>

#include <iostream>
#include <utility>

#include "api/identity.hpp"
#include "io/clock.hpp"
#include "proto/json_writer.hpp"
#include "server/commands/accounts.hpp"
#include "server/commands/commands.hpp"
#include "server/commands/output.hpp"
#include "server/exit_code.hpp"
#include "server/secret.hpp"
#include "server/value.hpp"

namespace starling::server {
namespace {

using store::Account;
using store::Accounts;

constexpr base::WallMs day_ms = 86'400'000;
constexpr std::uint64_t max_days = 3'650;

// The key that a server has; none is made here, or it might belong to the wrong user.
base::Result<api::TokenKeys> keys_of(const Config& config) {
  const std::string path = config.server.data_dir + "/secret";
  if (config.auth.secret.empty() && config.auth.public_key_file.empty() &&
      ::access(path.c_str(), R_OK) != 0) {
    return base::failure("cannot read " + path + "; a server makes it when it first starts");
  }
  return load_token_keys(config);
}

int issue(const Settings& settings, const Account& account, const Given& given) {
  const Config& config = settings.config();
  std::uint64_t days = config.auth.token_days;
  if (given.has("--days")) days = parse_number(given.text("--days")).value_or(0);
  if (days < 1 || days > max_days) return usage_error("--days must be from 1 to 3650");
  if (account.disabled) return fail(exit_no_user, account.user.username + " is disabled");
  const base::Result<api::TokenKeys> keys = keys_of(config);
  if (!keys) return fail(exit_no_input, keys.error().message);
  if (!keys->can_mint()) {
    return fail(exit_config, "auth.public_key_file only verifies; who has the key issues tokens");
  }
  const auto lifetime = static_cast<base::WallMs>(days) * day_ms;
  return print(keys->mint(account.user.id, account.user.username, io::wall_clock(), lifetime) +
               "\n");
}

std::string json_of(const api::Identity& token, const char* state) {
  std::string text;
  proto::JsonWriter json{text};
  json.begin_object().field("state", state).field("userId", token.user);
  json.field("username", token.name).field("tokenId", token.token_id).key("issuedAt");
  token.issued == 0 ? json.null() : json.time(token.issued);
  json.key("expiresAt").time(token.expires).end_object();
  return text + "\n";
}

std::string text_of(const api::Identity& token, const char* state) {
  std::string text = "state    " + std::string{state} + "\nuser     " + std::to_string(token.user) +
                     " " + token.name + "\nissued   ";
  if (token.issued == 0) text += "not said";
  if (token.issued != 0) base::append_iso8601(text, token.issued);
  text += "\nexpires  ";
  base::append_iso8601(text, token.expires);
  return text + "\nid       " + (token.token_id.empty() ? "none" : token.token_id) + "\n";
}

int inspect(const Settings& settings, Accounts& all, const Given& given) {
  const base::Result<api::TokenKeys> keys = keys_of(settings.config());
  if (!keys) return fail(exit_no_input, keys.error().message);
  std::string token;
  std::cin >> token;
  const base::WallMs now = io::wall_clock();
  constexpr base::WallMs long_ago = 1;
  std::optional<api::Identity> found = keys->verify(token, now);
  const bool expired = !found && (found = keys->verify(token, long_ago));
  if (!found) {
    return fail(exit_bad_data,
                "no token of this server: another key or algorithm, not valid yet, or damaged");
  }
  const auto revoked = all.revoked(found->user, found->token_id, found->issued);
  if (!revoked) return fail(revoked.error());
  const char* const state = *revoked ? "revoked" : expired ? "expired" : "valid";
  print(given.has("--json") ? json_of(*found, state) : text_of(*found, state));
  return *revoked || expired ? exit_bad_data : exit_ok;
}

}  // namespace

Command token_command() {
  Command issuing =
      with_user({.name = "issue",
                 .help = "Print a new token of a user",
                 .parameters = {{.name = "--days",
                                 .value = "N",
                                 .help = "Valid so long, 1 to 3650 (default auth.token_days)"}},
                 .notes = "Who has a token is that user: pass it on with care."},
                [](const Settings& settings, Accounts&, const Account& account,
                   const Given& given) { return issue(settings, account, given); });
  Command revoking = with_user(
      {.name = "revoke",
       .help = "End all tokens of a user that were issued until now",
       .notes = "The server of this data folder closes sockets within a second, others in ten."},
      [](const Settings& settings, Accounts& all, const Account& account, const Given&) {
        return finish(settings, all.revoke_tokens(account.user.id));
      });
  Command inspecting = with_accounts(
      {.name = "inspect",
       .help = "Say whose a token is, and whether it is valid",
       .parameters = {json_flag()},
       .notes = "The token is read from standard input. Ends with 65 if it is not valid."},
      [](const Settings& settings, Accounts& all, const Given& given) {
        return inspect(settings, all, given);
      });
  return {.name = "token",
          .help = "Tokens: issue, end, look into",
          .group = "Data",
          .commands = {std::move(issuing), std::move(revoking), std::move(inspecting)}};
}

}  // namespace starling::server
