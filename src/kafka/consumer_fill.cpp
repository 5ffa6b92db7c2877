// Polls librdkafka's queue, and gives each accepted message to the pipeline. The pipeline decodes the
// message, classifies its reading, and adds the message and the reading to the batch. The caller assigns
// partitions and never subscribes to a topic, so Kafka never rebalances a consumer group.
#include "kafka/consumer_fill.h"

#include "decode/pipeline.h"
#include "kafka/consumer_accept.h"
#include "kafka/consumer_assign.h"
#include "kafka/consumer_client.h"
#include "kafka/examination.h"
#include "kafka/fetcher_wake.h"
#include "kafka/log_mark.h"
#include "kafka/message_headers.h"
#include "kafka/thread_guards.h"

#include <algorithm>
#include <thread>
#include <vector>

namespace heartbeat {

namespace {

constexpr size_t messages_at_once = 512;

// The batch must have room for every message that the client has taken from the queue. A message with a list
// can have 100,000 readings, and the client knows this number only after it has decoded the message. So, if
// messages can have lists, the client takes one message for an empty batch. Then the batch can estimate the
// size of the next messages (see Batch::room()), and the client takes at most this many messages at a time.
constexpr size_t lists_at_once = 8;

size_t count_to_take(const Decoder &decoder, const Batch &batch) {
    size_t at_once = !decoder.reads_lists() ? messages_at_once : batch.messages.empty() ? 1 : lists_at_once;
    return std::min(at_once, batch.room());
}

void move_positions(std::vector<PartitionPosition> &positions, const Batch &batch) {
    for (const BatchPartition &progress : batch.partitions) {
        PartitionPosition *position = find_position(&positions, progress.partition);
        if (position != nullptr)
            position->offset = progress.next_offset;
    }
}

MessageView view_of(const rd_kafka_message_t *message) {
    return {message->partition,
            message->offset,
            log_kafka_time(message),
            log_epoch(message),
            {message->key, message->key_len},
            {message->payload, message->len}};
}

FillResult take(Consumer *consumer, Decoder *decoder, const rd_kafka_message_t *message, Batch *batch) {
    int64_t first_offset = 0;
    switch (consumer_accept(consumer, message, batch, &first_offset)) {
    case Acceptance::accepted:
        break;
    case Acceptance::passed_over:
        return FillResult::drained;
    case Acceptance::trouble:
        return FillResult::trouble;
    }
    MessageView view = view_of(message);
    const MessageHeaders headers(message, &consumer->headers);
    if (decoder->reads_headers())
        headers.read(&view);
    else
        view.unread_headers = &headers;
    switch (pipeline_take(decoder, view, first_offset, batch)) {
    case PipelineResult::taken:
        return FillResult::drained;
    case PipelineResult::needs_schema:
        return FillResult::needs_schema;
    case PipelineResult::out_of_memory:
        break;
    }
    return FillResult::out_of_memory;
}

// Examines each partition whose log may have changed since the last call. Returns false after an error, or if
// no memory is left.
bool look_around(Consumer *consumer, const Batch &batch) noexcept {
    try {
        return examination_look(consumer, batch);
    } catch (...) {
        return false;
    }
}

// SharedClient::add() has forwarded the queue of each partition to the consumer's queue. librdkafka may have
// ended the forwarding of a queue since then. So this function repeats the forwarding for each partition that
// has delivered neither a message nor its end since the assignment. After a partition has delivered a
// message, librdkafka keeps the forwarding until the partition is removed.
void forward_again(Consumer *consumer) noexcept {
    if (!consumer->beginning)
        return;
    bool all_heard = true;
    for (size_t i = 0; i < consumer->positions.size(); i++) {
        if (consumer->examinations[i].heard)
            continue;
        all_heard = false;
        consumer->shared->forward(consumer->positions[i].partition);
    }
    if (all_heard)
        consumer->set_beginning(false);
}

FillResult fill(Consumer *consumer, Decoder *decoder, Batch *batch) noexcept {
    consumer->wake->empty();
    if (consumer->reassigning)
        return FillResult::drained; // messages in the queue may belong to the previous assignment
    forward_again(consumer);
    if (!look_around(consumer, *batch))
        return FillResult::trouble;
    rd_kafka_message_t *messages[messages_at_once];
    while (!batch->full()) {
        size_t room = count_to_take(*decoder, *batch);
        consumer->taking++;
        ssize_t count = consumer->take_messages(messages, room);
        // Take the events after the messages, so that they contain each error that librdkafka reported before
        // it queued one of these messages. Handle the events before the messages.
        consumer->take_events();
        // after one of the following errors, the messages can belong to another topic, or to another cluster
        // at the same address
        bool lost = consumer->lost_brokers || consumer->lost_topic || consumer->impossible_end ||
                    consumer->assign_again;
        FillResult result = lost ? FillResult::trouble : FillResult::drained;
        if (count <= 0) {
            fetcher_wake(consumer);
            return examination_is_lost(consumer) ? FillResult::trouble : result;
        }
        for (ssize_t i = 0; i < count; i++) {
            MessagePointer message(messages[i]);
            try {
                fetcher_note_taken(consumer, message.get());
                // After an error, drop the remaining messages of the array. The caller assigns positions
                // again before the client continues to read.
                if (result == FillResult::drained)
                    result = take(consumer, decoder, message.get(), batch);
            } catch (...) {
                result = FillResult::out_of_memory;
            }
        }
        if (result != FillResult::drained)
            return result;
    }
    return examination_is_lost(consumer) ? FillResult::trouble : FillResult::full;
}

} // namespace

void consumer_listen(Consumer *consumer) noexcept {
    consumer->finish_ahead();
    consumer->wake->empty();
    consumer->listen();
}

FillResult consumer_fill(Consumer *consumer, Decoder *decoder, Batch *batch) noexcept {
    Error error = {};
    if (consumer_assign_state(consumer, &error) == AssignState::failed) {
        consumer->note_trouble("%s", error.text);
        return FillResult::trouble;
    }
    return fill(consumer, decoder, batch);
}

bool consumer_fill_ahead(Consumer *consumer, Decoder *decoder, Batch *batch) noexcept {
    Error error;
    if (consumer_assign_state(consumer, &error) == AssignState::failed)
        return false; // the caller then calls consumer_fill(), which returns FillResult::trouble
    SignalsBlocked blocked;
    try {
        consumer->ahead = std::thread([=] {
            consumer->ahead_result = fill(consumer, decoder, batch);
            if (consumer->ahead_result == FillResult::full && !batch_seal(batch))
                consumer->ahead_result = FillResult::out_of_memory;
        });
    } catch (...) {
        // no thread could be started: the caller fills the next batch itself
    }
    return consumer->ahead.joinable();
}

FillResult consumer_ahead_result(Consumer *consumer) noexcept {
    consumer->finish_ahead();
    return consumer->ahead_result;
}

void consumer_finish_ahead(Consumer *consumer) noexcept {
    if (consumer != nullptr)
        consumer->finish_ahead();
}

void consumer_advance(Consumer *consumer, Batch *batch) noexcept {
    consumer->finish_ahead();
    move_positions(consumer->positions, *batch);
    try {
        consumer->memory->remember(batch, &consumer->positions);
    } catch (...) {
        // If no memory is left, the worker stores no checksums of this batch's messages. A later examination
        // can then compare only the Kafka times of these messages.
        batch->trails.clear();
    }
}

void consumer_stored(Consumer *consumer, const Batch *batch) noexcept {
    move_positions(consumer->stored, *batch); // the thread of consumer_fill_ahead() does not use `stored`
}

} // namespace heartbeat
