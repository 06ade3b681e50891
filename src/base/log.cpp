#include "base/log.hpp"

#include <spdlog/async.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>
#include <utility>

namespace starling::base {
namespace {

constexpr std::size_t queue_lines = 8'192;

// Set by the main thread before other threads run and after they have ended.
std::shared_ptr<spdlog::async_logger> logger;
bool as_json = false;

constexpr std::array<std::string_view, 4> names{"debug", "info", "warning", "error"};

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

void append_json_text(std::string& out, std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += digits[byte >> 4];
      out += digits[byte & 0xf];
    } else {
      out += c;
    }
  }
  out += '"';
}

// The rest of a JSON object whose beginning (time and level) the pattern writes.
std::string json_line(std::string_view sentence, std::initializer_list<LogField> fields) {
  std::string line = R"("message":)";
  append_json_text(line, sentence);
  for (const LogField& field : fields) {
    line += ',';
    append_json_text(line, field.key);
    line += ':';
    append_json_text(line, field.value);
  }
  return line + '}';
}

std::string text_line(std::string_view sentence, std::initializer_list<LogField> fields) {
  std::string line{sentence};
  for (const LogField& field : fields) {
    line.append(" ").append(field.key).append("=").append(field.value);
  }
  return line;
}

}  // namespace

bool parse_log_level(std::string_view text, LogLevel& level) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (text != names[i]) continue;
    level = static_cast<LogLevel>(i);
    return true;
  }
  return false;
}

void start_logging(LogLevel level) {
  as_json = ::isatty(STDERR_FILENO) == 0;
  spdlog::init_thread_pool(queue_lines, 1);
  auto sink = std::make_shared<spdlog::sinks::ansicolor_stderr_sink_mt>();
  logger =
      std::make_shared<spdlog::async_logger>("starling", std::move(sink), spdlog::thread_pool(),
                                             spdlog::async_overflow_policy::overrun_oldest);
  logger->set_level(to_spdlog(level));
  if (as_json) {
    logger->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v)",
                        spdlog::pattern_time_type::utc);
  } else {
    logger->set_pattern("%H:%M:%S.%e %^%-7l%$ %v");
  }
  logger->flush_on(spdlog::level::info);
}

void stop_logging() {
  const std::shared_ptr<spdlog::async_logger> last = std::exchange(logger, nullptr);
  spdlog::shutdown();  // ends the thread, which writes what is queued first and uses `last`
}

void set_log_level(LogLevel level) { logger->set_level(to_spdlog(level)); }

std::uint64_t dropped_log_lines() {
  const std::shared_ptr<spdlog::details::thread_pool> pool = spdlog::thread_pool();
  return pool ? pool->overrun_counter() : 0;
}

void log(LogLevel level, std::string_view sentence, std::initializer_list<LogField> fields) {
  if (!logger) {
    const std::string line = text_line(sentence, fields);
    std::fprintf(stderr, "starling: %s\n", line.c_str());
    return;
  }
  if (!logger->should_log(to_spdlog(level))) return;
  logger->log(to_spdlog(level), "{}",
              as_json ? json_line(sentence, fields) : text_line(sentence, fields));
}

}  // namespace starling::base
