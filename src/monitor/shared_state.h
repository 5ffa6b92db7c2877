// The shared memory in which the processes of heartbeat tell each other and the sessions how they are.
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

// In rising order of severity: heartbeat_status shows the most severe of all workers. None reports `stalled`:
// that is found by looking at one which runs.
enum class WorkerState : uint8_t { stopped, paused, running, stalled, connecting, retrying, failed };

inline constexpr int state_text_size = 384;
inline constexpr char starting_reason[] = "the workers are starting";
inline constexpr char not_installed_reason[] = "extension \"heartbeat\" is not in this database";
inline constexpr int partition_reason_size = 224;
inline constexpr int rate_seconds = 60;
inline constexpr int batch_time_buckets = 14;
inline constexpr int partitions_shown_max =
    4096; // partitions above are read, but have no high watermark to show

// A lock that a process waits for.
struct AwaitedLock {
    bool any;
    LOCKTAG tag;
    LOCKMODE mode;
};

// What a worker does, for where it does not come back from it.
enum class WorkerActivity : uint8_t { starting, waiting, looking, closing, consuming, assigning, storing };

// How a Kafka partition stands with the worker that it belongs to.
enum class PartitionState : uint8_t { none, reading, away, asked, paused };

struct WorkerSlot {
    pid_t pid; // 0: nobody runs
    Latch *latch;
    WorkerState state;
    TimestampTz since;
    TimestampTz started_at;
    TimestampTz ended_at;   // 0 while it runs
    TimestampTz busy_since; // when it began to store the batch in hand; 0: it has none
    WorkerActivity activity;
    TimestampTz active_since;
    TimestampTz back_at; // when it comes back to its loop at the latest; 0: when it is woken
    char reason[state_text_size];
    char hint[state_text_size];
    char last_error[state_text_size];
    TimestampTz last_error_at;
    TimestampTz throttled_since;
    TimestampTz throttled_until; // a broker delays its answers by a quota, unless this time has passed
    char throttled_by[128];
    int throttled_ms;             // as the broker said last
    AwaitedLock awaited;          // for some time already
    int64_t second[rate_seconds]; // a ring: seconds since 2000, and the messages stored in each
    int64_t messages[rate_seconds];
};

inline constexpr int duties_count = 8; // of the maintenance worker; see monitor/duties.h

struct DutySlot {
    TimestampTz began_at;      // 0: it is not at work
    TimestampTz done_at;       // 0: never since the server started
    TimestampTz failing_since; // 0: it did not fail the last time
    int64_t failures;          // in a row
    int64_t failures_total;
    bool patiently;
    char reason[state_text_size];
    char hint[state_text_size];
};

struct PartitionSlot {
    int64_t high_watermark;    // -1: not known
    int64_t next_offset;       // as it was stored last; -1: not known
    TimestampTz waiting_since; // when it began to lag, or got on last while it does; 0: it does not lag
    int64_t last_kafka_time;   // of the last message read, in milliseconds since 1970; -1: not known
    pid_t pid;
    TimestampTz confirmed_at; // when the partition's leader said or showed where it ends; 0: it has not
    PartitionState state;
    char reason[partition_reason_size]; // why it is away
};

// Then a high watermark is old, and so lag is not known.
inline constexpr int64_t watermark_lasts_s = 15;

// Of the batches stored, in microseconds from when one was complete.
struct BatchTimes {
    int64_t batches;
    int64_t total;
    int64_t longest; // since the last summary in the log
    int64_t bucket[batch_time_buckets];
};

struct SharedState {
    LWLock *lock;                   // guards everything below but the atomics
    pg_atomic_uint64 control_seen;  // grows when heartbeat_control or the extension may have changed
    pg_atomic_uint32 rollup_due;    // 1: ingest has left the rollup something since it last looked
    pg_atomic_uint32 rollup_rows;   // of heartbeat_rollup_pending since then
    pg_atomic_uint64 rules_changed; // grows when heartbeat_alert_rules has changed
    pg_atomic_uint32 rules_watch;   // 1: a rule wants to know of readings
    pg_atomic_uint32 silence;       // the shortest period of a rule on silence, in seconds; 0: there is none
    pg_atomic_uint32 arrived;       // 1: some have arrived since the rules were evaluated last
    pg_atomic_uint32 watched;       // 1: the maintenance worker looks from time to time how ingest gets on
    pg_atomic_uint32 reported;      // 1: a worker has reported a state since it looked
    pg_atomic_uint64 announcements_dropped; // since the server started
    pg_atomic_uint64 drops_told_at;         // when the log has said so last
    WorkerState worst;                      // of all workers, as they have reported
    int64_t changes;                        // of that
    bool start_recorded;                    // in heartbeat_events
    BatchTimes batch_times;
    WorkerSlot launcher;
    WorkerSlot maintenance;
    DutySlot duties[duties_count];
    WorkerSlot workers[workers_max];
    PartitionSlot partitions[partitions_shown_max];
};

// nullptr in a server that did not preload the library.
extern SharedState *shared_state;

const char *shared_state_name(WorkerState state);    // as heartbeat_status shows it
const char *shared_state_name(PartitionState state); // as heartbeat_partitions does

void shared_state_request(); // in _PG_init, while preloading

bool shared_state_serves_database(); // the workers are those of this session's database

void shared_state_forget_partitions(); // the calling process reads none any more

// An announcement was dropped. Returns how many were so far where the log is to say so, once a minute;
// otherwise 0.
uint64_t shared_state_announcement_dropped();

} // namespace heartbeat
