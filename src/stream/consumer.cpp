// Stream half: reads from positions given by the caller: assigned, never subscribed, so that no group
// rebalances anything.
#include "stream/consumer.h"

#include "stream/consumer_client.h"

#include <algorithm>
#include <cstdio>
#include <unistd.h>

namespace heartbeat {

namespace {

constexpr size_t messages_at_once = 512;

PartitionPosition *find_position(std::vector<PartitionPosition> &positions, int32_t partition) {
    auto found = std::find_if(positions.begin(), positions.end(), [=](const PartitionPosition &position) {
        return position.partition == partition;
    });
    return found == positions.end() ? nullptr : &*found;
}

void move_positions(std::vector<PartitionPosition> &positions, const Batch &batch) {
    for (const BatchPartition &progress : batch.partitions) {
        PartitionPosition *position = find_position(positions, progress.partition);
        if (position != nullptr)
            position->offset = progress.next_offset;
    }
}

FillResult take(Consumer *consumer, rd_kafka_message_t *message, Batch *batch) {
    PartitionPosition *position =
        message->rkt != nullptr ? find_position(consumer->positions, message->partition) : nullptr;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        snprintf(consumer->trouble, sizeof(consumer->trouble), "partition %d: %s", message->partition,
                 rd_kafka_message_errstr(message));
        consumer->note(4, consumer->trouble);
        consumer->lost_topic = consumer->lost_topic || is_unknown_topic(message->err);
        return FillResult::trouble;
    }
    if (position == nullptr)
        return FillResult::drained; // of a partition that is assigned no more
    consumer->heard = true;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        batch->add_progress(message->partition, position->offset, message->offset);
        return FillResult::drained;
    }
    rd_kafka_timestamp_type_t kind;
    int64_t kafka_time = rd_kafka_message_timestamp(message, &kind);
    batch->add_message(message->partition, position->offset, message->offset,
                       kind == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : kafka_time, message->key,
                       message->key_len, message->payload, message->len);
    return FillResult::drained;
}

FillResult fill(Consumer *consumer, Batch *batch) noexcept {
    char bytes[64];
    while (read(consumer->wake[0], bytes, sizeof(bytes)) > 0)
        ; // emptied before the queue is, so that no wake-up can fall between
    rd_kafka_message_t *messages[messages_at_once];
    while (!batch->full()) {
        size_t room = std::min(messages_at_once, batch->max_messages - batch->messages.size());
        ssize_t count = rd_kafka_consume_batch_queue(consumer->queue, 0, messages, room);
        if (count <= 0)
            return FillResult::drained;
        FillResult result = FillResult::drained;
        for (ssize_t i = 0; i < count; i++) {
            try {
                // after an error the rest is dropped: positions are assigned anew before anything else is
                // read
                if (result == FillResult::drained)
                    result = take(consumer, messages[i], batch);
            } catch (...) {
                result = FillResult::out_of_memory;
            }
            rd_kafka_message_destroy(messages[i]);
        }
        if (result != FillResult::drained)
            return result;
    }
    return FillResult::full;
}

} // namespace

bool consumer_assign(Consumer *consumer, const PartitionPosition *positions, size_t count,
                     Problem *problem) noexcept {
    consumer->settle();
    try {
        consumer->positions.assign(positions, positions + count);
        consumer->stored = consumer->positions;
        consumer->heard = consumer->lost_topic = false;
        consumer->trouble[0] = '\0';
    } catch (...) {
        snprintf(problem->text, sizeof(problem->text), "out of memory while assigning partitions");
        return false;
    }
    ListPointer list = make_list(
        *consumer, count, [=](size_t i) { return positions[i].partition; },
        [=](size_t i) { return positions[i].offset; });
    // assigning nothing first makes librdkafka drop what it has queued from other positions
    rd_kafka_resp_err_t error = rd_kafka_assign(consumer->client, nullptr);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR && count > 0)
        error = rd_kafka_assign(consumer->client, list.get());
    return error == RD_KAFKA_RESP_ERR_NO_ERROR ||
           describe_failure(problem, "cannot assign partitions", error);
}

FillResult consumer_fill(Consumer *consumer, Batch *batch) noexcept {
    consumer->settle();
    return fill(consumer, batch);
}

bool consumer_fill_ahead(Consumer *consumer, Batch *batch) noexcept {
    consumer->settle();
    SignalsBlocked blocked;
    try {
        consumer->ahead = std::thread([=] {
            consumer->ahead_result = fill(consumer, batch);
            if (consumer->ahead_result == FillResult::full && !batch_seal(batch))
                consumer->ahead_result = FillResult::out_of_memory;
        });
    } catch (...) {
        // no thread is to be had: the caller reads when it has the time
    }
    return consumer->ahead.joinable();
}

FillResult consumer_ahead_result(Consumer *consumer) noexcept {
    consumer->settle();
    return consumer->ahead_result;
}

void consumer_settle(Consumer *consumer) noexcept {
    if (consumer != nullptr)
        consumer->settle();
}

void consumer_advance(Consumer *consumer, const Batch *batch) noexcept {
    consumer->settle();
    move_positions(consumer->positions, *batch);
}

void consumer_stored(Consumer *consumer, const Batch *batch) noexcept {
    move_positions(consumer->stored, *batch); // not the reading thread's concern
}

void consumer_mirror_positions(Consumer *consumer) noexcept {
    consumer->settle();
    const std::vector<PartitionPosition> &positions = consumer->stored;
    ListPointer list = make_list(
        *consumer, positions.size(), [&](size_t i) { return positions[i].partition; },
        [&](size_t i) { return positions[i].offset; });
    rd_kafka_resp_err_t error = rd_kafka_commit(consumer->client, list.get(), 1);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        consumer->note(4, rd_kafka_err2str(error));
}

} // namespace heartbeat
