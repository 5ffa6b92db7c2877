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
void take_losses(Reader *reader) {
    TopicLoss loss;
    while (consumer_lost_topic(reader->consumer, &loss))
        if (reader->loss_count < losses_kept)
            reader->losses[reader->loss_count++] = loss;
}

void tell_throttle(Reader *reader, WorkerSlot *slot) {
    ConsumerThrottle throttle;
    if (!consumer_throttled(reader->consumer, &throttle))
        return;
    TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), throttle.left_ms);
    shared_state_throttled(slot, text_from_utf8(throttle.broker), throttle.milliseconds, until);
}

void close_client(Reader *reader) {
    if (reader->assigned)
        take_losses(reader);
    assignment_forget(reader->consumer, &reader->assignment);
    CloseResult result = kafka_close(reader->consumer);
    abandoned = abandoned || result == CloseResult::left || consumer_clients() > clients_max;
    reader->consumer = nullptr;
    reader->assigned = reader->troubled = false;
    ingest_drop(&reader->ingest, nullptr);
    shared_state_forget_partitions();
}

void close_at_exit(int /*code*/, Datum reader) {
    close_client(reinterpret_cast<Reader *>(DatumGetPointer(reader)));
}

} // namespace

bool reader_open(Reader *reader, Problem *problem) {
    reader->consumer = consumer_open(settings_for_kafka(reader->client_id), problem, reader->memory);
    return reader->consumer != nullptr;
}

void reader_close(Reader *reader) {
    close_client(reader);
    if (!abandoned)
        return;
    ereport(LOG, (errmsg("heartbeat: the Kafka client does not end; the worker is started anew"),
                  errhidecontext(true)));
    proc_exit(1);
}

void reader_close_at_exit(Reader *reader) {
    before_shmem_exit(close_at_exit, PointerGetDatum(reader));
}

void reader_stop(Reader *reader) {
    Problem problem;
    if (reader->consumer != nullptr && reader->assigned) {
        take_losses(reader); // found by what was being read ahead
        consumer_assign(reader->consumer, nullptr, 0, &problem);
    }
    assignment_forget(reader->consumer, &reader->assignment);
    reader->assigned = false;
    ingest_drop(&reader->ingest, reader->consumer);
}

void reader_fill(Reader *reader, WorkerSlot *slot) {
    ingest_fill(&reader->ingest, reader->consumer);
    take_losses(reader);
    notes_take(reader->consumer, slot);
    tell_throttle(reader, slot);
}

void reader_drain(Reader *reader, WorkerSlot *slot) {
    reader_fill(reader, slot);
    ingest_drop(&reader->ingest, reader->consumer);
}

AssignmentResult reader_assign(Reader *reader, WorkerSlot *slot) {
    if (reader->loss_count > 0)
        assignment_mark_lost(reader->assignment, reader->losses, reader->loss_count);
    reader_drain(reader, slot); // what was said of a topic before it is assigned means nothing
    reader->loss_count = 0;
    AssignmentResult result = assignment_make(reader->consumer, &reader->assignment);
    reader->assigned = result == AssignmentResult::assigned;
    if (reader->assigned)
        ingest_begin(&reader->ingest);
    progress_batch_dropped(slot); // one that was in hand has been sent back
    return result;
}

AssignmentResult reader_join(Reader *reader) {
    Ingest *ingest = &reader->ingest;
    ingest->hold =
        partitions_to_join(reader->assignment.partitions) && !consumer_is_committing(reader->consumer);
    if (!ingest->hold || !ingest->batch->empty() || ingest->ahead || consumer_is_assigning(reader->consumer))
        return AssignmentResult::asking;
    ingest->hold = false;
    return assignment_join(reader->consumer, &reader->assignment);
}

} // namespace heartbeat
