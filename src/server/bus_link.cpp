#include "server/bus_link.hpp"

#include <fstream>
#include <utility>

#include "io/wake.hpp"

namespace starling::server {

base::Result<bus::AmqpAddress> broker_address(const Config& config) {
  base::Result<bus::AmqpAddress> address = bus::parse_amqp_url(config.bus.url);
  if (!address) return base::failure("bus.url " + address.error().message);
  address->tls_ca = config.bus.tls_ca;
  if (config.bus.password_file.empty()) return address;
  std::ifstream file{config.bus.password_file};
  if (!std::getline(file, address->password)) {
    return base::failure("bus.password_file: " + config.bus.password_file + " cannot be read");
  }
  return address;
}

base::Result<std::unique_ptr<BusLink>> BusLink::make(const Config& config, bus::Origin origin) {
  base::Result<bus::AmqpAddress> address = broker_address(config);
  if (!address) return tl::make_unexpected(std::move(address.error()));
  base::Result<io::Wake> wake = io::Wake::create();
  if (!wake) return tl::make_unexpected(std::move(wake.error()));
  bus::BusOptions options;
  options.address = std::move(*address);
  options.heartbeat_s = config.bus.heartbeat_s;
  options.partitions = config.bus.partitions;
  options.self = std::move(origin);
  options.key =
      bus::signing_key(config.bus.secret.empty() ? config.auth.secret : config.bus.secret);
  std::unique_ptr<BusLink> link{new BusLink{std::move(options)}};
  link->options_.state = &link->state_;
  link->publisher_ = std::make_unique<bus::Publisher>(link->options_, std::move(*wake));
  return link;
}

base::Result<void> BusLink::start(std::vector<chat::ShardInbox*> inboxes, bus::LineReader* reader) {
  base::Result<io::Wake> wake = io::Wake::create();
  if (!wake) return tl::make_unexpected(std::move(wake.error()));
  consumer_ =
      std::make_unique<bus::Consumer>(options_, std::move(*wake), std::move(inboxes), reader);
  consumer_loop_ = std::make_unique<Loop<bus::Consumer>>(*consumer_, "consumer");
  publisher_loop_ = std::make_unique<Loop<bus::Publisher>>(*publisher_, "publisher");
  return {};
}

void BusLink::stop() {
  if (publisher_loop_) {
    publisher_loop_.reset();
    publisher_->say_farewell();
  }
  consumer_loop_.reset();
}

bus::ConsumerMetrics BusLink::consumer_metrics() const {
  return consumer_ ? consumer_->metrics() : bus::ConsumerMetrics{};
}

}  // namespace starling::server
