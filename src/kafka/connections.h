// This class records when librdkafka makes and loses connections to brokers. After a restart of a broker, the
// broker's log of a partition can differ from the log before the restart. A restart ends the connection, so a
// new connection shows that the broker may have restarted. examination.cpp reads the recorded times, and then
// examines the broker's partitions. librdkafka's own threads record the times.
#pragma once

#include "kafka/wake_pipe.h"

#include <atomic>
#include <cstdint>

struct rd_kafka_conf_s;

namespace heartbeat {

// A time in this class is the value of a counter. The counter grows each time a connection is lost or made.
// librdkafka calls hear() before it queues the messages of a connection. So when a thread takes a message
// from the queue, hear() has already recorded each earlier loss of a connection.
class Connections {
  public:
    // Makes librdkafka report its connections to this object. The object must not move while a client uses
    // the object. Each time librdkafka connects to a broker again, the object writes to the target's pipe.
    bool watch(rd_kafka_conf_s *config, const WakeTarget &target) noexcept;

    int64_t now() const noexcept { return time.load(); }

    // lost_at() returns when librdkafka last lost a connection to the broker (0: never). made_at() returns
    // when librdkafka last made a connection to the broker (0: never). The times are in `slots`, and two
    // brokers can share a slot. For such brokers, both functions return the later of the two brokers' times.
    // This can cause an unnecessary examination, but never prevents a necessary one.
    int64_t lost_at(int32_t broker) const noexcept { return slot_of(broker).lost_at.load(); }
    int64_t made_at(int32_t broker) const noexcept { return slot_of(broker).made_at.load(); }

    // librdkafka's threads call this function when the state of a broker changes.
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
    WakeTarget wake = {};
};

} // namespace heartbeat
