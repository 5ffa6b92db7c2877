// Finds the state of heartbeat as a whole from the states and the progress of the workers in shared memory.
// status.cpp calls it for heartbeat_status, and event_recorder.cpp for heartbeat_events. It reads no table.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

struct AggregateStatus {
    WorkerState state;
    TimestampTz since; // 0: not known
    char reason[state_text_size];
    char hint[state_text_size];
    bool throttled; // the state is RUNNING, but a quota of Kafka limits the speed
    int workers;
    double messages_per_second;
    char last_error[state_text_size];
    TimestampTz last_error_at; // 0: there was none since the server started
    TimestampTz busy_since;    // of the worker that has stored its batch for the longest time; 0: none
    AwaitedLock awaited;       // the lock that this worker waits for
    bool of_maintenance;       // a duty of the maintenance worker causes the state, not ingest
};

// Takes only the lock of shared memory, and holds it for a short time.
void aggregate_status_look(AggregateStatus *aggregate);

// Finds the state of ingest alone, and ignores failed duties of the maintenance worker.
void aggregate_status_look_at_ingest(AggregateStatus *aggregate);

} // namespace heartbeat
