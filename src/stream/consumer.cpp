// Stream half: reads from positions given by the caller: assigned, never subscribed, so that no group
// rebalances anything.
#include "stream/consumer.h"

#include "stream/consumer_client.h"
#include "stream/log_search.h"

#include <algorithm>
#include <cstdio>
#include <unistd.h>

namespace heartbeat {

namespace {

constexpr size_t messages_at_once = 512;
constexpr size_t bytes_before_wake = size_t{4} << 20; // a quarter of queued.max.messages.kbytes
constexpr int wake_timeout_ms = 5;

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
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && message->rkt == nullptr) {
        // of the Kafka group, which has the positions for lag tools only: reading goes on without it
        char line[print_size_max];
        snprintf(line, sizeof(line), "the Kafka group: %s", rd_kafka_message_errstr(message));
        consumer->note(4, line);
        return FillResult::drained;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        consumer->note_trouble("partition %d: %s", message->partition, rd_kafka_message_errstr(message));
        examination_hear(consumer, message);
        if (is_unknown_topic(message->err))
            consumer->lose_topic();
        return FillResult::trouble;
    }
    if (position == nullptr)
        return FillResult::drained; // of a partition that is assigned no more
    if (message->offset < 0 || message->offset > offset_max) {
        consumer->note_trouble("partition %d: the broker gives offset %lld, which no message can have",
                               message->partition, static_cast<long long>(message->offset));
        return FillResult::trouble;
    }
    consumer->heard = true;
    size_t index = static_cast<size_t>(position - consumer->positions.data());
    switch (examination_take(consumer, index, message, *batch)) {
    case Examined::accepted:
        break;
    case Examined::passed_over:
        return FillResult::drained;
    case Examined::trouble:
        return FillResult::trouble;
    }
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        batch->add_progress(message->partition, position->offset, std::min(message->offset, position->end));
        return FillResult::drained;
    }
    if (message->offset >= position->end) {
        batch->add_progress(message->partition, position->offset, position->end);
        return FillResult::drained;
    }
    if (message->offset < position->offset)
        return FillResult::drained;
    batch->add_message(message->partition, position->offset, message->offset, log_kafka_time(message),
                       message->key, message->key_len, message->payload, message->len, log_epoch(message));
    return FillResult::drained;
}

// Before 2.2, librdkafka looks but once a second whether a queue that was full has room again, unless its
// thread is woken: by a question to the broker, here, when the queue has run empty after much has been read
// from it.
void wake_fetcher(Consumer *consumer) {
#if RD_KAFKA_VERSION < 0x020200ff
    if (consumer->bytes_taken < bytes_before_wake || consumer->positions.empty())
        return;
    consumer->bytes_taken = 0;
    size_t next = consumer->next_woken++ % consumer->positions.size();
    int64_t low, high;
    rd_kafka_query_watermark_offsets(consumer->client, consumer->topic.c_str(),
                                     consumer->positions[next].partition, &low, &high, wake_timeout_ms);
#else
    (void)consumer;
#endif
}

// Whether all partitions were looked at whose log can have become another one meanwhile; they are examined.
bool look_around(Consumer *consumer, const Batch &batch) noexcept {
    try {
        return examination_look(consumer, batch);
    } catch (...) {
        return false;
    }
}

FillResult fill(Consumer *consumer, Batch *batch) noexcept {
    char bytes[64];
    while (read(consumer->wake[0], bytes, sizeof(bytes)) > 0)
        ; // emptied before the queue is, so that no wake-up can fall between
    if (!look_around(consumer, *batch))
        return FillResult::trouble;
    rd_kafka_message_t *messages[messages_at_once];
    while (!batch->full()) {
        size_t room = std::min(messages_at_once, batch->max_messages - batch->messages.size());
        consumer->taking++;
        ssize_t count = rd_kafka_consume_batch_queue(consumer->queue, 0, messages, room);
        // what came together with such news may be of another topic, or of another cluster at the same
        // address
        bool lost = consumer->lost_brokers || consumer->lost_topic || consumer->impossible_end;
        FillResult result = lost ? FillResult::trouble : FillResult::drained;
        if (count <= 0) {
            wake_fetcher(consumer);
            return examination_is_lost(consumer) ? FillResult::trouble : result;
        }
        for (ssize_t i = 0; i < count; i++) {
            consumer->bytes_taken += messages[i]->len;
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
    return examination_is_lost(consumer) ? FillResult::trouble : FillResult::full;
}

void resume_paused(Consumer *consumer) {
    if (consumer->paused.empty())
        return;
    ListPointer list = make_list(
        *consumer, consumer->paused.size(), [=](size_t i) { return consumer->paused[i]; },
        [](size_t) { return RD_KAFKA_OFFSET_INVALID; });
    rd_kafka_resume_partitions(consumer->client, list.get());
    consumer->paused.clear();
}

} // namespace

bool consumer_assign(Consumer *consumer, const PartitionPosition *positions, size_t count,
                     Problem *problem) noexcept {
    consumer->settle();
    std::vector<int64_t> starts;
    try {
        consumer->positions.assign(positions, positions + count);
        consumer->stored = consumer->positions;
        consumer->examinations.assign(count, {});
        starts.reserve(count);
        for (size_t i = 0; i < count; i++)
            starts.push_back(examination_begin(consumer, positions[i], &consumer->examinations[i]));
        consumer->heard = consumer->lost_brokers = consumer->impossible_end = false;
        consumer->trouble[0] = '\0';
    } catch (...) {
        utf8_copy(problem->text, sizeof(problem->text), "out of memory while assigning partitions");
        return false;
    }
    ListPointer list = make_list(
        *consumer, count, [=](size_t i) { return positions[i].partition; },
        [&](size_t i) { return starts[i]; });
    resume_paused(consumer);
    // assigning nothing first makes librdkafka drop what it has queued from other positions
    rd_kafka_resp_err_t error = rd_kafka_assign(consumer->client, nullptr);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR && count > 0)
        error = rd_kafka_assign(consumer->client, list.get());
    return error == RD_KAFKA_RESP_ERR_NO_ERROR ||
           describe_failure(problem, "cannot assign partitions", error);
}

void consumer_pause(Consumer *consumer, const int32_t *partitions, size_t count) noexcept {
    consumer->settle();
    try {
        consumer->paused.insert(consumer->paused.end(), partitions, partitions + count);
    } catch (...) {
        return; // what is fetched beyond a position's end is dropped
    }
    ListPointer list = make_list(
        *consumer, count, [=](size_t i) { return partitions[i]; },
        [](size_t) { return RD_KAFKA_OFFSET_INVALID; });
    rd_kafka_pause_partitions(consumer->client, list.get());
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

void consumer_advance(Consumer *consumer, Batch *batch) noexcept {
    consumer->settle();
    move_positions(consumer->positions, *batch);
    try {
        examination_remember(consumer, batch);
    } catch (...) {
        batch->trails.clear(); // what is not remembered is examined by its time alone
    }
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
