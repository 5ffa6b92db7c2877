// When a worker begins to read a topic from its end, this file writes a description of the topic into the
// worker's slot for the source. A recreated topic, or another topic with the same name, does not match this
// description.
#include "server/server.h"

#include "monitor/start_at_end.h"

namespace heartbeat {

namespace {

// Calls visit(worker, slot) for each worker's slot of this source. `worker` is the number of the worker. Call
// this function while you hold the lock.
template <typename Visit> void each_slot(int32_t source_id, Visit visit) {
    for (int worker = 0; worker < settings.workers; worker++)
        shared_state_each_source(shared_state->workers[worker], [&](SourceSlot &slot) {
            if (slot.source_id == source_id)
                visit(worker, slot);
        });
}

bool is_same(const StartAtEnd &one, const StartAtEnd &other) {
    return one.description.exists && one.name == other.name &&
           topic_is_same(one.description, other.description);
}

} // namespace

void start_at_end_set(int worker, int32_t source_id, const StartAtEnd &start) {
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    each_slot(source_id, [&](int number, SourceSlot &slot) {
        slot.started_at_end = number == worker ? start : StartAtEnd{};
    });
    LWLockRelease(shared_state->lock);
}

int32_t start_at_end_partitions(int32_t source_id, const StartAtEnd &topic) {
    int32_t partitions = 0;
    LWLockAcquire(shared_state->lock, LW_SHARED);
    each_slot(source_id, [&](int, const SourceSlot &slot) {
        if (is_same(slot.started_at_end, topic))
            partitions = std::max(partitions, slot.started_at_end.description.partition_count);
    });
    LWLockRelease(shared_state->lock);
    return partitions;
}

} // namespace heartbeat
