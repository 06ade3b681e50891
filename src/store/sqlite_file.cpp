#include "store/sqlite_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace starling::store {

bool file_exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

tl::unexpected<base::Error> file_failure(const std::string& what, int error) {
  return base::failure(what + ": " + std::strerror(error), error);
}

void remove_database(const std::string& path) {
  for (const char* ending : {"", "-wal", "-shm", "-journal"}) ::unlink((path + ending).c_str());
}

base::Result<void> name_database(const std::string& partial, const std::string& target) {
  // Unlike rename(2), link(2) replaces nothing.
  const int error = ::link(partial.c_str(), target.c_str()) == 0 ? 0 : errno;
  remove_database(partial);
  if (error != 0) return file_failure("cannot write " + target, error);
  sync_folder_of(target);
  return {};
}

void sync_folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

}  // namespace starling::store
