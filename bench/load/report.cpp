#include "report.hpp"

#include <sys/utsname.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace starling::bench {
namespace {

std::uint64_t kilobytes_of(const std::string& path, const std::string& name) {
  std::ifstream file{path};
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(name + ":", 0) != 0) continue;
    return std::stoull(line.substr(name.size() + 1)) * 1'024;
  }
  return 0;
}

std::string first_line(const char* command) {
  std::string line;
  if (FILE* pipe = ::popen(command, "r")) {
    char buffer[256];
    if (std::fgets(buffer, sizeof buffer, pipe)) line = buffer;
    ::pclose(pipe);
  }
  while (!line.empty() && line.back() == '\n') line.pop_back();
  return line;
}

std::string cpu_model() {
  std::ifstream file{"/proc/cpuinfo"};
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

}  // namespace

std::uint64_t cpu_ns(int pid) {
  std::uint64_t sum = 0;
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  std::error_code error;
  for (const auto& task : std::filesystem::directory_iterator{tasks, error}) {
    std::ifstream file{task.path() / "schedstat"};
    std::uint64_t on_cpu = 0;
    if (file >> on_cpu) sum += on_cpu;
  }
  return sum;
}

std::uint64_t private_bytes(int pid) {
  return kilobytes_of("/proc/" + std::to_string(pid) + "/smaps_rollup", "Private_Dirty");
}

std::uint64_t slab_bytes() { return kilobytes_of("/proc/meminfo", "Slab"); }

std::string environment_json() {
  utsname system{};
  ::uname(&system);
  std::ifstream load{"/proc/loadavg"};
  std::string load_now;
  load >> load_now;
  std::ostringstream text;
  text << R"("environment":{"revision":")"
       << first_line("git describe --always --dirty 2>/dev/null") << R"(","compiler":"g++ )"
       << __VERSION__ << R"(","kernel":")" << system.release << R"(","cpu":")" << cpu_model()
       << R"(","load":)" << load_now << "}";
  return text.str();
}

double percentile(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  const auto index =
      static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  return sorted[index == 0 ? 0 : index - 1];
}

}  // namespace starling::bench
