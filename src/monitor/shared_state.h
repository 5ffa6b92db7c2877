// The shared memory of heartbeat. Each process of heartbeat writes its state and progress here, and sessions
// read them for heartbeat_status. The other files of src/monitor and the floors above (ingest, maintenance
// and admin) use this memory.
#pragma once

#include "server/server.h"

#include "server/settings.h"

extern "C" {
#include "port/atomics.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "storage/lwlock.h"
}

namespace heartbeat {

// The states in rising order of severity: heartbeat_status shows the most severe state of all workers. No
// worker reports `stalled`: aggregate_status.cpp finds that a worker with the state `running` is stalled.
enum class WorkerState : uint8_t { stopped, paused, running, stalled, connecting, retrying, failed };

inline constexpr int state_text_size = 384;
inline constexpr char starting_reason[] = "the workers are starting";
inline constexpr char not_installed_reason[] = "extension \"heartbeat\" is not in this database";
inline constexpr int partition_reason_size = 224;
inline constexpr int rate_seconds = 60;
inline constexpr int batch_time_buckets = 14;
// Shared memory has slots for this number of Kafka partitions. The workers also read partitions with higher
// numbers, but shared memory has no high watermark of them.
inline constexpr int partitions_shown_max = 4096;

// A lock that a process waits for.
struct AwaitedLock {
    bool any;
    LOCKTAG tag;
    LOCKMODE mode;
};

// The present activity of a worker. If the worker does not return to its loop, heartbeat_status names the
// activity.
enum class WorkerActivity : uint8_t { starting, waiting, looking, closing, consuming, assigning, storing };

// The state of a Kafka partition, as reported by the worker that reads the partition.
enum class PartitionState : uint8_t { none, reading, away, asked, paused };

struct WorkerSlot {
    pid_t pid; // 0: no process runs
    Latch *latch;
    WorkerState state;
    TimestampTz since;
    TimestampTz started_at;
    TimestampTz ended_at;   // 0 while it runs
    TimestampTz busy_since; // when the worker began to store its batch; 0: it is not storing a batch
    WorkerActivity activity;
    TimestampTz active_since;
    TimestampTz back_at; // the worker returns to its loop at this time or earlier; 0: no limit
    char reason[state_text_size];
    char hint[state_text_size];
    char last_error[state_text_size];
    TimestampTz last_error_at;
    TimestampTz throttled_since;
    TimestampTz throttled_until; // a broker delays its answers until this time because of a quota
    char throttled_by[128];
    int throttled_ms;             // the last delay that the broker reported
    AwaitedLock awaited;          // set when the wait has taken longer than 200 ms
    int64_t second[rate_seconds]; // a ring buffer: seconds since 2000, and the messages stored in each
    int64_t messages[rate_seconds];
};

inline constexpr int duties_count = 8; // the number of the maintenance worker's duties; see monitor/duties.h

struct DutySlot {
    TimestampTz began_at;      // 0: the duty is not running
    TimestampTz done_at;       // 0: not done since the server started
    TimestampTz failing_since; // 0: its last run did not fail
    int64_t failures;          // consecutive failures
    int64_t failures_total;
    bool patiently;
    char reason[state_text_size];
    char hint[state_text_size];
};

struct PartitionSlot {
    int64_t high_watermark;    // -1: not known
    int64_t next_offset;       // the last stored offset; -1: not known
    TimestampTz waiting_since; // when the lag began, or the last batch since then was stored; 0: no lag
    int64_t last_kafka_time;   // the time of the last message read, in milliseconds since 1970; -1: not known
    pid_t pid;
    TimestampTz confirmed_at; // when the leader last gave the high watermark; 0: not yet
    PartitionState state;
    char reason[partition_reason_size]; // why the state is `away`
};

// After this time the high watermark is too old, so the lag is not known.
inline constexpr int64_t watermark_lasts_s = 15;

// How many microseconds it took to store the batches. The time of a batch begins when the batch is complete.
struct BatchTimes {
    int64_t batches;
    int64_t total;
    int64_t longest; // since the last summary in the log
    int64_t bucket[batch_time_buckets];
};

struct SharedState {
    LWLock *lock;                   // protects all members except the atomics
    pg_atomic_uint64 control_seen;  // grows when heartbeat_control or the extension may have changed
    pg_atomic_uint32 rollup_due;    // 1: a batch has marked or appended rows since the rollup last looked
    pg_atomic_uint32 rollup_rows;   // rows added to heartbeat_rollup_pending since the last fold
    pg_atomic_uint64 rules_changed; // grows when heartbeat_alert_rules has changed
    pg_atomic_uint32 rules_watch;   // 1: an alert rule must be evaluated when readings arrive
    pg_atomic_uint32 silence;       // the shortest period of a silence rule, in seconds; 0: no such rule
    pg_atomic_uint32 arrived;       // 1: readings have arrived since the rules were last evaluated
    pg_atomic_uint32 watched;       // 1: the maintenance worker checks ingest periodically
    pg_atomic_uint32 reported;      // 1: the maintenance worker has not seen the last reported state yet
    pg_atomic_uint64 announcements_dropped; // since the server started
    pg_atomic_uint64 drops_told_at;         // when dropped notifications were last logged
    WorkerState worst;                      // the most severe present state of all workers
    int64_t changes;                        // how often `worst` has changed
    bool start_recorded;                    // heartbeat_events has a row for this start of the server
    BatchTimes batch_times;
    WorkerSlot launcher;
    WorkerSlot maintenance;
    DutySlot duties[duties_count];
    WorkerSlot workers[workers_max];
    PartitionSlot partitions[partitions_shown_max];
};

// nullptr if the server did not preload the library.
extern SharedState *shared_state;

const char *shared_state_name(WorkerState state);    // as heartbeat_status shows it
const char *shared_state_name(PartitionState state); // as heartbeat_partitions shows it

void shared_state_request(); // call it in _PG_init(), while PostgreSQL preloads the library

// Returns true if the workers serve the database of this session.
bool shared_state_serves_database();

// Clears the slots of the partitions that the calling process has read.
void shared_state_forget_partitions();

// Counts a dropped notification. Once a minute it returns the number of all notifications dropped so far, and
// the caller must log this number. Otherwise it returns 0.
uint64_t shared_state_announcement_dropped();

} // namespace heartbeat
