// Opens, reads, stops and closes. librdkafka's threads must be gone before the process runs its
// exit handlers, which would pull libraries from under them.
#include "server/server.h"

#include "ingest/consumer_session.h"
#include "monitor/kafka_log.h"
#include "monitor/worker_stats.h"
#include "server/kafka_close.h"
#include "server/settings.h"
#include "server/text.h"

extern "C" {
#include "storage/ipc.h"
}

namespace heartbeat {

namespace {

constexpr int clients_max = 4; // of those that are left to threads which have yet to come back

bool abandoned = false; // a client would not end, and its threads are still there

// Remembered until heartbeat_offsets says it, also when heartbeat.topic has become another meanwhile.
void take_losses(ConsumerSession *reader) {
    TopicLoss loss;
    while (consumer_lost_topic(reader->consumer, &loss))
        if (reader->loss_count < losses_kept)
            reader->losses[reader->loss_count++] = loss;
}

void tell_throttle(ConsumerSession *reader, WorkerSlot *slot) {
    ConsumerThrottle throttle;
    if (!consumer_throttled(reader->consumer, &throttle))
        return;
    TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), throttle.left_ms);
    shared_state_throttled(slot, text_from_utf8(throttle.broker), throttle.milliseconds, until);
}

void close_client(ConsumerSession *reader) {
    if (reader->assigned)
        take_losses(reader);
    assignment_forget(reader->consumer, &reader->assignment);
    CloseResult result = kafka_close(reader->consumer);
    abandoned = abandoned || result == CloseResult::left || consumer_clients() > clients_max;
    reader->consumer = nullptr;
    reader->assigned = reader->troubled = false;
    batch_cycle_drop(&reader->ingest, nullptr);
    shared_state_forget_partitions();
}

void close_at_exit(int /*code*/, Datum reader) {
    close_client(reinterpret_cast<ConsumerSession *>(DatumGetPointer(reader)));
}

} // namespace

bool consumer_session_open(ConsumerSession *reader, Problem *problem) {
    reader->consumer = consumer_open(settings_for_kafka(reader->client_id), problem, reader->memory);
    return reader->consumer != nullptr;
}

void consumer_session_close(ConsumerSession *reader) {
    close_client(reader);
    if (!abandoned)
        return;
    ereport(LOG, (errmsg("heartbeat: the Kafka client does not end; the worker is started anew"),
                  errhidecontext(true)));
    proc_exit(1);
}

void consumer_session_close_at_exit(ConsumerSession *reader) {
    before_shmem_exit(close_at_exit, PointerGetDatum(reader));
}

void consumer_session_stop(ConsumerSession *reader) {
    Problem problem;
    if (reader->consumer != nullptr && reader->assigned) {
        take_losses(reader); // found by what was being read ahead
        consumer_assign(reader->consumer, nullptr, 0, &problem);
    }
    assignment_forget(reader->consumer, &reader->assignment);
    reader->assigned = false;
    batch_cycle_drop(&reader->ingest, reader->consumer);
}

void consumer_session_fill(ConsumerSession *reader, WorkerSlot *slot) {
    batch_cycle_fill(&reader->ingest, reader->consumer);
    take_losses(reader);
    kafka_log_take(reader->consumer, slot);
    tell_throttle(reader, slot);
}

void consumer_session_drain(ConsumerSession *reader, WorkerSlot *slot) {
    consumer_session_fill(reader, slot);
    batch_cycle_drop(&reader->ingest, reader->consumer);
}

AssignmentResult consumer_session_assign(ConsumerSession *reader, WorkerSlot *slot) {
    if (reader->loss_count > 0)
        assignment_mark_lost(reader->assignment, reader->losses, reader->loss_count);
    consumer_session_drain(reader, slot); // what was said of a topic before it is assigned means nothing
    reader->loss_count = 0;
    AssignmentResult result = assignment_make(reader->consumer, &reader->assignment);
    reader->assigned = result == AssignmentResult::assigned;
    if (reader->assigned)
        batch_cycle_begin(&reader->ingest);
    worker_stats_batch_dropped(slot); // one that was in hand has been sent back
    return result;
}

AssignmentResult consumer_session_join(ConsumerSession *reader) {
    BatchCycle *ingest = &reader->ingest;
    ingest->hold =
        partitions_to_join(reader->assignment.partitions) && !consumer_is_committing(reader->consumer);
    if (!ingest->hold || !ingest->batch->empty() || ingest->ahead || consumer_is_assigning(reader->consumer))
        return AssignmentResult::asking;
    ingest->hold = false;
    return assignment_join(reader->consumer, &reader->assignment);
}

} // namespace heartbeat
