// Generator: a Kafka broker inside this process (librdkafka's mock cluster), so that a demonstration needs no
// other broker.
#pragma once

#include "loopback_forwarder.h"

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <memory>
#include <string>

namespace heartbeat::generator {

// Listens on 127.0.0.1 only, and keeps messages in memory. Each partition has two limits: 5 MiB, and 100,000
// batches. Threads of librdkafka serve clients until the object is destroyed.
class EmbeddedBroker {
  public:
    // Port 0 means any free port. If the port is not free, throws std::system_error. If librdkafka cannot
    // start the mock cluster or create the topic, throws std::runtime_error.
    EmbeddedBroker(uint16_t port, const std::string &topic, int partitions);

    // Returns the address for clients, as host:port.
    const std::string &address() const { return address_; }

    // If a partition exceeds a limit, the mock cluster removes the oldest messages of this partition. Returns
    // how many messages the mock cluster has removed from all partitions.
    int64_t dropped() const;

  private:
    struct Destroy {
        void operator()(rd_kafka_t *rk) const { rd_kafka_destroy(rk); }
    };

    std::string topic_;
    int partitions_;
    std::string address_;
    std::unique_ptr<rd_kafka_t, Destroy> rk_; // the client that owns the mock cluster
    std::unique_ptr<LoopbackForwarder> forwarder_;
};

} // namespace heartbeat::generator
