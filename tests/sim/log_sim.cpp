// The server's log lines become part of the run's trace; the library's log.cpp is not linked.
#include <string>

#include "base/log.hpp"
#include "judge.hpp"

namespace starling::base {

void log(LogLevel, std::string_view sentence, std::initializer_list<LogField> fields) {
  std::string line{sentence};
  for (const LogField& field : fields) line.append(" ").append(field.value);
  sim::judge().heard("log", line);
}

}  // namespace starling::base
