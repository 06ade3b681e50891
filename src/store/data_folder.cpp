#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "store/archive.hpp"

namespace starling::store {

base::Result<DataFolder> DataFolder::lock(const std::string& path) {
  std::error_code error;
  const bool made = std::filesystem::create_directories(path, error);
  if (error) {
    return base::failure("cannot make the data folder " + path + ": " + error.message(),
                         error.value());
  }
  if (made) ::chmod(path.c_str(), S_IRWXU);
  const std::string file = path + "/lock";
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (descriptor < 0) {
    const int code = errno;
    return base::failure("cannot open " + file + ": " + std::strerror(code), code);
  }
  DataFolder folder{descriptor};
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    const int code = errno;
    return base::failure(code == EWOULDBLOCK
                             ? "the data folder " + path +
                                   " is in use by another server; stop it, or choose another "
                                   "folder with --data-dir"
                             : "cannot lock " + file + ": " + std::strerror(code),
                         code);
  }
  return folder;
}

DataFolder::DataFolder(DataFolder&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

DataFolder& DataFolder::operator=(DataFolder&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

DataFolder::~DataFolder() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace starling::store
