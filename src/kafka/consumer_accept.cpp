// Handles the errors in the client's queue, and skips messages of partitions and offsets that the caller has
// not assigned. Accepts a message only if the examination of the partition's log accepts the message.
#include "kafka/consumer_accept.h"

#include "decode/batch_filler.h"
#include "decode/utf8_text.h"
#include "kafka/consumer_client.h"
#include "kafka/examination.h"
#include "kafka/failure.h"

#include <algorithm>
#include <cstdio>

namespace heartbeat {

namespace {

// Stops reading the partition that has the error. No message of this partition enters a batch until the
// caller assigns the partition again. The client continues to read the other partitions.
Acceptance give_up(Consumer *consumer, const rd_kafka_message_t *message) {
    const PartitionPosition *position = find_position(&consumer->positions, message->partition);
    if (position == nullptr)
        return Acceptance::passed_over; // the client has already stopped reading this partition
    PartitionTrouble trouble = {message->partition, ""};
    consumer->shared->client->redactor.show(trouble.text, sizeof(trouble.text),
                                            rd_kafka_message_errstr(message));
    consumer->troubles.push_back(trouble);
    auto index = position - consumer->positions.data();
    consumer->examinations.erase(consumer->examinations.begin() + index);
    consumer->positions.erase(consumer->positions.begin() + index);
    char line[print_size_max];
    snprintf(line, sizeof(line), "partition %d: %s", message->partition, rd_kafka_message_errstr(message));
    consumer->note(4, line);
    return Acceptance::passed_over;
}

Acceptance take_error(Consumer *consumer, const rd_kafka_message_t *error) {
    if (error->rkt == nullptr) {
        // The message reports an error of the Kafka group. The client continues to read: only tools that show
        // consumer lag need the group, to read its committed offsets.
        char line[print_size_max];
        snprintf(line, sizeof(line), "the Kafka group: %s", rd_kafka_message_errstr(error));
        consumer->note(4, line);
        return Acceptance::passed_over;
    }
    // Three errors make the caller ask Kafka about all partitions: an unknown topic, an offset out of range,
    // and a truncated log. After any other error of a partition, the client stops reading this partition, and
    // continues with the others.
    if (!failure_is_unknown_topic(error->err) && error->err != RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
        return give_up(consumer, error);
    consumer->note_trouble("partition %d: %s", error->partition, rd_kafka_message_errstr(error));
    examination_hear(consumer, error);
    if (failure_is_unknown_topic(error->err))
        consumer->lose_topic();
    return Acceptance::trouble;
}

} // namespace

Acceptance consumer_accept(Consumer *consumer, const rd_kafka_message_t *message, Batch *batch,
                           int64_t *first_offset) {
    bool is_end = message->rkt != nullptr && message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && !is_end)
        return take_error(consumer, message);
    const PartitionPosition *position =
        message->rkt == nullptr ? nullptr : find_position(&consumer->positions, message->partition);
    if (position == nullptr)
        return Acceptance::passed_over; // the client has stopped reading this partition
    if (message->offset < 0 || message->offset > offset_max) {
        consumer->note_trouble("partition %d: the broker reports the impossible offset %lld",
                               message->partition, static_cast<long long>(message->offset));
        return Acceptance::trouble;
    }
    consumer->heard = true;
    size_t index = static_cast<size_t>(position - consumer->positions.data());
    consumer->examinations[index].heard = true;
    switch (examination_take(consumer, index, message, *batch)) {
    case Examined::accepted:
        break;
    case Examined::passed_over:
        return Acceptance::passed_over;
    case Examined::trouble:
        return Acceptance::trouble;
    }
    if (is_end || message->offset >= position->end) {
        batch_filler(batch)->add_progress(message->partition, position->offset,
                                          std::min(message->offset, position->end));
        return Acceptance::passed_over;
    }
    *first_offset = position->offset;
    return message->offset < position->offset ? Acceptance::passed_over : Acceptance::accepted;
}

} // namespace heartbeat
