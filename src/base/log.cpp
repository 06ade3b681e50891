#include "base/log.hpp"

#include <spdlog/async.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <future>
#include <memory>
#include <thread>
#include <utility>

#include "base/journal.hpp"

namespace starling::base {
namespace {

constexpr std::size_t queue_lines = 8'192;
constexpr std::chrono::seconds last_patience{3};

enum class Form : std::uint8_t { text, json, journal };

// Set by the main thread before other threads run and after they have ended.
std::shared_ptr<spdlog::async_logger> logger;
std::shared_ptr<JournalSink> journal;  // where that is the form
Form form = Form::text;

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

// The text that the sink of this form takes.
std::string formed(std::string_view sentence, std::initializer_list<LogField> fields) {
  switch (form) {
    case Form::text:
      return text_line(sentence, fields);
    case Form::json:
      return json_line(sentence, fields);
    case Form::journal:
      return journal_entry(sentence, fields);
  }
  return {};
}

Form wanted_form() {
  if (stderr_is_journal()) return Form::journal;
  return ::isatty(STDERR_FILENO) != 0 ? Form::text : Form::json;
}

spdlog::sink_ptr make_sink() {
  if (form != Form::journal) return std::make_shared<spdlog::sinks::ansicolor_stderr_sink_mt>();
  journal = std::make_shared<JournalSink>();
  return journal;
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
  form = wanted_form();
  spdlog::init_thread_pool(queue_lines, 1);
  logger = std::make_shared<spdlog::async_logger>("starling", make_sink(), spdlog::thread_pool(),
                                                  spdlog::async_overflow_policy::overrun_oldest);
  logger->set_level(to_spdlog(level));
  if (form == Form::json) {
    logger->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v)",
                        spdlog::pattern_time_type::utc);
  } else if (form == Form::text) {
    logger->set_pattern("%H:%M:%S.%e %^%-7l%$ %v");
  }
  logger->flush_on(spdlog::level::info);
}

// The library waits for its thread without a limit, and that one for whoever reads.
bool stop_logging() {
  std::promise<void> promise;
  const std::future<void> written = promise.get_future();
  std::thread waiting{[last = std::exchange(logger, nullptr), done = std::move(promise)]() mutable {
    spdlog::shutdown();  // ends the thread, which writes what is queued first and uses `last`
    done.set_value();
  }};
  const bool in_time = written.wait_for(last_patience) == std::future_status::ready;
  in_time ? waiting.join() : waiting.detach();
  return in_time;
}

void set_log_level(LogLevel level) { logger->set_level(to_spdlog(level)); }

std::uint64_t dropped_log_lines() {
  const std::shared_ptr<spdlog::details::thread_pool> pool = spdlog::thread_pool();
  return (pool ? pool->overrun_counter() : 0) + (journal ? journal->refused() : 0);
}

void log(LogLevel level, std::string_view sentence, std::initializer_list<LogField> fields) {
  if (!logger) {
    const std::string line = text_line(sentence, fields);
    std::fprintf(stderr, "starling: %s\n", line.c_str());
    return;
  }
  if (!logger->should_log(to_spdlog(level))) return;
  logger->log(to_spdlog(level), "{}", formed(sentence, fields));
}

}  // namespace starling::base
