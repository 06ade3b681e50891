#include "store/mysql_archive.hpp"

#include <utility>

#include "io/wake.hpp"
#include "store/mysql_database.hpp"
#include "store/mysql_writer.hpp"
#include "store/reader.hpp"
#include "store/rows.hpp"

namespace starling::store {
namespace {

constexpr std::string_view epoch_query = "SELECT value FROM meta WHERE name = 'epoch'";

class MysqlArchive final : public Archive {
 public:
  MysqlArchive(const ArchiveOptions& options, std::unique_ptr<MysqlDatabase> database)
      : options_(options), database_(std::move(database)) {}

  base::Result<void> prepare() {
    const auto epoch = database_->number(epoch_query);
    Statement copy{*database_, "SELECT 1 FROM meta WHERE name = ?"};
    if (copy.with(unfinished_copy).step()) {
      return base::failure("the database holds a copy that was not finished: copy once more");
    }
    revoked_ = revoked_tokens(*database_);
    if (!epoch || database_->failed()) {
      return base::failure("cannot read the database: " + database_->failure());
    }
    epoch_ = static_cast<std::uint64_t>(*epoch);
    return {};
  }

  std::uint64_t epoch() const override { return epoch_; }

  std::vector<chat::RevokeToken> revocations(base::WallMs now) const override {
    return unexpired(revoked_, now);
  }

  base::Result<std::unique_ptr<Writer>> make_writer(
      std::vector<chat::ShardInbox*> inboxes) override {
    auto parts = connect(MysqlDatabase::Use::writing);
    if (!parts) return tl::make_unexpected(std::move(parts.error()));
    return std::make_unique<MysqlWriter>(std::move(parts->first), std::move(parts->second),
                                         options_, epoch_, std::move(inboxes));
  }

  base::Result<std::unique_ptr<Reader>> make_reader(
      std::vector<chat::ShardInbox*> inboxes) override {
    auto parts = connect(MysqlDatabase::Use::reading);
    if (!parts) return tl::make_unexpected(std::move(parts.error()));
    return std::make_unique<ArchiveReader>(std::move(parts->first), std::move(parts->second),
                                           options_, epoch_query, std::move(inboxes));
  }

 private:
  base::Result<std::pair<std::unique_ptr<MysqlDatabase>, io::Wake>> connect(
      MysqlDatabase::Use use) const {
    auto database = MysqlDatabase::open(*options_.mysql, use);
    if (!database) return tl::make_unexpected(std::move(database.error()));
    base::Result<io::Wake> wake = io::Wake::create();
    if (!wake) return tl::make_unexpected(std::move(wake.error()));
    return std::pair{std::move(*database), std::move(*wake)};
  }

  const ArchiveOptions options_;
  std::unique_ptr<MysqlDatabase> database_;  // the opening thread's connection
  std::vector<chat::RevokeToken> revoked_;   // when it was opened
  std::uint64_t epoch_ = 0;
};

}  // namespace

base::Result<std::unique_ptr<Archive>> open_mysql(const ArchiveOptions& options) {
  auto database = MysqlDatabase::open(*options.mysql, MysqlDatabase::Use::reading);
  if (!database) return tl::make_unexpected(std::move(database.error()));
  auto archive = std::make_unique<MysqlArchive>(options, std::move(*database));
  if (auto done = archive->prepare(); !done) return tl::make_unexpected(std::move(done.error()));
  return archive;
}

}  // namespace starling::store
