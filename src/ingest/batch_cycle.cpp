// Takes messages from librdkafka's queue batch by batch, and stores each batch in one transaction. While the
// worker stores one batch, a thread of consumer_fill_ahead() reads and decodes the next batch.
#include "server/server.h"

#include "decode/decoder_of_mapping.h"
#include "ingest/batch_cycle.h"
#include "ingest/reading_log.h"
#include "maintenance/partitions.h"
#include "monitor/wake.h"
#include "monitor/worker_stats.h"
#include "server/extension.h"
#include "server/transaction.h"
#include "store/arrivals.h"
#include "store/offsets_advance.h"
#include "store/pause.h"
#include "store/rollup_append.h"
#include "store/store.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

extern "C" {
#include "access/xact.h"
#include "pgstat.h"
}

namespace heartbeat {

namespace {

constexpr size_t batch_bytes_max = size_t{4} << 20; // room for 20,000 messages of 200 bytes each
constexpr TimestampTz commit_every = USECS_PER_SEC;
constexpr TimestampTz idle_after =
    10 * USECS_PER_SEC; // after this time without messages, give_back() frees the memory of the batches

void add_context(void *argument) {
    const auto *cycle = static_cast<const BatchCycle *>(argument);
    errcontext("storing %zu messages of Kafka topic \"%s\"", cycle->batch->messages.size(),
               cycle->source->topic);
}

void show_watermarks(const BatchCycle &cycle, Consumer *consumer) {
    for (const BatchPartition &progress : cycle.batch->partitions)
        worker_stats_high_watermark(
            {cycle.source->id, progress.partition},
            std::max(topic_high_watermark(consumer, progress.partition), progress.next_offset));
}

// Frees the memory of the batches when no message has arrived for `idle_after`. Returns the milliseconds
// until the next call is due. The result is at most `wait`.
long give_back(BatchCycle *cycle, MonotonicTime now, long wait) {
    if (!cycle->holds_memory || cycle->ahead || !cycle->batch->empty())
        return wait;
    long left = monotonic_milliseconds(now, cycle->stored_at + idle_after);
    if (left > 0)
        return std::min(wait, left);
    cycle->batch->release();
    cycle->next->release();
    cycle->holds_memory = false;
#ifdef __GLIBC__
    malloc_trim(0); // without this call, the C library keeps the freed memory for this process
#endif
    return wait;
}

void take_result(BatchCycle *cycle, FillResult result) {
    switch (result) {
    case FillResult::drained:
        cycle->stage = BatchStage::filling;
        break;
    case FillResult::full:
        cycle->stage = BatchStage::full;
        break;
    case FillResult::trouble:
        cycle->stage = BatchStage::filling;
        cycle->after = AfterBatch::assign_again;
        break;
    case FillResult::needs_schema:
        cycle->stage = BatchStage::filling;
        cycle->after = AfterBatch::load_schema;
        break;
    case FillResult::out_of_memory:
        cycle->stage = BatchStage::lost;
        break;
    }
}

void after_storing(BatchCycle *cycle, Consumer *consumer, SourceSlot *slot) {
    Batch *batch = cycle->batch;
    consumer_stored(consumer, batch);
    for (const BatchPartition &progress : batch->partitions)
        worker_stats_position({cycle->source->id, progress.partition}, progress.next_offset,
                              progress.last_kafka_time);
    // Call worker_stats_batch_ends() after worker_stats_position(). If worker_stats_batch_ends() came first,
    // heartbeat_status could show for a moment that the source has stored nothing for a long time.
    worker_stats_batch_ends(slot, static_cast<int64_t>(batch->messages.size()));
    if (!batch->minutes.empty())
        wake_for_rollup(rollup_append_take());
    wake_for_arrivals();
    if (settings.log_readings)
        reading_log(batch);
    cycle->stored_at = monotonic_now();
    cycle->holds_memory = true;
    if (cycle->commit_at == 0)
        cycle->commit_at = cycle->stored_at + commit_every;
    batch->clear();
    batch_split_stored(&cycle->split);
    // set the new limit for this batch and not for `next`, because a thread may be filling `next`
    batch->max_messages = batch_split_limit(cycle->split);
    cycle->stage = BatchStage::filling;
    if (!cycle->ahead)
        return;
    std::swap(cycle->batch, cycle->next);
    cycle->ahead = false;
    take_result(cycle, consumer_ahead_result(consumer));
}

// Completes the batch: after this call, the batch takes no more messages. If more messages are queued, a
// thread begins to read and decode the next batch.
void close_batch(BatchCycle *cycle, Consumer *consumer, SourceSlot *slot) {
    Batch *batch = cycle->batch;
    if (!batch_seal(batch))
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
                        errdetail("A batch of %zu messages could not be sorted.", batch->messages.size())));
    consumer_advance(consumer, batch);
    bool more = cycle->stage == BatchStage::full;
    cycle->stage = BatchStage::sealed;
    worker_stats_batch_begins(slot);
    show_watermarks(*cycle, consumer);
    if (more && cycle->after == AfterBatch::read_on)
        cycle->ahead = consumer_fill_ahead(consumer, cycle->decoder, cycle->next);
}

} // namespace

bool batch_cycle_create(BatchCycle *cycle, const Source *source) {
    cycle->source = source;
    size_t messages = static_cast<size_t>(settings.batch_size);
    cycle->batch = batch_create(messages, batch_bytes_max);
    cycle->next = batch_create(messages, batch_bytes_max);
    return cycle->batch != nullptr && cycle->next != nullptr;
}

void batch_cycle_destroy(BatchCycle *cycle) {
    decoder_destroy(cycle->decoder);
    batch_destroy(cycle->batch);
    batch_destroy(cycle->next);
    cycle->batch = cycle->next = nullptr;
}

void batch_cycle_begin(BatchCycle *cycle) {
    cycle->stage = BatchStage::filling;
    cycle->after = AfterBatch::read_on;
    // Commit the offsets at which the worker begins. For example, after a seek these are other offsets, and
    // tools that show consumer lag read the committed offsets of the group.
    cycle->commit_at = monotonic_now();
}

void batch_cycle_drop(BatchCycle *cycle, Consumer *consumer) {
    consumer_finish_ahead(consumer);
    cycle->batch->release();
    cycle->next->release();
    cycle->holds_memory = false;
    cycle->batch->max_messages = cycle->next->max_messages = batch_split_limit(cycle->split);
    cycle->ahead = false;
    cycle->stage = BatchStage::filling;
    cycle->after = AfterBatch::read_on;
}

void batch_cycle_fill(BatchCycle *cycle, Consumer *consumer) {
    bool takes = cycle->stage == BatchStage::filling || cycle->stage == BatchStage::full;
    if (!takes || cycle->after == AfterBatch::assign_again || cycle->after == AfterBatch::load_schema)
        return; // the consumer has dropped messages: the batch must not take later messages
    if (cycle->after == AfterBatch::change_partitions)
        return consumer_listen(consumer); // take only events, so that the next event wakes the worker
    take_result(cycle, consumer_fill(consumer, cycle->decoder, cycle->batch));
    if (consumer_group_commit_failed(consumer))
        cycle->commit_at = monotonic_now() + commit_every;
}

bool batch_cycle_split(BatchCycle *cycle) {
    return batch_cycle_is_sealed(*cycle) && batch_split_begin(&cycle->split, cycle->batch->messages.size());
}

long batch_cycle_until_due(const BatchCycle *cycle) {
    if (cycle->batch->empty())
        return -1;
    if (cycle->stage != BatchStage::filling || cycle->after != AfterBatch::read_on)
        return 0;
    // heartbeat.batch_wait begins when the worker has stored the previous batch. So after a pause without
    // messages, the worker stores the next message at once. If many messages arrive soon after a batch, the
    // worker stores them in one transaction. No message waits longer than heartbeat.batch_wait.
    MonotonicTime due = cycle->stored_at + settings.batch_wait * INT64CONST(1000);
    return monotonic_milliseconds(monotonic_now(), due);
}

StoreResult batch_cycle_store(BatchCycle *cycle, Consumer *consumer, SourceSlot *slot, bool waits) {
    if (!batch_cycle_is_sealed(*cycle))
        close_batch(cycle, consumer, slot);
    Batch *batch = cycle->batch;
    ErrorContextCallback context = {error_context_stack, add_context, cycle};
    error_context_stack = &context;
    pgstat_report_activity(STATE_RUNNING, "storing a batch of messages");
    partitions_prepare(batch);
    bool isolates = cycle->stage == BatchStage::isolating;
    StoreResult result = batch_transaction_store(batch, *cycle->source, isolates, waits, &cycle->unresolved);
    if (result == StoreResult::stored)
        after_storing(cycle, consumer, slot);
    error_context_stack = context.previous;
    pgstat_report_activity(STATE_IDLE, "waiting for messages");
    return result;
}

long batch_cycle_duties(BatchCycle *cycle, Consumer *consumer, Assignment *assignment) {
    MonotonicTime now = monotonic_now();
    // While a partition is unavailable, the worker does not commit offsets to the Kafka group. The partition
    // can become available and be assigned at any time, and librdkafka begins to read a new partition only
    // when the group coordinator has answered the commit.
    bool away = partitions_any_away(assignment->partitions);
    if (cycle->commit_at != 0 && cycle->commit_at <= now) {
        if (!away)
            consumer_commit_group_offsets(consumer);
        cycle->commit_at = away ? now + commit_every : 0;
    }
    if (assignment_tend(consumer, assignment))
        cycle->after = AfterBatch::assign_again;
    long wait = partitions_until_due(assignment->partitions);
    if (cycle->commit_at != 0)
        wait = std::min(wait, monotonic_milliseconds(now, cycle->commit_at));
    return give_back(cycle, now, wait);
}

} // namespace heartbeat
