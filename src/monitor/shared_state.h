// The shared memory of heartbeat. Each process of heartbeat writes its state and its progress to this memory,
// and sessions read this memory for heartbeat_status. The other files of src/monitor and the files of
// src/ingest, src/maintenance and src/admin use this memory.
#pragma once

#include "server/server.h"

#include "kafka/topic_description.h"
#include "server/clock.h"
#include "server/settings.h"

extern "C" {
#include "port/atomics.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "storage/lwlock.h"
#include "utils/hsearch.h"
}

namespace heartbeat {

// The states in rising order of severity. heartbeat_status shows the most severe state of all sources. No
// worker reports `stalled`: aggregate_status.cpp finds out that a source with the state `running` is stalled.
enum class WorkerState : uint8_t { stopped, paused, running, stalled, connecting, retrying, failed };

inline constexpr int state_text_size = 384;
inline constexpr char starting_reason[] = "the workers are starting";
inline constexpr char no_process_reason[] = "no background worker can be started";
inline constexpr char no_process_hint[] =
    "Raise max_worker_processes by heartbeat.workers + 2 and restart the server.";
inline constexpr char not_installed_reason[] = "extension \"heartbeat\" is not in this database";
inline constexpr int partition_reason_size = 224;
inline constexpr int rate_seconds = 60;
inline constexpr int batch_time_buckets = 14;
inline constexpr int source_name_size = 64;
inline constexpr char default_source[] = "default"; // the name of the source that the settings describe
// Shared memory has room for partitions_shown_min Kafka partitions, plus partitions_shown_of_source for each
// source. The workers can read more Kafka partitions, but shared memory does not have the high watermarks of
// these additional partitions.
inline constexpr int partitions_shown_min = 4096;
inline constexpr int partitions_shown_of_source = 16;

// A lock that a process waits for.
struct AwaitedLock {
    bool any;
    LOCKTAG tag;
    LOCKMODE mode;
};

// What a worker is doing. If the worker does not return to its loop in time, heartbeat_status shows this
// activity.
enum class WorkerActivity : uint8_t { starting, waiting, looking, closing, consuming, assigning, storing };

// The state of a Kafka partition. The worker that reads the partition reports this state.
enum class PartitionState : uint8_t { none, reading, away, asked, paused };

// The state of a process, or of a source that a worker reads. heartbeat_status shows these members.
struct ShownState {
    WorkerState state;
    TimestampTz since;
    MonotonicTime running_since, not_running_since; // see shown_state_begin()
    char reason[state_text_size];
    char hint[state_text_size];
    char last_error[state_text_size];
    TimestampTz last_error_at;
};

// A process of heartbeat. While an ingest worker has sources, the state in its WorkerSlot is `running`. The
// states of its sources are in the SourceSlots.
struct WorkerSlot {
    pid_t pid; // 0: no process runs
    Latch *latch;
    ShownState shown;
    MonotonicTime started_at;
    MonotonicTime ended_at; // 0 while the process runs
    WorkerActivity activity;
    MonotonicTime back_at; // the worker must return to its loop before this time; 0: no limit
    AwaitedLock awaited;   // the lock for which the process has been waiting for more than 200 ms
};

// The topic of a source at the time when a worker began to read this topic at the end offsets.
struct StartAtEnd {
    uint64_t name;                // a hash of the topic's name, the source's revision and the extension's OID
    TopicDescription description; // not `exists`: no worker has begun to read the topic at the end offsets
};

// A source that an ingest worker reads.
struct SourceSlot {
    bool used;
    int32_t source_id;
    char name[source_name_size];
    ShownState shown;
    MonotonicTime opened_at;
    MonotonicTime busy_since; // when the worker began to store a batch of the source; 0: it stores none
    TimestampTz throttled_since;
    MonotonicTime throttled_until; // until this time, a broker delays answers because of a quota
    char throttled_by[128];
    int throttled_ms;          // the last delay that the broker reported
    StartAtEnd started_at_end; // see start_at_end.h
    // A ring buffer. second[i] is a time of the monotonic clock, in seconds. messages[i] is the number
    // of messages that the worker stored during this second.
    int64_t second[rate_seconds];
    int64_t messages[rate_seconds];
};

inline constexpr int moves_counters = 256;
inline constexpr int duties_count = 9; // the number of the maintenance worker's duties; see monitor/duties.h

struct DutySlot {
    Moment began;        // none: the duty is not running
    Moment failing;      // the first consecutive failure; none: the last run did not fail
    TimestampTz done_at; // the end of the last successful run since the server started; 0: no such run
    int64_t failures;    // the number of consecutive failures
    int64_t failures_total;
    bool patiently;
    char reason[state_text_size];
    char hint[state_text_size];
};

struct PartitionKey {
    int32_t source_id;
    int32_t partition;
};

// The part of a PartitionSlot that progress_list.cpp copies. `key` is the key of shared_partitions, so `key`
// must be the first member.
struct PartitionProgress {
    PartitionKey key;
    int64_t high_watermark; // -1: not known
    int64_t next_offset;    // the offset after the last stored message; -1: not known
    // the later of two times: the start of the lag, and the time of the last stored batch; 0: no lag
    MonotonicTime waiting_since;
    // the timestamp of the last message read, in milliseconds since 1970; -1: not known
    int64_t last_kafka_time;
    pid_t pid;
    MonotonicTime confirmed_at; // the time when the leader last reported the high watermark; 0: never
};

static_assert(offsetof(PartitionProgress, key) == 0);

struct PartitionSlot : PartitionProgress {
    PartitionState state;
    char reason[partition_reason_size]; // the reason of the state `away`
};

// A Kafka partition that a worker has handed over to another worker. `key` is the key of shared_moves, so
// `key` must be the first member.
struct MovedPartition {
    PartitionKey key;
    int32_t worker; // the number of the worker that reads the Kafka partition now
};

static_assert(offsetof(MovedPartition, key) == 0);

// When the leader's last report of the high watermark is older than this time, the lag is not known.
inline constexpr int64_t watermark_lasts_s = 15;

// How long the workers needed to store batches, in microseconds. The time of a batch begins when the worker
// has read the whole batch.
struct BatchTimes {
    int64_t batches;
    int64_t total;
    int64_t longest; // the longest time to store a batch since the last summary in the log
    int64_t bucket[batch_time_buckets];
};

struct SharedState {
    LWLock *lock;                  // protects all members except the atomic members
    MonotonicTime started_at;      // when the server started, or restarted after a crash
    MonotonicTime absent_since;    // see absent_workers_since()
    MonotonicTime worker_ended_at; // when an ingest worker last ended; 0: none has ended
    pg_atomic_uint64 control_seen; // grows when heartbeat_control or the extension has possibly changed
    pg_atomic_uint64 moves;        // grows with each change of shared_moves
    // moves_of[id % moves_counters] grows when a Kafka partition of the source `id` moves to another worker
    pg_atomic_uint64 moves_of[moves_counters];
    // 1: since the last rollup, a commit has inserted into heartbeat_rollup_pending or
    // heartbeat_stale_minutes
    pg_atomic_uint32 rollup_due;
    // rows inserted into heartbeat_rollup_pending and heartbeat_arrivals since the duty `fold` last began
    pg_atomic_uint32 rollup_rows;
    pg_atomic_uint64 rules_changed; // grows when heartbeat_alert_rules has changed
    pg_atomic_uint32 rules_watch;   // 1: an arrival of readings makes an alert rule due
    pg_atomic_uint32 silence;       // shortest period of all silence rules, in seconds; 0: no silence rule
    pg_atomic_uint32 arrived;       // 1: readings have arrived since the last evaluation of the rules
    pg_atomic_uint32 watched;       // 1: the maintenance worker checks ingest periodically
    pg_atomic_uint32 reported;      // 1: the maintenance worker has not seen the last reported state yet
    pg_atomic_uint32 packing;       // the pid of the process that packs old weeks; 0: no such process runs
    pg_atomic_uint64 announcements_dropped; // the notifications dropped since the server started
    pg_atomic_uint64 drops_told_at;         // MonotonicTime of the last log line about dropped notifications
    WorkerState worst;                      // the most severe present state of all workers
    int64_t changes;                        // the number of changes of `worst`
    bool start_recorded;                    // true: heartbeat_events has a row for this start of the server
    BatchTimes batch_times;
    WorkerSlot launcher;
    WorkerSlot maintenance;
    DutySlot duties[duties_count];
    WorkerSlot workers[workers_max];
    SourceSlot *sources; // settings.max_sources slots for each worker
};

// The pointer is nullptr if the server did not preload the library.
extern SharedState *shared_state;

// Returns the slots of a worker's sources.
SourceSlot *shared_state_sources(const WorkerSlot &worker);

// Calls visit(slot) for each slot of a source that `worker` reads.
template <typename Visit> void shared_state_each_source(const WorkerSlot &worker, Visit visit) {
    SourceSlot *slots = shared_state_sources(worker);
    for (int i = 0; i < settings.max_sources; i++)
        if (slots[i].used)
            visit(slots[i]);
}

// The Kafka partitions that the workers read, by PartitionKey. Use this table only while you hold the lock of
// shared memory.
extern HTAB *shared_partitions;

// The moved Kafka partitions, by PartitionKey: see moved_partitions.h. Use this table only while you hold the
// lock of shared memory.
extern HTAB *shared_moves;

long shared_state_partitions_room(); // the number of Kafka partitions that fit into shared memory

// Calls visit(slot) for each Kafka partition in shared_partitions. visit() must not raise an error.
template <typename Visit> void shared_state_each_partition(Visit visit) {
    HASH_SEQ_STATUS status;
    hash_seq_init(&status, shared_partitions);
    while (auto *slot = static_cast<PartitionSlot *>(hash_seq_search(&status)))
        visit(*slot);
}

const char *shared_state_name(WorkerState state);    // the name in heartbeat_status
const char *shared_state_name(PartitionState state); // the name in heartbeat_partitions

void shared_state_request(); // call this function in _PG_init(), while PostgreSQL preloads the library

// Returns true if the workers serve the database of this session.
bool shared_state_serves_database();

// Removes the slots of the Kafka partitions that the calling process reads. If source_id is not any_source,
// removes only the slots of this source.
inline constexpr int32_t any_source = -1;
void shared_state_forget_partitions(int32_t source_id);

// Counts a dropped notification. At most once a minute, the function returns the number of notifications
// dropped since the server's start, and the caller must log this number. Otherwise the function returns 0.
uint64_t shared_state_announcement_dropped();

} // namespace heartbeat
