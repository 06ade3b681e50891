#include "server/archive_options.hpp"

#include <fstream>
#include <string>
#include <utility>

#include "server/settings.hpp"
#include "store/mysql_address.hpp"

namespace starling::server {

base::Result<store::ArchiveOptions> archive_options(const Config& config) {
  store::ArchiveOptions options;
  options.path = sqlite_path(config);
  options.sync_full = config.store.sync == "full";
  options.batch_events = config.store.batch_events;
  if (!config.store.url.starts_with("mysql:")) return options;
  base::Result<store::MysqlAddress> address = store::parse_mysql_url(config.store.url);
  if (!address) return base::failure("store.url " + address.error().message);
  const std::string& file = config.store.password_file;
  std::ifstream lines{file};
  if (!file.empty() && !std::getline(lines, address->password)) {
    return base::failure("store.password_file: " + file + " cannot be read");
  }
  options.mysql = std::move(*address);
  return options;
}

}  // namespace starling::server
