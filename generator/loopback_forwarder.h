// Generator, embedded broker: forwards the connections of one loopback port to another loopback port.
// embedded_broker.cpp uses this code. This file does not depend on Kafka.
#pragma once

#include <cstdint>
#include <thread>

namespace heartbeat::generator {

// Forwards bytes in both directions in a thread of its own, until the object is destroyed.
class LoopbackForwarder {
  public:
    // Throws std::system_error if the socket cannot listen on `port`.
    LoopbackForwarder(uint16_t port, uint16_t target_port);
    ~LoopbackForwarder();
    LoopbackForwarder(const LoopbackForwarder &) = delete;
    LoopbackForwarder &operator=(const LoopbackForwarder &) = delete;

  private:
    int listener_;
    int wake_[2]; // a pipe; the thread ends when the pipe's writing end is closed
    std::thread thread_;
};

} // namespace heartbeat::generator
