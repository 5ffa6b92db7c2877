// Opens and closes the consumer client of a source reader, and starts and stops reading.
#include "server/server.h"

#include "ingest/consumer_session.h"
#include "monitor/kafka_log.h"
#include "monitor/source_slot.h"
#include "monitor/worker_stats.h"
#include "server/clock.h"
#include "server/kafka_close.h"
#include "server/text.h"
#include "store/sources.h"

extern "C" {
#include "storage/ipc.h"
}

namespace heartbeat {

namespace {

// A client counts as hanging if librdkafka has not destroyed the client some seconds after heartbeat began to
// close it. A worker with one source may have this number of hanging clients. Each further source allows one
// more hanging client: if a person deletes the topic of a source, the client of this source may never close.
constexpr int hanging_max = 4;

// Ends the suspicion of each partition whose log the client has examined. Does nothing if the client has
// found a loss.
void end_suspicions(ConsumerSession *session) {
    Suspicions *suspicions = &session->assignment.suspected_logs;
    if (suspicions->count == 0 || session->loss_count > 0)
        return;
    partitions_each_own(session->assignment.partitions, [&](int32_t partition) {
        if (suspicion_exists(*suspicions, partition) && consumer_has_examined(session->consumer, partition))
            suspicion_end(suspicions, partition);
    });
}

// Takes the losses (see TopicLoss) from the client. The session keeps the losses until
// consumer_session_assign() has handled them, even after a change of the source's topic.
void take_losses(ConsumerSession *session) {
    TopicLoss loss;
    while (consumer_lost_topic(session->consumer, &loss))
        if (session->loss_count < losses_kept)
            session->losses[session->loss_count++] = loss;
}

void tell_throttle(ConsumerSession *session, SourceSlot *slot) {
    ConsumerThrottle throttle;
    if (!consumer_throttled(session->consumer, &throttle))
        return;
    MonotonicTime until = monotonic_now() + throttle.left_ms * INT64CONST(1000);
    source_slot_throttled(slot, text_from_utf8(throttle.broker), throttle.milliseconds, until);
}

void close_client(ConsumerSession *session, bool retire) {
    assignment_forget(session->consumer, &session->assignment);
    kafka_close_later(session->consumer, retire);
    session->consumer = nullptr;
    session->trouble = Trouble::none;
    batch_cycle_drop(&session->cycle, nullptr);
    shared_state_forget_partitions(session->source->id);
}

// The loss of the whole topic is confirmed at once. The loss of a partition's log is confirmed when the
// worker finds the loss again some seconds later. Moves the confirmed losses to the front of session->losses,
// and returns their number. For the first unconfirmed loss, sets the reason and the hint of the assignment.
int confirm_losses(ConsumerSession *session) {
    Assignment *assignment = &session->assignment;
    int confirmed = 0;
    bool told = false;
    for (int i = 0; i < session->loss_count; i++) {
        if (suspicion_is_confirmed(&assignment->suspected_logs, session->losses[i].partition)) {
            session->losses[confirmed++] = session->losses[i];
            continue;
        }
        if (told)
            continue;
        text_take(assignment->reason, session->losses[i].reason.text);
        text_copy(assignment->hint, suspicion_hint);
        told = true;
    }
    return confirmed;
}

} // namespace

bool consumer_session_open(ConsumerSession *session, Error *error) {
    KafkaSettings kafka = source_kafka_settings(*session->source, session->client_id);
    kafka.fetch_wait_ms = session->fetch_wait_ms;
    session->consumer = consumer_open(kafka, error, session->memory, session->wake);
    return session->consumer != nullptr;
}

void consumer_session_close(ConsumerSession *session, bool assigned, bool retire) {
    if (assigned)
        take_losses(session);
    close_client(session, retire);
}

bool consumer_session_free_closed(int sources) {
    ClosingConsumers closing = kafka_closing(0);
    if (closing.hanging <= hanging_max + std::max(sources - 1, 0))
        return closing.count > 0;
    ereport(LOG, (errcode(ERRCODE_SUCCESSFUL_COMPLETION),
                  errmsg("heartbeat: %d Kafka clients do not close; the launcher restarts the worker",
                         closing.hanging),
                  errhidecontext(true)));
    proc_exit(1);
}

void consumer_session_stop(ConsumerSession *session, bool assigned) {
    Error error;
    if (assigned) {
        take_losses(session); // the thread that reads ahead may have found losses
        consumer_assign(session->consumer, nullptr, 0, &error);
    }
    assignment_forget(session->consumer, &session->assignment);
    batch_cycle_drop(&session->cycle, session->consumer);
}

void consumer_session_fill(ConsumerSession *session, SourceSlot *slot) {
    batch_cycle_fill(&session->cycle, session->consumer);
    take_losses(session);
    if (session->loss_count > 0) // the next assignment handles the losses
        session->cycle.after = AfterBatch::assign_again;
    end_suspicions(session);
    kafka_log_take(session->consumer, slot);
    tell_throttle(session, slot);
}

void consumer_session_drain(ConsumerSession *session, SourceSlot *slot) {
    consumer_session_fill(session, slot);
    batch_cycle_drop(&session->cycle, session->consumer);
}

AssignmentResult consumer_session_assign(ConsumerSession *session, SourceSlot *slot) {
    int confirmed = confirm_losses(session);
    bool suspected = session->loss_count > confirmed;
    if (confirmed > 0)
        assignment_mark_lost(session->assignment, session->losses, confirmed);
    consumer_session_drain(session, slot); // discards events that were queued before the assignment
    session->loss_count = 0;
    if (suspected && confirmed == 0) {
        if (session->trouble == Trouble::none)
            session->trouble = Trouble::first; // the state is CONNECTING until the second check
        return AssignmentResult::suspected;
    }
    AssignmentResult result = assignment_make(session->consumer, &session->assignment);
    if (result == AssignmentResult::assigned)
        batch_cycle_begin(&session->cycle);
    worker_stats_batch_dropped(slot); // the worker reads the messages of a dropped batch again
    return result;
}

PartitionChange consumer_session_due_change(ConsumerSession *session) {
    BatchCycle *cycle = &session->cycle;
    if (cycle->after == AfterBatch::load_schema)
        return PartitionChange::none; // the reader first loads the schema, and then assigns all partitions
    KafkaPartitions *partitions = &session->assignment.partitions;
    bool leaves = hand_over_is_due(*partitions);
    bool changes = (leaves || partitions_to_join(*partitions)) && !consumer_is_committing(session->consumer);
    if (cycle->after != AfterBatch::assign_again)
        cycle->after = changes ? AfterBatch::change_partitions : AfterBatch::read_on;
    if (!changes || !cycle->batch->empty() || cycle->ahead || consumer_is_assigning(session->consumer))
        return PartitionChange::none;
    if (cycle->after == AfterBatch::change_partitions)
        cycle->after = AfterBatch::read_on;
    return leaves ? PartitionChange::leave : PartitionChange::join;
}

AssignmentResult consumer_session_change_partitions(ConsumerSession *session, PartitionChange change) {
    if (change == PartitionChange::join)
        return assignment_join(session->consumer, &session->assignment);
    if (hand_over_make(&session->hand_over, &session->assignment.partitions, session->consumer))
        return AssignmentResult::assigned;
    session->cycle.after = AfterBatch::assign_again;
    return AssignmentResult::asking;
}

} // namespace heartbeat
