// bus::AmqpConnection over the simulated broker, in place of src/bus's amqp.cpp.
#include <cstdlib>
#include <string>
#include <utility>

#include "broker_sim.hpp"
#include "bus/amqp.hpp"

struct amqp_connection_state_t_ {
  int descriptor = -1;
};

namespace starling::bus {
namespace {

sim::BrokerSim& broker() { return sim::BrokerSim::current(); }

base::Result<void> works(int descriptor) {
  if (broker().works(descriptor)) return {};
  return base::failure("connection lost");
}

}  // namespace

void AmqpConnection::Destroy::operator()(amqp_connection_state_t_* state) const {
  broker().leave(state->descriptor);
  delete state;
}

// Servers connect to "server-N".
base::Result<AmqpConnection> AmqpConnection::open(const AmqpAddress& address, unsigned,
                                                  const std::string&) {
  const auto server =
      static_cast<unsigned>(std::strtoul(address.host.c_str() + sizeof "server-" - 1, nullptr, 10));
  const std::optional<int> descriptor = broker().connect(server);
  if (!descriptor) return base::failure("nobody answers");
  return AmqpConnection{new amqp_connection_state_t_{*descriptor}};
}

base::Result<void> AmqpConnection::declare_exchange(std::string_view, std::string_view, bool) {
  return works(state_->descriptor);
}

base::Result<std::string> AmqpConnection::declare_queue(const QueueBounds&) {
  if (auto well = works(state_->descriptor); !well) {
    return tl::make_unexpected(std::move(well.error()));
  }
  return "queue";
}

base::Result<void> AmqpConnection::bind(const std::string&, std::string_view, std::string_view) {
  return works(state_->descriptor);
}

base::Result<void> AmqpConnection::consume(const std::string&) {
  broker().consume(state_->descriptor);
  return works(state_->descriptor);
}

base::Result<void> AmqpConnection::publish(const Message& message) {
  if (auto well = works(state_->descriptor); !well) return well;
  broker().publish(state_->descriptor, message);
  return {};
}

base::Result<void> AmqpConnection::serve() {
  blocked_ = broker().blocked();
  return works(state_->descriptor);
}

base::Result<std::optional<Message>> AmqpConnection::receive() {
  if (auto well = works(state_->descriptor); !well) {
    return tl::make_unexpected(std::move(well.error()));
  }
  return broker().receive(state_->descriptor);
}

int AmqpConnection::descriptor() const { return state_->descriptor; }
bool AmqpConnection::has_buffered() const { return false; }
void AmqpConnection::close() {}

}  // namespace starling::bus
