// The state of heartbeat as a whole, from what each worker reports and how far it gets.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

struct AggregateStatus {
    WorkerState state;
    TimestampTz since; // 0: not known
    char reason[state_text_size];
    char hint[state_text_size];
    bool throttled; // running, as fast as a quota of Kafka's allows
    int workers;
    double messages_per_second;
    char last_error[state_text_size];
    TimestampTz last_error_at; // 0: there was none since the server started
    TimestampTz busy_since;    // of the worker that has been storing one batch for the longest time; 0: none
    AwaitedLock awaited;       // what that worker waits for
    bool of_maintenance;       // it is a duty of the maintenance worker that makes the state, not ingest
};

// Takes a lock for as long as that takes, and no other.
void aggregate_status_look(AggregateStatus *aggregate);

// Of ingest alone, whatever becomes of the maintenance worker's duties.
void aggregate_status_look_at_ingest(AggregateStatus *aggregate);

} // namespace heartbeat
