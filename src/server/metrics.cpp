#include "server/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <string_view>
#include <utility>

#include "starling/version.hpp"

namespace starling::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

void set(ClientMetric& metric, MetricType type, double value) {
  if (type == MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
}

MetricFamily family(std::string name, std::string help, MetricType type, double value) {
  MetricFamily family{std::move(name), std::move(help), type, {}};
  set(family.metric.emplace_back(), type, value);
  return family;
}

struct ShardFamily {
  const char* name;
  const char* help;
  MetricType type;
  std::uint64_t shard::ShardMetrics::*member;
};

constexpr auto counter = MetricType::Counter;
constexpr auto gauge = MetricType::Gauge;
using Numbers = shard::ShardMetrics;
constexpr double ns_per_second = 1e9;

constexpr ShardFamily shard_families[] = {
    {"starling_connections", "Open connections", gauge, &Numbers::connections},
    {"starling_connections_opened_total", "Connections accepted", counter,
     &Numbers::connections_opened},
    {"starling_connections_closed_total", "Connections closed", counter,
     &Numbers::connections_closed},
    {"starling_websocket_sessions_total", "WebSocket sessions opened", counter,
     &Numbers::websocket_sessions},
    {"starling_http_requests_total", "HTTP requests read", counter, &Numbers::http_requests},
    {"starling_messages_received_total", "WebSocket messages read", counter,
     &Numbers::messages_received},
    {"starling_messages_delivered_total", "Events given to members", counter,
     &Numbers::messages_delivered},
    {"starling_sends_total", "Send operations", counter, &Numbers::sends},
    {"starling_sent_bytes_total", "Bytes sent", counter, &Numbers::bytes_sent},
    {"starling_received_bytes_total", "Bytes received", counter, &Numbers::bytes_received},
    {"starling_slow_readers_total", "Members that fell behind a room's buffer", counter,
     &Numbers::slow_readers},
    {"starling_gaps_filled_total", "Holes in rooms filled from the archive", counter,
     &Numbers::gaps_filled},
    {"starling_history_doubts_total", "Times that the archive was asked whether it lost something",
     counter, &Numbers::doubts},
    {"starling_requests_refused_total", "Requests refused because a queue was full", counter,
     &Numbers::calls_refused},
    {"starling_signals_dropped_total", "Presence and typing signals dropped", counter,
     &Numbers::signals_dropped},
    {"starling_batches_dropped_total", "Committed batches dropped by a full ring", counter,
     &Numbers::batches_dropped},
    {"starling_buffer_bytes", "Bytes that wait to be sent", gauge, &Numbers::buffer_bytes},
    {"starling_rooms", "Rooms with members connected", gauge, &Numbers::rooms},
    {"starling_loop_turns_total", "Turns of a core's loop", counter, &Numbers::turns},
    {"starling_receives_starved_total", "Receives that found no free buffer", counter,
     &Numbers::receives_starved},
    {"starling_proxy_headers_refused_total",
     "Connections of trusted proxies that were closed for beginning without a PROXY header",
     counter, &Numbers::proxy_headers_refused},
};

MetricFamily family_of(const ShardFamily& wanted, const std::vector<Numbers>& shards) {
  MetricFamily family{wanted.name, wanted.help, wanted.type, {}};
  for (std::size_t core = 0; core < shards.size(); ++core) {
    ClientMetric& metric = family.metric.emplace_back();
    metric.label.push_back({"core", std::to_string(core)});
    set(metric, wanted.type, static_cast<double>(shards[core].*wanted.member));
  }
  return family;
}

MetricFamily loop_time(const std::vector<Numbers>& shards) {
  MetricFamily family{"starling_loop_busy_seconds_total",
                      "Time that a core's loop worked, and did not wait",
                      counter,
                      {}};
  for (std::size_t core = 0; core < shards.size(); ++core) {
    ClientMetric& metric = family.metric.emplace_back();
    metric.label.push_back({"core", std::to_string(core)});
    set(metric, counter, static_cast<double>(shards[core].busy_ns) / ns_per_second);
  }
  return family;
}

// `unit`: of the scale's values in one of the family's.
template <typename Scale>
MetricFamily histogram(const char* name, const char* help,
                       const base::BasicHistogram<Scale>& counted, double unit) {
  MetricFamily family{name, help, MetricType::Histogram, {}};
  ClientMetric::Histogram& told = family.metric.emplace_back().histogram;
  for (std::size_t i = 0; i < counted.buckets.size(); ++i) {
    told.sample_count += counted.buckets[i];
    const double bound = i < Scale::bounds.size() ? static_cast<double>(Scale::bounds[i]) / unit
                                                  : std::numeric_limits<double>::infinity();
    told.bucket.push_back({told.sample_count, bound});
  }
  told.sample_sum = static_cast<double>(counted.sum) / unit;
  return family;
}

// Of all cores together: who adds up histograms by hand forgets a core.
MetricFamily delivery(const std::vector<Numbers>& shards) {
  base::BasicHistogram<base::DurationScale> all;
  for (const Numbers& shard : shards) {
    for (std::size_t i = 0; i < all.buckets.size(); ++i) {
      all.buckets[i] += shard.delivery.buckets[i];
    }
    all.sum += shard.delivery.sum;
  }
  return histogram("starling_delivery_seconds",
                   "From reading a message to handing its deliveries on the sender's core to the "
                   "kernel, the commit included",
                   all, ns_per_second);
}

// Of all cores together.
MetricFamily endings(const std::vector<Numbers>& shards) {
  MetricFamily family{"starling_connections_ended_total",
                      "Connections that ended, by reason: a word, or the code of the close frame "
                      "that said so",
                      counter,
                      {}};
  for (std::size_t i = 0; i < net::endings; ++i) {
    std::uint64_t sum = 0;
    for (const Numbers& shard : shards) sum += shard.ended[i];
    ClientMetric& metric = family.metric.emplace_back();
    metric.label.push_back({"reason", std::string{to_string(static_cast<net::Ending>(i))}});
    set(metric, counter, static_cast<double>(sum));
  }
  return family;
}

MetricFamily refusals(const chat::Quotas& quotas) {
  MetricFamily family{"starling_limited_total", "Refusals, by the limit that was met", counter, {}};
  for (std::size_t i = 0; i < chat::limits; ++i) {
    const auto limit = static_cast<chat::Limit>(i);
    ClientMetric& metric = family.metric.emplace_back();
    metric.label.push_back({"limit", std::string{to_string(limit)}});
    set(metric, counter, static_cast<double>(quotas.refused(limit)));
  }
  return family;
}

void add_bus(const BusMetrics& bus, std::vector<MetricFamily>& families) {
  const auto add = [&families](const char* name, const char* help, MetricType type,
                               std::uint64_t value) {
    families.push_back(family(name, help, type, static_cast<double>(value)));
  };
  const bus::PublisherMetrics& said = bus.publisher;
  const bus::ConsumerMetrics& heard = bus.consumer;
  add("starling_bus_up", "Whether this server hears itself by way of the broker", gauge, bus.up);
  add("starling_bus_blocked", "Whether the broker takes nothing", gauge, said.blocked);
  add("starling_bus_servers", "Other servers that are known", gauge, heard.servers);
  add("starling_bus_silent", "Whether one of them says nothing", gauge, heard.silent);
  add("starling_bus_connects_total", "Connections made to the broker", counter,
      said.connects + heard.connects);
  add("starling_bus_published_total", "Bodies given to the broker", counter, said.bodies);
  add("starling_bus_published_bytes_total", "Bytes of their text", counter, said.bytes);
  add("starling_bus_dropped_total", "Bodies and waiting batches that were not given to it", counter,
      said.bodies_dropped + said.batches_dropped);
  add("starling_bus_lines_dropped_total", "Signals for other servers that were dropped", counter,
      said.lines_dropped);
  add("starling_bus_lines_refused_total", "Signals of others that are none", counter,
      bus.lines_refused);
  add("starling_bus_received_total", "Bodies received, own ones included", counter, heard.bodies);
  add("starling_bus_events_total", "Events of other servers received", counter, heard.events);
  add("starling_bus_refused_total", "Bodies with a wrong signature or content", counter,
      heard.refused);
  add("starling_bus_holes_total", "Times that something was missing", counter, heard.holes);
}

void add_memory(const chat::MemoryLadder& memory, std::vector<MetricFamily>& families) {
  families.push_back(family("starling_memory_bytes", "Resident memory of the process", gauge,
                            static_cast<double>(memory.used_bytes())));
  families.push_back(family("starling_memory_ceiling_bytes", "Ceiling of that memory", gauge,
                            static_cast<double>(memory.ceiling_bytes())));
  families.push_back(family("starling_memory_step",
                            "How many services are given up because memory is short, 0 to 6", gauge,
                            memory.step()));
  MetricFamily refused{"starling_memory_refused_total",
                       "What was refused because memory was short, by service",
                       counter,
                       {}};
  for (std::size_t i = 0; i < chat::services; ++i) {
    const auto service = static_cast<chat::Service>(i);
    ClientMetric& metric = refused.metric.emplace_back();
    metric.label.push_back({"service", std::string{to_string(service)}});
    set(metric, counter, static_cast<double>(memory.refused(service)));
  }
  families.push_back(std::move(refused));
}

std::vector<MetricFamily> families_of(const ServerMetrics& server) {
  const store::WriterMetrics& writer = server.writer;
  std::vector<MetricFamily> families;
  for (const ShardFamily& wanted : shard_families)
    families.push_back(family_of(wanted, server.shards));
  families.push_back(loop_time(server.shards));
  families.push_back(delivery(server.shards));
  families.push_back(endings(server.shards));
  families.push_back(refusals(server.quotas));
  add_memory(server.memory, families);
  const auto add = [&families](const char* name, const char* help, MetricType type, double value) {
    families.push_back(family(name, help, type, value));
  };
  add("starling_store_commits_total", "Transactions committed", counter,
      static_cast<double>(writer.commits));
  add("starling_store_events_total", "Events committed", counter,
      static_cast<double>(writer.events));
  add("starling_store_failed_commits_total", "Transactions that failed", counter,
      static_cast<double>(writer.failed_commits));
  add("starling_store_lost_commits_total",
      "Times that the archive had lost commits and got a new epoch", counter,
      static_cast<double>(writer.lost_commits));
  families.push_back(histogram("starling_store_commit_seconds", "Time of a committed transaction",
                               writer.commit_time, ns_per_second));
  families.push_back(histogram("starling_store_commit_events", "Events in a committed transaction",
                               writer.batch, 1));
  add("starling_store_queue_length", "Requests that wait for the writer", gauge,
      static_cast<double>(server.writer_backlog));
  add("starling_store_healthy", "Whether the last transaction succeeded", gauge,
      writer.healthy ? 1 : 0);
  add("starling_log_dropped_total", "Log lines dropped by a full queue", counter,
      static_cast<double>(server.dropped_log_lines));
  add("starling_stalled_threads", "Threads that stand still", gauge,
      static_cast<double>(server.stalled_threads));
  add("starling_config_last_reload_successful", "Whether the last reload of settings succeeded",
      gauge, server.last_reload_successful ? 1 : 0);
  if (server.bus) add_bus(*server.bus, families);
  MetricFamily build = family("starling_build_info", "The running version", gauge, 1);
  build.metric.front().label.push_back({"version", starling::version});
  families.push_back(std::move(build));
  return families;
}

std::string_view to_string(MetricType type) {
  if (type == MetricType::Histogram) return "histogram";
  return type == MetricType::Counter ? "counter" : "gauge";
}

}  // namespace

std::string metrics_text(const ServerMetrics& server) {
  return prometheus::TextSerializer{}.Serialize(families_of(server));
}

std::string metrics_page() {
  std::string page = R"(# Metrics

<!-- Written from src/server/metrics.cpp: build-test/tools/reference metrics.md > docs/metrics.md -->

What `/metrics` of the admin listener holds, in the text format of Prometheus. Seconds are seconds and bytes are bytes; counters begin at 0 with each start. Those of
`starling_bus_` are there where `bus.url` is set. [Watching it](operations.md#watching-it) says which to look at first.

| name | type | labels | what |
|---|---|---|---|
)";
  const chat::Quotas quotas{Config{}, 0};
  const chat::MemoryLadder memory{0};
  ServerMetrics server{.shards = {{}}, .quotas = quotas, .memory = memory, .writer = {}};
  server.bus.emplace();
  for (const MetricFamily& family : families_of(server)) {
    std::string labels;
    for (const ClientMetric::Label& label : family.metric.front().label) labels += label.name;
    page.append("| `").append(family.name).append("` | ").append(to_string(family.type));
    page.append(" | ").append(labels).append(" | ").append(family.help).append(" |\n");
  }
  return page;
}

}  // namespace starling::server
