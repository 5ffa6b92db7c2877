// When a connection to a broker was lost, as librdkafka's own threads see it. A restarted broker
// may come back with another log, and each of its messages comes over a connection that is younger than the
// loss of the one before.
#pragma once

#include <atomic>
#include <cstdint>

struct rd_kafka_conf_s;

namespace heartbeat {

// Points in time are numbers that grow. librdkafka sets them before it queues what comes over a connection,
// so whoever has taken a message from the queue sees each loss that came before it was sent.
class Connections {
  public:
    // The descriptor gets a byte each time a connection is back. Not to be moved while a client uses it.
    bool watch(rd_kafka_conf_s *config, int descriptor) noexcept;

    int64_t now() const noexcept { return time.load(); }

    // When a connection to the broker was lost last (0: never), and when one was made last. Of brokers whose
    // ids share a slot the later one counts, so that an examination too many is made, and none too few.
    int64_t lost_at(int32_t broker) const noexcept { return slot_of(broker).lost_at.load(); }
    int64_t made_at(int32_t broker) const noexcept { return slot_of(broker).made_at.load(); }

    // On librdkafka's threads: a broker's state is another one.
    void hear(int32_t broker, int port, const char *state) noexcept;

  private:
    struct Slot {
        std::atomic<int64_t> lost_at{0};
        std::atomic<int64_t> made_at{0};
    };
    static constexpr uint32_t slot_count = 256;
    const Slot &slot_of(int32_t broker) const { return slots[static_cast<uint32_t>(broker) % slot_count]; }

    Slot slots[slot_count];
    std::atomic<int64_t> time{1};
    int wake = -1;
};

} // namespace heartbeat
