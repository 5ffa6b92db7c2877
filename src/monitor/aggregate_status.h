// Finds the state of heartbeat as a whole, or of one source, from the states and the progress of the workers
// in shared memory. status.cpp calls it for heartbeat_status, source_states.cpp for heartbeat_source_status,
// and event_recorder.cpp for heartbeat_events. It reads no table.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

struct AggregateStatus {
    bool any; // a worker has a state
    WorkerState state;
    char source[source_name_size]; // the source that has this state; empty: the state is not of a source
    TimestampTz since;             // 0: not known
    char reason[state_text_size];
    char hint[state_text_size];
    bool throttled; // the state is RUNNING, but a quota of Kafka limits the speed
    int workers;
    double messages_per_second;
    char last_error[state_text_size];
    TimestampTz last_error_at; // 0: no error since the server started
    TimestampTz busy_since;    // when the longest running store of a batch began; 0: no worker stores a batch
    AwaitedLock awaited;       // the lock that this worker waits for
    bool of_one;               // the caller asks for the state of one source
    bool of_maintenance;       // a duty of the maintenance worker causes the state, not ingest
};

// Finds the state of heartbeat as a whole. It takes only the lock of shared memory, and holds it for a short
// time.
void aggregate_status_look(AggregateStatus *aggregate);

// Finds the state of ingest. It ignores failed duties of the maintenance worker.
void aggregate_status_look_at_ingest(AggregateStatus *aggregate);

// Finds the state of one source. `any` is false if no worker reads it.
void aggregate_status_look_at_source(AggregateStatus *aggregate, int32_t source_id);

} // namespace heartbeat
