#include "server/reference.hpp"

#include <algorithm>
#include <vector>

#include "server/keys.hpp"
#include "server/value.hpp"

namespace starling::server {
namespace {

// Calls `begin` for each section and `each` for each of its keys.
template <typename Begin, typename Each>
void walk(const std::vector<Key>& keys, Begin begin, Each each) {
  std::string section;
  for (const Key& key : keys) {
    if (key.section() != section) begin(section = key.section());
    each(key);
  }
}

std::string_view takes(const Key& key) { return key.takes == Takes::reload ? "reload" : "restart"; }

// What a value may be: "0 to 600000, ms".
std::string allowed(const Key& key) {
  const std::string unit = unit_of(key);
  return range_of(key) + (unit.empty() ? "" : ", " + unit);
}

// `text` in lines of at most 78 columns, each begun with "# ".
std::string comment(const std::string& text) {
  constexpr std::size_t width = 78;
  std::string out;
  std::string line = "#";
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t space = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, space - at);
    if (line.size() + 1 + word.size() > width) {
      out += line + "\n";
      line = "#";
    }
    line += " " + word;
    at = space + 1;
  }
  return out + line + "\n";
}

constexpr std::string_view page_head =
    R"(# Configuration

<!-- Written from src/server/keys.cpp: build-test/tools/reference configuration.md > docs/configuration.md -->

A setting comes from, first to last: a flag; `STARLING_SECTION__KEY` in the environment; the name that the PHP chat used
(`WEBSOCKET_HOST`, `WEBSOCKET_PORT`, `DATABASE_URL`, `APP_SECRET`); a credential of the service manager; the file; its default. Lists in
the environment are separated by commas. Every key below is optional.

    starling config default                      # a file with every key, as a package installs it
    starling check /etc/starling/starling.toml   # every mistake in it, with line and column
    starling config show --origin                # what holds, and where it comes from

A changed key takes effect at a reload (SIGHUP, `starling reload`) or at a restart. A reload takes over nothing of a file with a mistake, and names the
keys that wait for a restart.

Secrets and URLs need not stand in the file: `NAME_file` names a file that holds the value of `NAME`, and a credential of the service manager that is called
like the key (`LoadCredential=auth.secret:/etc/starling/secret`) is found by itself. `starling config show`, logs and metrics never show them.
)";

}  // namespace

std::string default_toml() {
  Config config;
  std::string out =
      "# Settings of Starling. Behind # stands the default; what is missing keeps it.\n"
      "# What a change takes, a reload or a restart, stands behind the range.\n"
      "# starling check FILE says what is wrong with a file, starling config show what holds.\n";
  walk(
      keys_of(config),
      [&](const std::string& section) {
        out.append("\n# ")
            .append(about_section(section))
            .append("\n[")
            .append(section)
            .append("]\n");
      },
      [&](const Key& key) {
        out += "\n" + comment(key.help) +
               comment("(" + allowed(key) + "; " + std::string{takes(key)} + ")");
        out += "#" + key.leaf() + " = " + toml_of(key) + "\n";
      });
  return out;
}

std::string configuration_page() {
  Config config;
  std::string out{page_head};
  walk(
      keys_of(config),
      [&](const std::string& section) {
        out.append("\n## ").append(section).append("\n\n").append(about_section(section));
        out.append(".\n\n| key | default | range | takes | what |\n|---|---|---|---|---|\n");
      },
      [&](const Key& key) {
        const std::string secret = key.is_secret() ? "; or `" + key.name + "_file`" : "";
        out += "| `" + key.name + "` | `" + toml_of(key) + "` | " + allowed(key) + " | " +
               std::string{takes(key)} + " | " + key.help + secret + " |\n";
      });
  return out;
}

std::string settings_as_toml(const Settings& settings, bool with_origins) {
  Config config = settings.config();
  std::string out;
  walk(
      keys_of(config),
      [&](const std::string& section) { out += (out.empty() ? "[" : "\n[") + section + "]\n"; },
      [&](const Key& key) {
        out += key.leaf() + " = " + shown_value(key);
        if (with_origins) out += "  # " + settings.origin(key.name);
        out += "\n";
      });
  return out;
}

std::string settings_as_json(const Settings& settings) {
  Config config = settings.config();
  std::string out = "{";
  for (const Key& key : keys_of(config)) {
    out += (out.size() > 1 ? ",\n " : "\n ") + quoted(key.name) +
           ": {\"value\": " + shown_value(key) +
           ", \"origin\": " + quoted(settings.origin(key.name)) + "}";
  }
  return out + "\n}\n";
}

}  // namespace starling::server
