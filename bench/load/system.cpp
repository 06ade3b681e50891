#include "system.hpp"

#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>

namespace starling::bench {
namespace {

// What stands behind "name:" in a file of such lines, without the white space before it.
std::string field_of(const std::string& path, const std::string& name) {
  std::ifstream file{path};
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(name)) continue;
    const std::size_t colon = line.find(':');
    const std::size_t start = line.find_first_not_of(" \t", colon + 1);
    if (colon != std::string::npos && start != std::string::npos) return line.substr(start);
  }
  return {};
}

std::uint64_t bytes_of(const std::string& path, const std::string& name) {
  const std::string text = field_of(path, name + ":");
  std::uint64_t kilobytes = 0;
  std::from_chars(text.data(), text.data() + text.size(), kilobytes);
  return kilobytes * 1'024;
}

// "TCP: inuse 5 orphan 0 tw 0 alloc 7 mem 3": the last counts pages.
std::uint64_t tcp_bytes() {
  const std::string text = field_of("/proc/net/sockstat", "TCP:");
  const std::size_t at = text.find("mem ");
  std::uint64_t pages = 0;
  if (at != std::string::npos) {
    std::from_chars(text.data() + at + 4, text.data() + text.size(), pages);
  }
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::string folder_of(int pid) { return "/proc/" + std::to_string(pid); }

}  // namespace

std::uint64_t Usage::cpu_ns() const {
  std::uint64_t sum = 0;
  for (const auto& [name, cpu] : thread_cpu_ns) sum += cpu;
  return sum;
}

Usage usage_of(int pid) {
  Usage usage;
  std::error_code error;
  for (const auto& task : std::filesystem::directory_iterator{folder_of(pid) + "/task", error}) {
    std::string name;
    std::ifstream comm{task.path() / "comm"};
    std::ifstream schedstat{task.path() / "schedstat"};
    std::uint64_t on_cpu_ns = 0;
    if (std::getline(comm, name) && schedstat >> on_cpu_ns) usage.thread_cpu_ns[name] += on_cpu_ns;
  }
  return usage;
}

Snapshot snapshot_of(const std::vector<int>& pids) {
  Snapshot all;
  for (const int pid : pids) {
    for (const auto& [name, cpu] : usage_of(pid).thread_cpu_ns) {
      all.usage.thread_cpu_ns[name] += cpu;
    }
    all.private_bytes += bytes_of(folder_of(pid) + "/smaps_rollup", "Private_Dirty");
  }
  all.kernel_bytes = bytes_of("/proc/meminfo", "Slab") + tcp_bytes();
  return all;
}

std::string allowed_cpus(int pid) {
  return field_of(folder_of(pid) + "/status", "Cpus_allowed_list");
}

std::string load_average() {
  std::ifstream file{"/proc/loadavg"};
  std::string last_minute;
  file >> last_minute;
  return last_minute;
}

std::string cpu_model() { return field_of("/proc/cpuinfo", "model name"); }

}  // namespace starling::bench
