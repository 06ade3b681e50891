#include "server/secret.hpp"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

namespace starling::server {
namespace {

constexpr std::size_t secret_bytes = 32;

base::Result<std::string> read_file(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  file.peek();  // reading a folder throws, but for this, which only notes it
  if (!file) return base::failure("cannot read " + path + ": " + std::strerror(errno), errno);
  return std::string{std::istreambuf_iterator<char>{file}, {}};
}

std::string random_secret() {
  std::array<unsigned char, secret_bytes> bytes;
  randombytes_buf(bytes.data(), bytes.size());
  std::array<char, secret_bytes * 2 + 1> hex;
  sodium_bin2hex(hex.data(), hex.size(), bytes.data(), bytes.size());
  return hex.data();
}

// Written beside and moved into place, so that a crash leaves a whole secret or none.
base::Result<std::string> make_secret(const std::string& path) {
  const std::string secret = random_secret();
  const std::string fresh = path + ".new";
  const int descriptor =
      ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
  const bool written =
      descriptor >= 0 &&
      ::write(descriptor, secret.data(), secret.size()) == static_cast<ssize_t>(secret.size()) &&
      ::fsync(descriptor) == 0;
  if (descriptor >= 0) ::close(descriptor);
  if (!written || ::rename(fresh.c_str(), path.c_str()) != 0) {
    return base::failure("cannot make " + path + ": " + std::strerror(errno), errno);
  }
  return secret;
}

}  // namespace

base::Result<api::TokenKeys> load_token_keys(const Config& config) {
  if (!config.auth.public_key_file.empty()) {
    return read_file(config.auth.public_key_file).and_then(api::TokenKeys::from_public_key);
  }
  if (!config.auth.secret.empty()) return api::TokenKeys::from_secret(config.auth.secret);
  const std::string path = config.server.data_dir + "/secret";
  const bool there = ::access(path.c_str(), F_OK) == 0;
  return (there ? read_file(path) : make_secret(path)).and_then(api::TokenKeys::from_secret);
}

}  // namespace starling::server
