#include "report.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "build.hpp"
#include "proto/json_writer.hpp"
#include "system.hpp"

namespace starling::bench {
namespace {

using proto::JsonWriter;

constexpr double ns_per_ms = 1e6;
constexpr double ns_per_second = 1e9;

std::string fixed(double number, int digits) { return fmt::format("{:.{}f}", number, digits); }

void write_durations(JsonWriter& json, std::string_view name, const Histogram& histogram) {
  struct Row {
    const char* name;
    double share;
  };
  constexpr std::array<Row, 4> rows{{{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}}};
  json.key(name).begin_object();
  for (const Row& row : rows) {
    const auto value = static_cast<double>(histogram.percentile_ns(row.share));
    json.key(row.name).raw(fixed(value / ns_per_ms, 3));
  }
  json.key("max").raw(fixed(static_cast<double>(histogram.highest_ns()) / ns_per_ms, 3));
  json.end_object();
}

void write_result(JsonWriter& json, const Options& options, const Result& result) {
  json.field("sent", result.sent).field("refused", result.refused);
  json.field("expected", result.expected).field("delivered", result.delivered);
  json.field("lost", result.lost).field("doubled", result.doubled);
  json.field("reordered", result.reordered).field("closed", result.closed);
  if (!result.first_error.empty()) json.key("first_error").raw(result.first_error);
  const double seconds = static_cast<double>(result.elapsed_ns) / ns_per_second;
  const auto deliveries = static_cast<double>(std::max<std::uint64_t>(1, result.delivered));
  json.key("elapsed_s").raw(fixed(seconds, 3));
  json.key("deliveries_per_s").raw(fixed(seconds > 0 ? deliveries / seconds : 0, 0));
  // What a closed loop sees is the queue that it makes itself.
  write_durations(json, options.mode == Mode::open ? "latency_ms" : "in_flight_ms", result.latency);
  if (options.mode == Mode::open) write_durations(json, "sent_late_ms", result.lateness);

  const auto cpu_ns = static_cast<double>(result.end.usage.cpu_ns() - result.joined.usage.cpu_ns());
  json.key("cpu_us_per_delivery").raw(fixed(cpu_ns / 1'000 / deliveries, 4));
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

void write_memory(JsonWriter& json, const Options& options, const Snapshot& before,
                  const Result& result) {
  const double connections = double{1} * options.rooms * options.members;
  const auto each = [&](std::uint64_t from, std::uint64_t to) {
    return fixed((static_cast<double>(to) - static_cast<double>(from)) / connections, 0);
  };
  json.key("user_bytes").begin_object();
  json.field("before", before.private_bytes).field("joined", result.joined.private_bytes);
  if (options.mode != Mode::idle) {
    json.field("peak", std::max(result.peak_private_bytes, result.end.private_bytes));
    json.field("end", result.end.private_bytes);
  }
  json.key("per_member").raw(each(before.private_bytes, result.joined.private_bytes)).end_object();
  if (options.mode == Mode::idle) {  // both ends of each connection are on this machine
    json.key("kernel_slab_bytes_per_pair").raw(each(before.slab_bytes, result.joined.slab_bytes));
  }
}

void write_environment(JsonWriter& json, const Options& options, const std::string& load_before) {
  utsname system{};
  ::uname(&system);
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  json.key("environment").begin_object();
  json.field("revision", build_revision).field("compiler", build_compiler);
  json.field("flags", build_flags).field("kernel", system.release).field("cpu", cpu_model());
  json.field("cpus", std::int64_t{::sysconf(_SC_NPROCESSORS_ONLN)});
  json.field("server_may_use_cpus", allowed_cpus(options.pid));
  json.field("load_may_use_cpus", allowed_cpus(::getpid()));
  json.field("open_files", std::uint64_t{files.rlim_cur});
  json.key("load_average").begin_object().key("before").raw(load_before);
  json.key("after").raw(load_average()).end_object();
  json.field("command", options.command).end_object();
}

}  // namespace

std::string report(const Options& options, const Baseline& before, const Result& result) {
  std::string text;
  JsonWriter json{text};
  json.begin_object().field("mode", to_string(options.mode));
  json.field("peer", options.raw ? "raw" : "starling");
  json.field("rooms", options.rooms).field("members", options.members);
  if (options.mode != Mode::idle) {
    json.field("stalled", options.stalled).field("bytes", options.bytes);
    if (options.mode == Mode::open) json.field("rate", options.rate);
    if (options.mode == Mode::closed) json.field("window", options.window);
    json.field("seconds", options.seconds);
    write_result(json, options, result);
  }
  write_memory(json, options, before.server, result);
  write_environment(json, options, before.load_average);
  json.end_object();
  return text;
}

}  // namespace starling::bench
