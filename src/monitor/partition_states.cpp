// heartbeat_partition_states() returns a row for each Kafka partition that a worker reads. The data come from
// shared memory. The view heartbeat_partitions calls this function.
#include "server/server.h"

#include "monitor/worker_stats.h"
#include "server/compat.h"

extern "C" {
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(heartbeat_partition_states);
}

using namespace heartbeat;

extern "C" Datum heartbeat_partition_states(PG_FUNCTION_ARGS) {
    ReturnSetInfo *result = return_rows(fcinfo);
    if (!shared_state_serves_database())
        return static_cast<Datum>(0);
    auto *slots = static_cast<PartitionSlot *>(
        palloc(sizeof(PartitionSlot) * static_cast<size_t>(shared_state_partitions_room())));
    long count = 0;
    LWLockAcquire(shared_state->lock, LW_SHARED);
    shared_state_each_partition([&](const PartitionSlot &slot) {
        if (count < shared_state_partitions_room())
            slots[count++] = slot;
    });
    LWLockRelease(shared_state->lock);
    MonotonicTime now = monotonic_now();
    for (const PartitionSlot *slot = slots; slot < slots + count; slot++) {
        bool unknown = slot->high_watermark < 0, named = slot->state != PartitionState::none;
        // The view heartbeat_partitions of version 1.2 expects only the first six of these columns.
        Datum values[7] = {Int32GetDatum(slot->key.partition),
                           Int64GetDatum(slot->high_watermark),
                           Int32GetDatum(slot->pid),
                           BoolGetDatum(worker_stats_know_end(*slot, now)),
                           named ? CStringGetTextDatum(shared_state_name(slot->state)) : 0,
                           slot->reason[0] != '\0' ? CStringGetTextDatum(slot->reason) : 0,
                           Int32GetDatum(slot->key.source_id)};
        bool nulls[7] = {false, unknown, false, false, !named, slot->reason[0] == '\0', false};
        tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
    }
    return static_cast<Datum>(0);
}
