#include "environment.hpp"

#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "build.hpp"
#include "system.hpp"

namespace starling::bench {

void write_environment(proto::JsonWriter& json, const Options& options,
                       const std::string& load_before) {
  utsname system{};
  ::uname(&system);
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  json.begin_object();
  json.field("revision", build_revision).field("compiler", build_compiler);
  json.field("flags", build_flags).field("kernel", system.release).field("cpu", cpu_model());
  json.field("cpus", std::int64_t{::sysconf(_SC_NPROCESSORS_ONLN)});
  if (!options.pids.empty()) {
    json.field("server_may_use_cpus", allowed_cpus(options.pids.front()));
  }
  json.field("load_may_use_cpus", allowed_cpus(::getpid()));
  json.field("open_files", std::uint64_t{files.rlim_cur});
  json.key("load_average").begin_object().key("before").raw(load_before);
  json.key("after").raw(load_average()).end_object();
  json.field("command", options.command).end_object();
}

}  // namespace starling::bench
