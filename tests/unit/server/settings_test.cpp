// Every key of the table: unknown, of the wrong type, out of range; and which source wins.
#include "server/settings.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "server/keys.hpp"

namespace starling::server {
namespace {

std::string write_file(const std::string& text) {
  const std::string path = testing::TempDir() + "settings-" + std::to_string(::getpid()) + ".toml";
  std::ofstream{path} << text;
  return path;
}

std::vector<Problem> problems_of(const std::string& text) {
  Settings settings;
  settings.apply_file(write_file(text));
  return settings.problems();
}

std::string section_and_key(const std::string& name, const std::string& value) {
  const std::size_t dot = name.find('.');
  return "[" + name.substr(0, dot) + "]\n" + name.substr(dot + 1) + " = " + value + "\n";
}

TEST(SettingsTest, every_key_is_checked_where_it_stands) {
  Config config;
  for (const Key& key : keys_of(config)) {
    const auto wrong = problems_of(section_and_key(key.name, "1979-05-27"));
    ASSERT_EQ(wrong.size(), 1u) << key.name;
    EXPECT_EQ(wrong[0].at.line, 2u) << key.name;
    EXPECT_GT(wrong[0].at.column, 3u) << key.name;
    const auto unknown = problems_of(section_and_key(key.name + "x", "1"));
    ASSERT_EQ(unknown.size(), 1u) << key.name;
    EXPECT_NE(unknown[0].what.find("did you mean '"), std::string::npos) << unknown[0].what;
    if (key.high > 0) {
      EXPECT_TRUE(problems_of(section_and_key(key.name, std::to_string(key.high))).empty());
      EXPECT_TRUE(problems_of(section_and_key(key.name, std::to_string(key.low))).empty());
      EXPECT_EQ(problems_of(section_and_key(key.name, std::to_string(key.high + 1))).size(), 1u);
      EXPECT_EQ(problems_of(section_and_key(key.name, "-1")).size(), 1u) << key.name;
      if (key.low > 0) {
        EXPECT_EQ(problems_of(section_and_key(key.name, std::to_string(key.low - 1))).size(), 1u);
      }
    }
    for (const std::string& choice : key.choices) {
      EXPECT_TRUE(problems_of(section_and_key(key.name, '"' + choice + '"')).empty());
    }
    if (!key.choices.empty()) {
      EXPECT_EQ(problems_of(section_and_key(key.name, "\"none\"")).size(), 1u) << key.name;
    }
  }
}

TEST(SettingsTest, the_defaults_hold_together) {
  Settings settings;
  settings.check();
  EXPECT_TRUE(settings.problems().empty());
}

TEST(SettingsTest, what_is_applied_last_wins_and_the_original_names_come_before_ours) {
  Settings settings;
  settings.apply_file(write_file("[server]\nport = 1\nhost = \"127.0.0.9\"\n"));
  settings.apply_environment({"STARLING_SERVER__PORT=3", "WEBSOCKET_PORT=2", "HOME=/x",
                              "DATABASE_URL=sqlite:///srv/chat.db", "STARLING_TOKEN=x"});
  EXPECT_TRUE(settings.problems().empty());
  EXPECT_EQ(settings.config().server.port, 3);
  EXPECT_EQ(settings.config().server.host, "127.0.0.9");
  EXPECT_EQ(sqlite_path(settings.config()), "/srv/chat.db");
  settings.apply("server.port", "4", "--port");
  EXPECT_EQ(settings.config().server.port, 4);
}

TEST(SettingsTest, lists_and_switches_come_from_the_environment_too) {
  Settings settings;
  settings.apply_environment({"STARLING_HTTP__ALLOWED_ORIGINS=https://a,https://b",
                              "STARLING_TEST__ECHO=true", "STARLING_AUTH__MODE=open"});
  EXPECT_EQ(settings.config().http.allowed_origins,
            (std::vector<std::string>{"https://a", "https://b"}));
  EXPECT_TRUE(settings.config().test.echo);
  EXPECT_EQ(settings.config().auth.mode, AuthMode::open);
}

TEST(SettingsTest, each_value_tells_where_it_comes_from) {
  Settings settings;
  const std::string path = write_file("[server]\nport = 1\nhost = \"::1\"\n");
  settings.apply_file(path);
  settings.apply_environment({"STARLING_SERVER__PORT=3"});
  settings.apply("log.level", "debug", "--log-level");
  EXPECT_EQ(settings.origin("server.host"), path + ":3:8");
  EXPECT_EQ(settings.origin("server.port"), "STARLING_SERVER__PORT");
  EXPECT_EQ(settings.origin("log.level"), "--log-level");
  EXPECT_EQ(settings.origin("server.pin"), "default");
}

TEST(SettingsTest, secrets_come_from_files_and_credentials) {
  const std::string folder = testing::TempDir() + "credentials-" + std::to_string(::getpid());
  ASSERT_TRUE(::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST);
  std::ofstream{folder + "/auth.secret"} << "from-a-credential\n";
  std::ofstream{folder + "/code"} << "from-a-file\r\n";
  Settings settings;
  settings.apply_file(write_file("[auth]\nsecret = \"from-the-settings\"\ninvite_code_file = \"" +
                                 folder + "/code\"\n"));
  settings.apply_credentials(folder);
  settings.check();
  EXPECT_TRUE(settings.problems().empty());
  EXPECT_EQ(settings.config().auth.secret, "from-a-credential");
  EXPECT_EQ(settings.config().auth.invite_code, "from-a-file");
  settings.apply_environment({"STARLING_AUTH__SECRET_FILE=" + folder + "/none"});
  ASSERT_EQ(settings.problems().size(), 1u);
  EXPECT_NE(settings.problems()[0].what.find("cannot be read"), std::string::npos);
}

TEST(SettingsTest, rules_between_settings) {
  const auto refused = [](std::string_view key, std::string_view value) {
    Settings settings;
    settings.apply(key, value, "test");
    settings.check();
    return !settings.problems().empty();
  };
  EXPECT_TRUE(refused("server.threads", "65"));
  EXPECT_TRUE(refused("store.url", "mysql://a"));
  EXPECT_TRUE(refused("bus.url", "amqp://a"));
  EXPECT_TRUE(refused("auth.secret", "short"));
  EXPECT_TRUE(refused("limits.message_bytes", "65536"));
  EXPECT_TRUE(refused("auth.registration", "invite")) << "without a code";
  EXPECT_TRUE(refused("auth.registration", "everybody"));
  EXPECT_FALSE(refused("store.url", "sqlite:x.db"));
  for (const char* key : {"server.host", "admin.host"}) {
    EXPECT_TRUE(refused(key, "256.0.0.1"));
    EXPECT_TRUE(refused(key, "chat.example.org")) << "it would have to be looked up";
    EXPECT_FALSE(refused(key, "::1"));
    EXPECT_FALSE(refused(key, "localhost"));
  }
  for (const char* origin : {"chat.example.org", "https://chat.example.org/", "https://", "*"}) {
    EXPECT_TRUE(refused("http.allowed_origins", origin)) << origin;
  }
  EXPECT_FALSE(refused("http.allowed_origins", "https://chat.example.org,app://desktop:1"));
}

TEST(SettingsTest, a_rule_that_is_broken_is_told_where_the_value_stands) {
  Settings settings;
  settings.apply_file(write_file("[auth]\nsecret = \"short\"\n[server]\nhost = \"nowhere\"\n"));
  settings.apply("auth.registration", "invite", "--test");
  settings.check();
  ASSERT_EQ(settings.problems().size(), 3u);
  EXPECT_EQ(to_string(settings.problems()[0]).find("auth.invite_code: error: must"), 0u)
      << "nobody set it";
  const std::string short_secret = to_string(settings.problems()[1]);
  EXPECT_NE(short_secret.find(".toml:2:10: error: 'auth.secret' must"), std::string::npos);
  EXPECT_TRUE(short_secret.ends_with("\n    secret = \"short\"")) << short_secret;
  EXPECT_EQ(settings.problems()[2].at.line, 4u);
}

Settings of_environment(const std::vector<std::string>& variables) {
  Settings settings;
  settings.apply_environment(variables);
  return settings;
}

TEST(SettingsTest, the_originals_broker_is_the_bus) {
  EXPECT_EQ(of_environment({"RABBITMQ_HOST=mq"}).config().bus.url,
            "amqp://guest:guest@mq:5672/%2F");
  EXPECT_EQ(of_environment({"RABBITMQ_VHOST=chat", "RABBITMQ_HOST=mq", "RABBITMQ_PORT=5673",
                            "RABBITMQ_USER=ann", "RABBITMQ_PASSWORD=a@b/c",
                            "MESSENGER_TRANSPORT_DSN=amqp://elsewhere"})
                .config()
                .bus.url,
            "amqp://ann:a%40b%2Fc@mq:5673/chat");
  const auto of_dsn = [](const std::string& dsn) {
    return of_environment({"MESSENGER_TRANSPORT_DSN=" + dsn}).config().bus.url;
  };
  EXPECT_EQ(of_dsn("amqp://guest:guest@localhost:5672/%2f/messages"),
            "amqp://guest:guest@localhost:5672/%2f");
  EXPECT_EQ(of_dsn("amqp://localhost?x=1"), "amqp://localhost");
  EXPECT_EQ(of_dsn("doctrine://default"), "");
  EXPECT_EQ(of_environment({"RABBITMQ_HOST=mq", "STARLING_BUS__URL=amqp://ours"}).config().bus.url,
            "amqp://ours");
}

TEST(SettingsTest, a_bus_needs_a_shared_archive_and_a_shared_secret) {
  const auto problems = [](const std::vector<std::string>& variables) {
    Settings settings = of_environment(variables);
    settings.check();
    std::string all;
    for (const Problem& problem : settings.problems()) all += to_string(problem) + " ";
    return all;
  };
  const std::string bus = "STARLING_BUS__URL=amqp://mq";
  const std::string mysql = "STARLING_STORE__URL=mysql://a:b@c/d";
  const std::string secret = "STARLING_AUTH__SECRET=0123456789abcdef";
  EXPECT_NE(problems({bus, secret}).find("bus.url"), std::string::npos);
  EXPECT_NE(problems({bus, mysql}).find("auth.secret"), std::string::npos);
  EXPECT_NE(problems({"STARLING_BUS__URL=http://mq", mysql, secret}).find("bus.url"),
            std::string::npos);
  EXPECT_EQ(problems({bus, mysql, secret}).find("bus."), std::string::npos);
  EXPECT_EQ(problems({bus, mysql, "STARLING_BUS__SECRET=0123456789abcdef"}).find("auth."),
            std::string::npos);
  const std::string ca = "STARLING_BUS__TLS_CA=/ca.pem";
  EXPECT_NE(problems({bus, mysql, secret, ca}).find("bus.tls_ca"), std::string::npos);
  EXPECT_EQ(problems({"STARLING_BUS__URL=amqps://mq", mysql, secret, ca}), "");
  EXPECT_NE(problems({bus, mysql, "STARLING_BUS__SECRET=short"}).find("bus.secret"),
            std::string::npos);
}

TEST(SettingsTest, words_that_are_close) {
  EXPECT_EQ(closest("serv", {"serve", "check"}), "serve");
  EXPECT_EQ(closest("banana", {"serve", "check"}), "");
}

TEST(SettingsTest, host_and_port) {
  EXPECT_EQ(parse_host_port("127.0.0.1:80"),
            (std::pair<std::string, std::uint16_t>{"127.0.0.1", 80}));
  EXPECT_EQ(parse_host_port("[::1]:0"), (std::pair<std::string, std::uint16_t>{"::1", 0}));
  for (const char* bad : {"", ":1", "a", "a:", "a:65536", "a:b"})
    EXPECT_FALSE(parse_host_port(bad));
}

TEST(SettingsTest, proxies_are_addresses_and_networks) {
  const auto checked = [](const std::string& list, bool header) {
    Settings settings;
    settings.apply("http.trusted_proxies", list, "--test");
    settings.apply("http.proxy_protocol", header ? "true" : "false", "--test");
    settings.check();
    return settings.problems();
  };
  EXPECT_TRUE(checked("127.0.0.1,10.0.0.0/8,::1,2001:db8::/32", true).empty());
  EXPECT_TRUE(checked("", false).empty());
  const auto wrong = checked("10.0.0.1,proxy.example.org", false);
  ASSERT_EQ(wrong.size(), 1u);
  EXPECT_NE(wrong[0].what.find("'proxy.example.org'"), std::string::npos);
  EXPECT_EQ(checked("", true).size(), 1u) << "whose header?";
}

}  // namespace
}  // namespace starling::server
