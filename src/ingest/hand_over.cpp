// Reads the lags of all workers from shared memory, compares them, and chooses the Kafka partitions that this
// worker hands over. A Kafka partition lags if its lag is at least lag_batches batches. A worker can read a
// shorter lag faster than it can hand the partition over.
#include "server/server.h"

#include "ingest/hand_over.h"
#include "kafka/consumer_assign.h"
#include "monitor/moved_partitions.h"
#include "monitor/progress_list.h"
#include "monitor/wake.h"
#include "monitor/worker_stats.h"

namespace heartbeat {

namespace {

constexpr TimestampTz look_every = USECS_PER_SEC;
constexpr int64_t lag_batches = 5;
// A worker is late if it has not returned to its loop in time (see worker_stats_missed_since()). It may be
// stopped, or may wait for a lock. A worker that is late by more than this time gets no partition.
constexpr TimestampTz late_after = USECS_PER_SEC;

// A Kafka partition lags if it has at least this number of messages to read.
int64_t lag_min() {
    return lag_batches * settings.batch_size;
}

int64_t lag_of(const PartitionProgress &partition) {
    return partition.next_offset < 0 ? 0
                                     : std::max<int64_t>(partition.high_watermark - partition.next_offset, 0);
}

int64_t lag_of_worker(const ProgressList &progress, pid_t pid) {
    int64_t lag = 0;
    for (const PartitionProgress &one : progress_list_all(progress))
        lag += one.pid == pid ? lag_of(one) : 0;
    return lag;
}

bool reads(const WorkerSlot &worker, int32_t source_id) {
    bool running = false;
    shared_state_each_source(worker, [&](const SourceSlot &source) {
        running = running || (source.source_id == source_id && source.shown.state == WorkerState::running);
    });
    return running;
}

bool is_late(const WorkerSlot &worker) {
    MonotonicTime now = monotonic_now();
    MonotonicTime since = worker_stats_missed_since(worker, now);
    return since != 0 && now >= since + late_after;
}

// Returns the lag of the worker with this number, minus `given`. A worker that does not run, does not read
// the source, or is late cannot take a partition. For such a worker the function returns lag_min(), as if the
// worker lagged. Call this function while you hold the lock.
int64_t lag_of_taker(const ProgressList &progress, const KafkaPartitions &partitions, int number,
                     int64_t given) {
    const WorkerSlot &worker = shared_state->workers[number];
    bool can = worker.pid != 0 && reads(worker, partitions.source->id) && !is_late(worker);
    return can ? lag_of_worker(progress, worker.pid) - given : lag_min();
}

// Compares all workers except this worker, and returns the number of the worker with the shortest lag.
// Returns -1 if none of them can take a partition, because each one lags, does not run, does not read the
// source, or is late.
int find_idle_worker(const ProgressList &progress, const KafkaPartitions &partitions) {
    int found = -1;
    int64_t shortest = lag_min();
    LWLockAcquire(shared_state->lock, LW_SHARED);
    for (int i = 0; i < settings.workers; i++) {
        int64_t lag = i == partitions.worker ? shortest : lag_of_taker(progress, partitions, i, 0);
        found = lag < shortest ? i : found;
        shortest = std::min(shortest, lag);
    }
    LWLockRelease(shared_state->lock);
    return found;
}

// Marks the partition for the hand-over. Does not mark a partition of another source or worker, an
// unavailable partition, or a partition that this worker does not read.
void mark(KafkaPartitions *partitions, const PartitionKey &key) {
    if (key.source_id != partitions->source->id || !partitions_own(*partitions, key.partition))
        return;
    KafkaPartition *partition = &partitions->partition[key.partition];
    partition->leaves = partition->read && !partition->away;
}

// Marks partitions of this worker. The marked partitions together have at most half of the lag of all
// partitions in the list. So the worker always keeps a partition that lags.
void mark_half(const PartitionProgress *lagging, size_t count, KafkaPartitions *partitions) {
    int64_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += lag_of(lagging[i]);
    int64_t marked = 0;
    for (size_t i = 0; i < count; i++) {
        if (marked + lag_of(lagging[i]) > total / 2)
            continue;
        marked += lag_of(lagging[i]);
        mark(partitions, lagging[i].key);
    }
}

// Finds the partitions of this worker that lag. Moves these partitions to the beginning of the list, the
// longest lag first, and returns their number.
size_t take_lagging(const ProgressList &progress) {
    PartitionProgress *end = std::partition(
        progress.partitions, progress.partitions + progress.count,
        [](const PartitionProgress &one) { return one.pid == MyProcPid && lag_of(one) >= lag_min(); });
    std::sort(progress.partitions, end, [](const PartitionProgress &one, const PartitionProgress &other) {
        return lag_of(one) > lag_of(other);
    });
    return static_cast<size_t>(end - progress.partitions);
}

int32_t find_chosen(const KafkaPartitions &partitions) {
    int32_t found = -1;
    partitions_each_own(partitions, [&](int32_t i) { found = partitions.partition[i].leaves ? i : found; });
    return found;
}

// Returns true if the worker `hand_over.to` still reads the source and does not lag. This check is necessary
// because hand_over_choose() may have chosen the worker long ago: while PostgreSQL refuses a batch, the
// hand-over waits. Sets *lag to the lag of the partition.
bool can_take(const HandOver &hand_over, const KafkaPartitions &partitions, int32_t partition, int64_t *lag) {
    ProgressList progress = progress_list_take();
    LWLockAcquire(shared_state->lock, LW_SHARED);
    bool can = lag_of_taker(progress, partitions, hand_over.to, hand_over.given) < lag_min();
    LWLockRelease(shared_state->lock);
    *lag = 0;
    for (const PartitionProgress &one : progress_list_of(progress, partitions.source->id))
        *lag = one.key.partition == partition ? lag_of(one) : *lag;
    progress_list_free(&progress);
    return can;
}

void tell(int from, int to, const KafkaPartitions &partitions, int32_t number) {
    ereport(LOG, (errcode(ERRCODE_SUCCESSFUL_COMPLETION),
                  errmsg("heartbeat: worker %d hands partition %d of topic \"%s\" over to worker %d", from,
                         number, partitions.source->topic, to),
                  errdetail("Worker %d lags, and worker %d does not lag.", from, to), errhidecontext(true)));
}

} // namespace

void hand_over_choose(HandOver *hand_over, KafkaPartitions *partitions) {
    if (settings.workers == 1)
        return;
    MonotonicTime now = monotonic_now();
    if (now < hand_over->look_at || hand_over_is_due(*partitions))
        return;
    hand_over->look_at = now + look_every;
    ProgressList progress = progress_list_take();
    hand_over->to = find_idle_worker(progress, *partitions);
    size_t lagging = hand_over->to >= 0 ? take_lagging(progress) : 0;
    bool uneven = lagging > 1;
    if (uneven && hand_over->to_confirm)
        mark_half(progress.partitions, lagging, partitions);
    hand_over->given = 0;
    hand_over->to_confirm = uneven && !hand_over->to_confirm;
    progress_list_free(&progress);
}

bool hand_over_is_due(const KafkaPartitions &partitions) {
    return find_chosen(partitions) >= 0;
}

bool hand_over_make(HandOver *hand_over, KafkaPartitions *partitions, Consumer *consumer) {
    int32_t number = find_chosen(*partitions);
    KafkaPartition *partition = &partitions->partition[number];
    partition->leaves = false;
    // after hand_over_choose(), the partition or the other worker can have become unavailable
    int64_t lag;
    if (!partition->read || partition->away || !can_take(*hand_over, *partitions, number, &lag))
        return true;
    Error error;
    if (!consumer_leave(consumer, number, &error))
        return false;
    *partition = {};
    partition->range = {number, -1, -1};
    // If shared memory has no room for another moved partition, this worker keeps the partition, asks the
    // leader for its offsets, and begins to read it again.
    partition->own = !moved_partitions_set(partitions_key(*partitions, number),
                                           partitions_home(*partitions, number), hand_over->to);
    if (partition->own)
        return true;
    hand_over->given += lag;
    wake_worker(hand_over->to);
    tell(partitions->worker, hand_over->to, *partitions, number);
    return true;
}

} // namespace heartbeat
