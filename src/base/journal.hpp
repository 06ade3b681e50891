// The journal of systemd as the place that log lines go to: entries of fields that journalctl can
// be asked for, instead of lines of text.
#pragma once

#include <spdlog/sinks/base_sink.h>

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/log.hpp"

namespace starling::base {

// Whether standard error is the journal (JOURNAL_STREAM, systemd.exec(5)) and this process can
// reach the socket that takes fields. In a root folder of its own it cannot: text is read there all
// the same.
bool stderr_is_journal();

// What JournalSink takes as the text of a line: fields "NAME=value", each ended by a zero. The
// sentence is MESSAGE; a key becomes STARLING_KEY, a zero in a value a space.
std::string journal_entry(std::string_view sentence, std::initializer_list<LogField> fields);

// Hands entries to journald (sd_journal_sendv(3)), with PRIORITY and SYSLOG_IDENTIFIER. Lives on
// the logging library's thread, which waits where journald does not read.
class JournalSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  // Entries that journald did not take. Any thread.
  std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  void sink_it_(const spdlog::details::log_msg& line) override;
  void flush_() override {}

  std::atomic<std::uint64_t> refused_{0};
};

}  // namespace starling::base
