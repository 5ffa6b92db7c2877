// Writes the progress of the workers to shared memory, and computes rates and lag from this progress. The
// counters in shared memory begin at 0 when the server starts. The table heartbeat_offsets has the counters
// that must survive a restart.
#include "server/server.h"

#include "monitor/wake.h"
#include "monitor/worker_stats.h"
#include "server/text.h"

#include <cstring>

namespace heartbeat {

namespace {

// A Kafka partition lags while its high watermark is greater than the stored offset. waiting_since is then
// the start of the lag, or the time at which the worker last stored messages of this partition, if this time
// is later.
void note_lag(PartitionSlot *slot, bool moved) {
    bool lags = slot->next_offset >= 0 && slot->high_watermark > slot->next_offset;
    if (!lags)
        slot->waiting_since = 0;
    else if (moved || slot->waiting_since == 0)
        slot->waiting_since = monotonic_now();
}

// Returns the slot of a Kafka partition that this process reads, or nullptr if shared memory has no room for
// the slot. Call this function while you hold the lock.
PartitionSlot *own(const PartitionKey &key) {
    bool found;
    auto *slot = static_cast<PartitionSlot *>(hash_search(shared_partitions, &key, HASH_FIND, &found));
    if (!found && hash_get_num_entries(shared_partitions) < shared_state_partitions_room())
        slot = static_cast<PartitionSlot *>(hash_search(shared_partitions, &key, HASH_ENTER_NULL, &found));
    if (slot != nullptr && (!found || slot->pid != MyProcPid))
        *slot = {{key, -1, -1, 0, -1, MyProcPid, 0}, PartitionState::none, ""};
    return slot;
}

// Returns true if the slot already has this state. Most calls of worker_stats_partition_state() do not change
// the state, and thanks to this check they take only the shared lock.
bool has_state(const PartitionKey &key, PartitionState state, const char *reason) {
    bool found;
    LWLockAcquire(shared_state->lock, LW_SHARED);
    auto *slot = static_cast<PartitionSlot *>(hash_search(shared_partitions, &key, HASH_FIND, &found));
    bool same = found && slot->pid == MyProcPid && slot->state == state && strcmp(slot->reason, reason) == 0;
    LWLockRelease(shared_state->lock);
    return same;
}

void count_time(int64_t microseconds) {
    BatchTimes *times = &shared_state->batch_times;
    times->batches++;
    times->total += microseconds;
    times->longest = std::max(times->longest, microseconds);
    const int64_t *end = batch_time_bounds + batch_time_buckets - 1;
    times->bucket[std::lower_bound(batch_time_bounds, end, microseconds) - batch_time_bounds]++;
}

} // namespace

void worker_stats_batch_begins(SourceSlot *slot) {
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    slot->busy_since = monotonic_now();
    LWLockRelease(shared_state->lock);
    wake_to_watch();
}

void worker_stats_batch_ends(SourceSlot *slot, int64_t messages) {
    MonotonicTime now = monotonic_now();
    int64_t second = now / USECS_PER_SEC;
    int bucket = static_cast<int>(second % rate_seconds);
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    if (slot->busy_since != 0)
        count_time(now - slot->busy_since);
    slot->busy_since = 0;
    if (slot->second[bucket] != second) {
        slot->second[bucket] = second;
        slot->messages[bucket] = 0;
    }
    slot->messages[bucket] += messages;
    LWLockRelease(shared_state->lock);
}

void worker_stats_batch_dropped(SourceSlot *slot) {
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    slot->busy_since = 0;
    LWLockRelease(shared_state->lock);
}

void worker_stats_high_watermark(PartitionKey partition, int64_t high_watermark) {
    bool lags = false;
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    PartitionSlot *slot = own(partition);
    if (slot != nullptr) {
        slot->high_watermark = high_watermark;
        slot->confirmed_at = monotonic_now();
        note_lag(slot, false);
        lags = slot->waiting_since != 0;
    }
    LWLockRelease(shared_state->lock);
    if (lags)
        wake_to_watch();
}

void worker_stats_partition_state(PartitionKey partition, PartitionState state, const char *reason) {
    if (has_state(partition, state, reason))
        return;
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    PartitionSlot *slot = own(partition);
    if (slot != nullptr) {
        slot->state = state;
        text_copy(slot->reason, reason);
    }
    LWLockRelease(shared_state->lock);
}

bool worker_stats_know_end(const PartitionProgress &partition, MonotonicTime now) {
    return partition.pid != 0 && partition.high_watermark >= 0 && partition.confirmed_at != 0 &&
           now < partition.confirmed_at + watermark_lasts_s * USECS_PER_SEC;
}

MonotonicTime worker_stats_missed_since(const WorkerSlot &worker, MonotonicTime now) {
    return worker.back_at != 0 && worker.back_at < now ? worker.back_at : 0;
}

void worker_stats_position(PartitionKey partition, int64_t next_offset, int64_t last_kafka_time) {
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    PartitionSlot *slot = own(partition);
    if (slot != nullptr) {
        slot->next_offset = next_offset;
        slot->high_watermark = std::max(slot->high_watermark, next_offset);
        if (last_kafka_time >= 0)
            slot->last_kafka_time = last_kafka_time;
        note_lag(slot, true);
    }
    LWLockRelease(shared_state->lock);
}

double worker_stats_rate(const SourceSlot &source, MonotonicTime now) {
    int64_t this_second = now / USECS_PER_SEC;
    int64_t messages = 0;
    for (int i = 0; i < rate_seconds; i++)
        if (source.second[i] > this_second - rate_seconds)
            messages += source.messages[i];
    int64_t alive = (now - source.opened_at) / USECS_PER_SEC + 1;
    return static_cast<double>(messages) / static_cast<double>(std::min<int64_t>(alive, rate_seconds));
}

MonotonicTime worker_stats_waiting_since(const WorkerSlot &worker, const SourceSlot &source,
                                         ProgressRange partitions, const PartitionProgress **partition) {
    *partition = nullptr;
    MonotonicTime since = source.busy_since;
    if (since != 0)
        return since;
    for (const PartitionProgress &one : partitions) {
        if (one.pid != worker.pid || one.waiting_since == 0 || (since != 0 && one.waiting_since >= since))
            continue;
        since = one.waiting_since;
        *partition = &one;
    }
    return since;
}

bool worker_stats_still_waits(const PartitionProgress &copy) {
    bool found;
    auto *slot = static_cast<PartitionSlot *>(hash_search(shared_partitions, &copy.key, HASH_FIND, &found));
    return found && slot->pid == copy.pid && slot->waiting_since == copy.waiting_since;
}

Lag worker_stats_lag(ProgressRange partitions) {
    Lag lag = {false, 0, 0};
    MonotonicTime asked_at = monotonic_now();
    int64_t now = to_unix_microseconds(GetCurrentTimestamp());
    bool old = false;
    for (const PartitionProgress &one : partitions) {
        if (one.next_offset < 0)
            continue;
        lag.known = true;
        old = old || !worker_stats_know_end(one, asked_at);
        if (one.high_watermark <= one.next_offset)
            continue;
        lag.messages += one.high_watermark - one.next_offset;
        if (one.last_kafka_time >= 0)
            lag.seconds =
                std::max(lag.seconds, static_cast<double>(now - one.last_kafka_time * 1000) / USECS_PER_SEC);
    }
    lag.known = lag.known && !old;
    if (!lag.known)
        lag.seconds = -1;
    return lag;
}

Lag worker_stats_lag_of_all() {
    ProgressList progress = progress_list_take();
    Lag lag = worker_stats_lag(progress_list_all(progress));
    progress_list_free(&progress);
    return lag;
}

bool worker_stats_are_wanted() {
    bool wanted = false;
    LWLockAcquire(shared_state->lock, LW_SHARED);
    shared_state_each_partition(
        [&](const PartitionSlot &slot) { wanted = wanted || slot.waiting_since != 0; });
    for (const WorkerSlot &worker : shared_state->workers)
        if (worker.pid != 0)
            shared_state_each_source(
                worker, [&](const SourceSlot &source) { wanted = wanted || source.busy_since != 0; });
    LWLockRelease(shared_state->lock);
    return wanted;
}

} // namespace heartbeat
