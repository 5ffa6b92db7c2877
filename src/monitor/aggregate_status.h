// Finds the state of heartbeat as a whole, or of one source, from the states and the progress of the workers
// in shared memory. The callers are status.cpp (for heartbeat_status), source_states.cpp (for
// heartbeat_source_status) and event_recorder.cpp (for heartbeat_events). The functions do not read tables.
#pragma once

#include "monitor/progress_list.h"

namespace heartbeat {

struct AggregateStatus {
    bool any; // true: at least one worker has a state
    WorkerState state;
    // the source that has this state; empty: the state does not belong to a source
    char source[source_name_size];
    TimestampTz since; // the time when the state began; 0: not known
    // Several workers can read a source. If the trouble of a worker changes to another trouble, `since`
    // changes, but the next two members do not. not_running_since is the time when the first worker ceased to
    // be RUNNING (0: all workers are RUNNING or PAUSED). running_since is the time when the last worker
    // became RUNNING (0: no worker is RUNNING).
    MonotonicTime not_running_since;
    MonotonicTime running_since;
    char reason[state_text_size];
    char hint[state_text_size];
    bool throttled; // true: the state is RUNNING, but a quota of Kafka limits the speed
    int workers;
    double messages_per_second;
    char last_error[state_text_size];
    TimestampTz last_error_at; // 0: no error since the server started
    // The earliest time at which a worker began to store a batch that it is still storing. 0: no worker
    // stores a batch.
    MonotonicTime busy_since;
    AwaitedLock awaited; // the lock for which the worker with the batch of `busy_since` waits
    bool of_one;         // true: the caller asks for the state of one source
    bool of_maintenance; // true: the cause of the state is a duty of the maintenance worker, and not ingest
};

// Finds the state of heartbeat as a whole. The function takes only the lock of shared memory, and holds this
// lock for a short time.
void aggregate_status_look(AggregateStatus *aggregate);

// Finds the state of ingest. Ignores failed duties of the maintenance worker.
void aggregate_status_look_at_ingest(AggregateStatus *aggregate);

// A source, a worker that reads it, and the worker's slot for it. source_states.cpp makes a list of these.
// The worker can use the slot for another source later. So hold the lock of shared memory while you read
// `worker` and `slot`. Before you use the slot, compare slot->source_id with `source_id`.
struct ReadSource {
    int32_t source_id;
    const WorkerSlot *worker;
    const SourceSlot *slot;
};

// Finds the state of one source. `first` points to the first ReadSource of the source, and `last` points
// behind the last ReadSource of the source. If no worker reads the source any more, `any` is false.
void aggregate_status_look_at_source(AggregateStatus *aggregate, const ReadSource *first,
                                     const ReadSource *last, const ProgressList &progress);

} // namespace heartbeat
