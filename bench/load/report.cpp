#include "report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "environment.hpp"
#include "proto/json_writer.hpp"

namespace starling::bench {
namespace {

using proto::JsonWriter;

constexpr double ns_per_us = 1e3;
constexpr double ns_per_ms = 1e6;
constexpr double ns_per_second = 1e9;

std::string fixed(double number, int digits) { return fmt::format("{:.{}f}", number, digits); }

std::string milliseconds(std::uint64_t ns) { return fixed(static_cast<double>(ns) / ns_per_ms, 3); }

void write_durations(JsonWriter& json, std::string_view name, const Histogram& histogram) {
  struct Row {
    const char* name;
    double share;
  };
  constexpr std::array<Row, 9> rows{{{"p10", 0.1},
                                     {"p25", 0.25},
                                     {"p50", 0.5},
                                     {"p75", 0.75},
                                     {"p90", 0.9},
                                     {"p99", 0.99},
                                     {"p99.9", 0.999},
                                     {"p99.99", 0.9999},
                                     {"p99.999", 0.99999}}};
  json.key(name).begin_object();
  for (const Row& row : rows)
    json.key(row.name).raw(milliseconds(histogram.percentile_ns(row.share)));
  json.key("max").raw(milliseconds(histogram.highest_ns())).end_object();
}

void write_series(JsonWriter& json, const Series& series) {
  json.key("series").begin_array();
  for (const Second& second : series.seconds()) {
    json.begin_object().field("done", second.delivered);
    json.key("p50_ms").raw(milliseconds(second.p50_ns));
    json.key("p99_ms").raw(milliseconds(second.p99_ns));
    json.key("max_ms").raw(milliseconds(second.max_ns));
    json.key("cpu_ms").raw(milliseconds(second.cpu_ns));
    json.field("user_bytes", second.private_bytes).end_object();
  }
  json.end_array();
}

// What is counted, by one name in the singular: "delivery", "connection", "request".
struct Work {
  const char* one;
  const char* many;
  std::uint64_t count;
};

Work work_of(const Options& options, const Result& result) {
  if (options.mode == Mode::connect) return {"connection", "connections", result.done};
  if (options.mode == Mode::requests) return {"request", "requests", result.done};
  return {"delivery", "deliveries", result.delivered};
}

// What a closed loop sees is the queue that it makes itself.
const char* name_of_times(Mode mode) {
  return mode == Mode::open || mode == Mode::resume ? "latency_ms" : "in_flight_ms";
}

void write_counts(JsonWriter& json, const Options& options, const Result& result) {
  json.field("sent", result.sent).field("refused", result.refused);
  json.field("closed", result.closed);
  if (!result.first_error.empty()) json.field("first_error", result.first_error);
  if (options.mode == Mode::connect || options.mode == Mode::requests) {
    json.field("done", result.done).field("frames", result.frames);
    return;
  }
  json.field("expected", result.expected).field("delivered", result.delivered);
  json.field("lost", result.lost).field("doubled", result.doubled);
  json.field("reordered", result.reordered);
}

void write_cpu(JsonWriter& json, const Work& work, const Result& result) {
  const auto cpu_ns = static_cast<double>(result.end.usage.cpu_ns() - result.joined.usage.cpu_ns());
  const auto count = static_cast<double>(std::max<std::uint64_t>(1, work.count));
  json.key(std::string{"cpu_us_per_"} + work.one).raw(fixed(cpu_ns / ns_per_us / count, 4));
  json.key("cpu_ms").begin_object().key("total").raw(fixed(cpu_ns / ns_per_ms, 1));
  json.key("threads").begin_object();
  const auto& before = result.joined.usage.thread_cpu_ns;
  for (const auto& [name, cpu] : result.end.usage.thread_cpu_ns) {
    const auto known = before.find(name);
    const std::uint64_t earlier = known == before.end() ? 0 : std::min(cpu, known->second);
    json.key(name).raw(fixed(static_cast<double>(cpu - earlier) / ns_per_ms, 1));
  }
  json.end_object();
  json.key("load_generator").raw(fixed(static_cast<double>(result.own_cpu_ns) / ns_per_ms, 1));
  json.end_object();
}

void write_result(JsonWriter& json, const Options& options, const Result& result) {
  const Work work = work_of(options, result);
  write_counts(json, options, result);
  const double seconds = static_cast<double>(result.elapsed_ns) / ns_per_second;
  json.key("elapsed_s").raw(fixed(seconds, 3));
  json.key(std::string{work.many} + "_per_s")
      .raw(fixed(seconds > 0 ? static_cast<double>(work.count) / seconds : 0, 0));
  write_durations(json, name_of_times(options.mode), result.latency);
  if (options.mode == Mode::open) {
    if (options.ports.size() > 1) write_durations(json, "elsewhere_ms", result.elsewhere);
    write_durations(json, "sent_late_ms", result.lateness);
  }
  write_series(json, result.series);
  if (options.mode == Mode::resume) {  // the process that was watched has died
    json.field("back", result.back).field("repeated", result.repeated);
    json.key("all_back_s").raw(fixed(static_cast<double>(result.all_back_ns) / ns_per_second, 3));
  } else {
    write_cpu(json, work, result);
  }
}

// What a connection costs is what the second half of them did: the first connections also touch
// buffers and caches that are there once.
void write_memory(JsonWriter& json, const Options& options, const Snapshot& before,
                  const Result& result) {
  const std::uint64_t members = std::uint64_t{options.rooms} * options.members;
  const auto each = [&](std::uint64_t from, std::uint64_t to) {
    return fixed((static_cast<double>(to) - static_cast<double>(from)) /
                     static_cast<double>(members - members / 2),
                 0);
  };
  json.key("user_bytes").begin_object();
  json.field("before", before.private_bytes).field("joined", result.joined.private_bytes);
  if (options.mode != Mode::idle) {
    json.field("peak", std::max(result.peak_private_bytes, result.end.private_bytes));
    json.field("end", result.end.private_bytes);
  } else {
    json.field("half", result.half.private_bytes);
    json.key("per_member").raw(each(result.half.private_bytes, result.joined.private_bytes));
  }
  json.end_object();
  json.key("kernel_bytes").begin_object();
  json.field("before", before.kernel_bytes).field("joined", result.joined.kernel_bytes);
  if (options.mode == Mode::idle) {  // both ends of each connection are on this machine
    json.field("half", result.half.kernel_bytes);
    json.key("per_member").raw(each(result.half.kernel_bytes, result.joined.kernel_bytes));
  }
  json.end_object();
}

void write_options(JsonWriter& json, const Options& options) {
  json.field("mode", to_string(options.mode));
  if (options.mode == Mode::requests) {
    json.field("connections", options.window).field("get", options.path);
    return;
  }
  json.field("peer", options.adapter);
  json.field("rooms", options.rooms).field("members", options.members);
  json.field("one_room", options.one_room);
  if (options.mode == Mode::connect) {
    json.field("window", options.window).field("count", options.count);
    json.field("join", options.join).field("leave", options.leave);
  } else if (options.mode != Mode::idle) {
    json.field("stalled", options.stalled).field("bytes", options.bytes);
    if (options.mode == Mode::closed) {
      json.field("window", options.window);
    } else {
      json.field("rate", options.rate);
    }
    json.field("seconds", options.seconds);
  }
}

}  // namespace

std::string report(const Options& options, const Baseline& before, const Result& result) {
  std::string text;
  JsonWriter json{text};
  if (options.mode == Mode::environment) {
    write_environment(json, options, before.load_average);
    return text;
  }
  json.begin_object();
  write_options(json, options);
  if (options.mode != Mode::idle) write_result(json, options, result);
  write_memory(json, options, before.server, result);
  json.key("environment");
  write_environment(json, options, before.load_average);
  json.end_object();
  return text;
}

}  // namespace starling::bench
