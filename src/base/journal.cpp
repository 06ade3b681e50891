#include "base/journal.hpp"

// Where it was logged from is this file, for all lines.
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <spdlog/details/null_mutex.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

namespace starling::base {
namespace {

// Where libsystemd sends to. It takes the lack of it for success.
constexpr sockaddr_un journal_address{AF_UNIX, "/run/systemd/journal/socket"};

bool journal_is_reached() {
  const int probe = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const auto* const address = reinterpret_cast<const sockaddr*>(&journal_address);
  const bool reached = probe >= 0 && ::connect(probe, address, sizeof journal_address) == 0;
  if (probe >= 0) ::close(probe);
  return reached;
}

const char* priority_of(spdlog::level::level_enum level) {
  static_assert(LOG_ERR == 3 && LOG_WARNING == 4 && LOG_INFO == 6 && LOG_DEBUG == 7);
  switch (level) {
    case spdlog::level::debug:
      return "PRIORITY=7";
    case spdlog::level::info:
      return "PRIORITY=6";
    case spdlog::level::warn:
      return "PRIORITY=4";
    default:
      return "PRIORITY=3";
  }
}

void append_value(std::string& entry, std::string_view value) {
  for (const char c : value) entry += c == '\0' ? ' ' : c;
  entry += '\0';
}

// Names of the journal's fields are capitals, digits and underscores.
void append_name(std::string& entry, std::string_view key) {
  for (const char c : key) {
    if (c >= 'a' && c <= 'z') {
      entry += static_cast<char>(c - 'a' + 'A');
    } else {
      entry += (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ? c : '_';
    }
  }
}

iovec field_of(std::string_view text) {
  return {const_cast<char*>(text.data()), text.size()};  // only read
}

}  // namespace

bool stderr_is_journal() {
  const char* const journal = std::getenv("JOURNAL_STREAM");
  struct stat own {};
  if (journal == nullptr || ::fstat(STDERR_FILENO, &own) != 0) return false;
  return std::to_string(own.st_dev) + ":" + std::to_string(own.st_ino) == journal &&
         journal_is_reached();
}

std::string journal_entry(std::string_view sentence, std::initializer_list<LogField> fields) {
  std::string entry{"MESSAGE="};
  append_value(entry, sentence);
  for (const LogField& field : fields) {
    entry += "STARLING_";
    append_name(entry, field.key);
    entry += '=';
    append_value(entry, field.value);
  }
  return entry;
}

void JournalSink::sink_it_(const spdlog::details::log_msg& line) {
  std::vector<iovec> fields{field_of(priority_of(line.level)),
                            field_of("SYSLOG_IDENTIFIER=starling")};
  std::string_view rest{line.payload.data(), line.payload.size()};
  for (std::size_t end; (end = rest.find('\0')) != std::string_view::npos;) {
    fields.push_back(field_of(rest.substr(0, end)));
    rest.remove_prefix(end + 1);
  }
  if (::sd_journal_sendv(fields.data(), static_cast<int>(fields.size())) < 0) {
    refused_.fetch_add(1, std::memory_order_relaxed);
  }
}

}  // namespace starling::base
