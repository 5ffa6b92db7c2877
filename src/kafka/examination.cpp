// This file decides when to examine a partition's log. An examination compares the last consumed message with
// the message that the log now has at the same offset. If the two messages differ, log_search.cpp finds how
// far the log was truncated.
#include "kafka/examination.h"

#include "kafka/consumer_client.h"
#include "kafka/log_mark.h"
#include "kafka/log_move.h"
#include "kafka/log_search.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>

namespace heartbeat {

namespace {

// Returns the partition's progress in the batch, or nullptr if the batch has no progress of this partition.
const BatchPartition *progress_in(const Batch &batch, int32_t partition) {
    for (size_t i = batch.partitions.size(); i-- > 0;)
        if (batch.partitions[i].partition == partition)
            return &batch.partitions[i];
    return nullptr;
}

// Begins an examination: reads again from the last consumed message. If the log is the same, the client gets
// the same message again.
bool examine(Consumer *consumer, size_t index, const Batch &batch) {
    PartitionPosition &position = consumer->positions[index];
    Examination &examination = consumer->examinations[index];
    const BatchPartition *progress = progress_in(batch, position.partition);
    bool in_batch = progress != nullptr && progress->last_offset >= 0;
    examination.sought = in_batch ? batch.mark(progress->last_message) : position.last_message;
    examination.next = progress != nullptr ? progress->next_offset : position.offset;
    examination.certified = consumer->shared->client->connections.now();
    examination.broker = -1;
    examination.log_end = examination.differs = INT64_MAX;
    examination.agrees = -1;
    bool known = examination.sought.offset >= 0;
    examination.step = known ? ExaminationStep::checking : ExaminationStep::reading;
    return log_move(consumer, index, known ? examination.sought.offset : examination.next);
}

// Returns whether the message can come from another log than the messages before it: the connection to the
// broker was lost, or the message comes from another broker or has another leader epoch.
bool is_doubtful(const Consumer &consumer, Examination *examination, const rd_kafka_message_t *message) {
    int32_t broker = rd_kafka_message_broker_id(message);
    if (broker >= 0 && consumer.shared->client->connections.lost_at(broker) > examination->certified)
        return true;
    if (broker >= 0 && examination->broker >= 0 && broker != examination->broker)
        return true;
    if (broker >= 0)
        examination->broker = broker;
    int32_t epoch = log_epoch(message);
    bool is_other = examination->step == ExaminationStep::reading && epoch >= 0 &&
                    examination->last_epoch >= 0 && epoch != examination->last_epoch &&
                    epoch != examination->checked_epoch;
    if (is_other)
        examination->checked_epoch = epoch;
    return is_other;
}

Examined result_of(bool done) {
    return done ? Examined::passed_over : Examined::trouble;
}

// Takes a message of the log while the examination waits for the last consumed message. Skips the messages
// before the offset of the last consumed message. Compares the message at this offset with the last consumed
// message.
Examined check(Consumer *consumer, size_t index, const rd_kafka_message_t *message, const Batch &batch) {
    Examination &examination = consumer->examinations[index];
    const MessageMark &sought = examination.sought;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        // `message` reports the end of the partition. If the log ends at or before the sought message, Kafka
        // has lost the sought message. The offset validation of the next assignment then reports the loss.
        return message->offset <= sought.offset ? Examined::trouble : log_search(consumer, index, batch);
    if (message->offset < sought.offset)
        return Examined::passed_over;
    MessageMark found = log_mark(message);
    if (message->offset == sought.offset) {
        bool agrees = mark_agrees(sought, found);
        if (!agrees)
            examination.differs = sought.offset;
        bool same_epoch =
            sought.leader_epoch < 0 || found.leader_epoch < 0 || sought.leader_epoch == found.leader_epoch;
        if (!agrees || !same_epoch)
            return log_search(consumer, index, batch);
        examination.step = ExaminationStep::reading;
        examination.last_epoch = found.leader_epoch;
        return Examined::passed_over;
    }
    // The log has no message at the sought offset. Compaction and aborted transactions remove messages, but
    // never add messages. The client has consumed no message with a Kafka time between the sought offset and
    // `next`. So a message with a Kafka time between these two offsets belongs to another log.
    if (message->offset < examination.next) {
        if (found.kafka_time < 0)
            return Examined::passed_over;
        examination.differs = message->offset;
    }
    return log_search(consumer, index, batch);
}

bool examine_returned(Consumer *consumer, const Batch &batch) {
    for (size_t i = 0; i < consumer->positions.size(); i++) {
        Examination &examination = consumer->examinations[i];
        if (examination.step == ExaminationStep::lost || examination.broker < 0 ||
            consumer->positions[i].end != INT64_MAX)
            continue;
        int64_t lost_at = consumer->shared->client->connections.lost_at(examination.broker);
        bool returned = lost_at > examination.certified &&
                        consumer->shared->client->connections.made_at(examination.broker) > lost_at;
        if (returned && !examine(consumer, i, batch))
            return false;
    }
    return true;
}

} // namespace

int64_t examination_begin(Consumer *consumer, const PartitionPosition &position, Examination *examination) {
    *examination = {};
    examination->certified = consumer->shared->client->connections.now();
    examination->sought = position.last_message;
    examination->next = position.offset;
    examination->last_epoch = position.last_message.leader_epoch;
    if (position.end != INT64_MAX)
        return position.offset;
    consumer->memory->forget_beyond(position);
    if (position.log_end < position.offset)
        return log_search_begin(*consumer, position, examination);
    if (position.last_message.offset < 0)
        return position.offset;
    examination->step = ExaminationStep::checking;
    return position.last_message.offset;
}

Examined examination_take(Consumer *consumer, size_t index, const rd_kafka_message_t *message,
                          const Batch &batch) {
    Examination &examination = consumer->examinations[index];
    if (consumer->positions[index].end != INT64_MAX)
        return Examined::accepted;
    if (examination.moved_in == consumer->taking || examination.step == ExaminationStep::lost)
        return Examined::passed_over;
    if (is_doubtful(*consumer, &examination, message))
        return result_of(examine(consumer, index, batch));
    switch (examination.step) {
    case ExaminationStep::checking:
        return check(consumer, index, message, batch);
    case ExaminationStep::searching:
    case ExaminationStep::scanning:
    case ExaminationStep::asking:
        return log_search_take(consumer, index, message);
    case ExaminationStep::lost:
    case ExaminationStep::reading:
        break;
    }
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && log_epoch(message) >= 0)
        examination.last_epoch = log_epoch(message);
    return Examined::accepted;
}

bool examination_look(Consumer *consumer, const Batch &batch) {
    int64_t now = consumer->shared->client->connections.now();
    if (now == consumer->connections_seen)
        return true;
    consumer->connections_seen = now;
    return examine_returned(consumer, batch);
}

bool examination_is_lost(Consumer *consumer) {
    if (consumer->losses.empty() || consumer->losses_reported)
        return consumer->losses_reported;
    bool others = std::any_of(
        consumer->examinations.begin(), consumer->examinations.end(), [](const Examination &examination) {
            return examination.step != ExaminationStep::reading && examination.step != ExaminationStep::lost;
        });
    consumer->losses_reported = !others || std::chrono::steady_clock::now() >= consumer->losses_due;
    return consumer->losses_reported;
}

void examination_hear([[maybe_unused]] Consumer *consumer, [[maybe_unused]] const rd_kafka_message_t *error) {
#if RD_KAFKA_VERSION >= 0x020100ff
    // only the text of the error has the offset to which the log was truncated
    if (error->err != RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
        return;
    const char *text = rd_kafka_message_errstr(error);
    const char *cause = rd_kafka_err2str(RD_KAFKA_RESP_ERR__LOG_TRUNCATION);
    constexpr const char before[] = "broker end offset is ";
    const char *end = strstr(text, before);
    if (strstr(text, cause) == nullptr || end == nullptr)
        return;
    int64_t offset = strtoll(end + sizeof(before) - 1, nullptr, 10);
    if (offset >= 0)
        log_search_hear(consumer, error->partition, offset);
#endif
}

} // namespace heartbeat
