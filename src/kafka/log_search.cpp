// The search: back over the remembered messages in growing steps to one that is the same, and
// from there forward to the first that is not.
#include "kafka/log_search.h"

#include "kafka/consumer_client.h"

#include <algorithm>

namespace heartbeat {

namespace {

constexpr int64_t kafka_time_max = INT64_MAX / 1000; // microseconds fit too
// A broker that lost one partition's log may have lost those of others: they are told together.
constexpr std::chrono::seconds others_may_take{1};
constexpr int64_t read_over = 5000; // messages that are read rather than passed by

Examined result_of(bool done) {
    return done ? Examined::passed_over : Examined::trouble;
}

long long shown(int64_t offset) {
    return static_cast<long long>(offset);
}

// Remembered messages below that offset, in ascending order.
std::vector<MessageMark> marks_below(const Consumer &consumer, const PartitionPosition &position,
                                     int64_t end) {
    std::vector<MessageMark> marks(position.trail.marks, position.trail.marks + position.trail.count);
    auto recent = consumer.memory->recent.find(position.partition);
    if (recent != consumer.memory->recent.end())
        marks.insert(marks.end(), recent->second.marks.begin(), recent->second.marks.end());
    if (position.witness.offset >= 0)
        marks.push_back(position.witness);
    auto by_offset = [](const MessageMark &a, const MessageMark &b) { return a.offset < b.offset; };
    auto same = [](const MessageMark &a, const MessageMark &b) { return a.offset == b.offset; };
    std::sort(marks.begin(), marks.end(), by_offset);
    marks.erase(std::unique(marks.begin(), marks.end(), same), marks.end());
    marks.erase(std::remove_if(marks.begin(), marks.end(),
                               [&](const MessageMark &mark) {
                                   return mark.offset < position.log_begin || mark.offset >= end;
                               }),
                marks.end());
    return marks;
}

void describe(const Consumer &consumer, const Examination &examination, TopicLoss *loss) {
    char where[96];
    const char *topic = consumer.topic.c_str();
    if (loss->lowest < 0 && examination.log_end < examination.next)
        utf8_print(
            loss->reason.text, sizeof(loss->reason.text),
            "partition %d of topic \"%s\" ends at %lld, before the stored offset %lld: it was made again",
            loss->partition, topic, shown(examination.log_end), shown(loss->position));
    else if (loss->lowest < 0)
        utf8_print(loss->reason.text, sizeof(loss->reason.text),
                   "offset %lld of partition %d of topic \"%s\" holds another message than when it was read: "
                   "the topic was deleted and made again",
                   shown(examination.sought.offset), loss->partition, topic);
    if (loss->lowest < 0)
        return;
    if (loss->lowest == loss->highest)
        snprintf(where, sizeof(where), "offset %lld", shown(loss->lowest));
    else
        snprintf(where, sizeof(where), "offset %lld or a later one up to %lld", shown(loss->lowest),
                 shown(loss->highest));
    utf8_print(
        loss->reason.text, sizeof(loss->reason.text),
        "Kafka's log of partition %d was truncated to %s: topic \"%s\" had been read up to offset %lld",
        loss->partition, where, topic, shown(loss->position));
}

void forget_epoch_end(Consumer *consumer, int32_t partition) {
    std::vector<EpochEnd> &ends = consumer->epoch_ends;
    ends.erase(std::remove_if(ends.begin(), ends.end(),
                              [=](const EpochEnd &end) { return end.partition == partition; }),
               ends.end());
}

Examined lose(Consumer *consumer, size_t index, int64_t lowest, int64_t highest) {
    Examination &examination = consumer->examinations[index];
    TopicLoss loss = {};
    utf8_copy(loss.topic, sizeof(loss.topic), consumer->topic.c_str());
    loss.partition = consumer->positions[index].partition;
    loss.position = examination.next;
    loss.lowest = lowest;
    loss.highest = highest;
    describe(*consumer, examination, &loss);
    if (consumer->losses.empty())
        consumer->losses_due = std::chrono::steady_clock::now() + others_may_take;
    consumer->losses.push_back(loss);
    examination.step = ExaminationStep::lost;
    forget_epoch_end(consumer, loss.partition);
    return Examined::passed_over;
}

// What librdkafka has heard of the partition: the end of the epoch of its last consumed message; -1: nothing.
int64_t epoch_end(const Consumer &consumer, int32_t partition) {
    for (const EpochEnd &end : consumer.epoch_ends)
        if (end.partition == partition)
            return end.offset;
    return -1;
}

Examined pass(Consumer *consumer, size_t index) {
    Examination &examination = consumer->examinations[index];
    examination.step = ExaminationStep::reading;
    examination.marks.clear();
    forget_epoch_end(consumer, consumer->positions[index].partition);
    return result_of(log_move(consumer, index, examination.next));
}

// All that can be read of it has been compared.
Examined conclude(Consumer *consumer, size_t index) {
    Examination &examination = consumer->examinations[index];
    int32_t partition = consumer->positions[index].partition;
    int64_t heard = epoch_end(*consumer, partition);
    int64_t highest = std::min(examination.differs, examination.log_end);
    bool is_other = highest < examination.next;
    // by its time alone, as version 1.1 stored it, another message can be taken for the last one
    bool is_sure = examination.sought.checksum >= 0;
    if (!is_other && (is_sure || heard < 0 || heard >= examination.next))
        return pass(consumer, index);
    int64_t lowest = examination.agrees < 0 ? -1 : examination.agrees + 1;
    if (!is_other)
        lowest = highest = heard;
    if (lowest >= 0 && heard >= lowest && heard <= highest)
        lowest = highest = heard;
    bool can_ask =
        examination.step != ExaminationStep::asking && heard < 0 && examination.sought.leader_epoch >= 0;
    if (lowest >= 0 && lowest < highest && can_ask) {
        examination.step = ExaminationStep::asking;
        return result_of(log_move(consumer, index, highest, examination.sought.leader_epoch));
    }
    return lose(consumer, index, lowest, highest);
}

// An older message is tried.
Examined step_back(Consumer *consumer, size_t index) {
    Examination &examination = consumer->examinations[index];
    if (examination.at == 0)
        return conclude(consumer, index);
    examination.at -= std::min(examination.at, examination.stride);
    examination.stride *= 2;
    return result_of(log_move(consumer, index, examination.marks[examination.at].offset));
}

// The next remembered message that can still tell something is awaited.
Examined step_forward(Consumer *consumer, size_t index) {
    Examination &examination = consumer->examinations[index];
    examination.step = ExaminationStep::scanning;
    auto next = std::find_if(examination.marks.begin(), examination.marks.end(),
                             [&](const MessageMark &mark) { return mark.offset > examination.agrees; });
    if (next == examination.marks.end() || next->offset >= examination.differs)
        return conclude(consumer, index);
    examination.at = static_cast<size_t>(next - examination.marks.begin());
    if (next->offset - examination.agrees <= read_over)
        return Examined::passed_over;
    return result_of(log_move(consumer, index, next->offset));
}

Examined compare(Consumer *consumer, size_t index, const rd_kafka_message_t *message) {
    Examination &examination = consumer->examinations[index];
    if (mark_agrees(examination.marks[examination.at], log_mark(message))) {
        examination.agrees = message->offset;
        return step_forward(consumer, index);
    }
    examination.differs = message->offset;
    return examination.step == ExaminationStep::scanning ? conclude(consumer, index)
                                                         : step_back(consumer, index);
}

// The message that is awaited is not there: compacted away, or another log had none at its offset.
Examined miss(Consumer *consumer, size_t index, int64_t offset) {
    Examination &examination = consumer->examinations[index];
    if (examination.step != ExaminationStep::scanning)
        return step_back(consumer, index);
    while (examination.at < examination.marks.size() && examination.marks[examination.at].offset < offset)
        examination.at++;
    bool more = examination.at < examination.marks.size() &&
                examination.marks[examination.at].offset < examination.differs;
    return more ? Examined::passed_over : conclude(consumer, index);
}

} // namespace

int64_t log_search_begin(const Consumer &consumer, const PartitionPosition &position,
                         Examination *examination) {
    examination->log_end = position.log_end;
    examination->marks = marks_below(consumer, position, position.log_end);
    examination->step = ExaminationStep::searching;
    examination->at = examination->marks.empty() ? 0 : examination->marks.size() - 1;
    return examination->marks.empty() ? position.log_begin : examination->marks.back().offset;
}

Examined log_search(Consumer *consumer, size_t index, const Batch &batch) {
    Examination &examination = consumer->examinations[index];
    examination_remember_batch(consumer, consumer->positions[index].partition, batch);
    int64_t end = std::min(examination.sought.offset, examination.differs);
    examination.marks = marks_below(*consumer, consumer->positions[index], end);
    examination.step = ExaminationStep::searching;
    examination.stride = 1;
    if (examination.marks.empty())
        return conclude(consumer, index);
    examination.at = examination.marks.size() - 1;
    return result_of(log_move(consumer, index, examination.marks[examination.at].offset));
}

Examined log_search_take(Consumer *consumer, size_t index, const rd_kafka_message_t *message) {
    Examination &examination = consumer->examinations[index];
    if (examination.step == ExaminationStep::asking || examination.marks.empty())
        return conclude(consumer, index);
    bool is_end = message->err != RD_KAFKA_RESP_ERR_NO_ERROR;
    int64_t awaited = examination.marks[examination.at].offset;
    if (is_end && message->offset <= awaited)
        return Examined::trouble; // it was truncated further: assigning finds out
    if (is_end)
        return miss(consumer, index, INT64_MAX);
    if (message->offset < awaited)
        return Examined::passed_over;
    if (message->offset > awaited) {
        Examined missed = miss(consumer, index, message->offset);
        bool is_next = missed == Examined::passed_over && examination.step == ExaminationStep::scanning &&
                       examination.moved_in != consumer->taking &&
                       examination.marks[examination.at].offset == message->offset;
        return is_next ? compare(consumer, index, message) : missed;
    }
    return compare(consumer, index, message);
}

void log_search_hear(Consumer *consumer, int32_t partition, int64_t offset) {
    auto found = std::find_if(consumer->epoch_ends.begin(), consumer->epoch_ends.end(),
                              [=](const EpochEnd &end) { return end.partition == partition; });
    if (found == consumer->epoch_ends.end())
        consumer->epoch_ends.push_back({partition, offset});
    else
        found->offset = offset;
    for (size_t i = 0; i < consumer->positions.size(); i++)
        if (consumer->positions[i].partition == partition &&
            consumer->examinations[i].step == ExaminationStep::asking)
            conclude(consumer, i);
}

bool log_move(Consumer *consumer, size_t index, int64_t offset, [[maybe_unused]] int32_t leader_epoch) {
    ListPointer list = partition_list_make(
        *consumer->shared, 1, [&](size_t) { return consumer->positions[index].partition; },
        [=](size_t) { return offset; });
#if RD_KAFKA_VERSION >= 0x020100ff
    rd_kafka_topic_partition_set_leader_epoch(&list->elems[0], leader_epoch);
#endif
    consumer->examinations[index].moved_in = consumer->taking;
    rd_kafka_error_t *error = rd_kafka_seek_partitions(consumer->client, list.get(), 0);
    rd_kafka_resp_err_t result = list->elems[0].err;
    if (error != nullptr)
        result = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    if (result == RD_KAFKA_RESP_ERR_NO_ERROR || result == RD_KAFKA_RESP_ERR__IN_PROGRESS)
        return true;
    consumer->note_trouble("partition %d: reading cannot go back to offset %lld: %s",
                           consumer->positions[index].partition, shown(offset), rd_kafka_err2str(result));
    return false;
}

int64_t log_kafka_time(const rd_kafka_message_t *message) {
    rd_kafka_timestamp_type_t kind;
    int64_t kafka_time = rd_kafka_message_timestamp(message, &kind);
    bool known = kind != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && kafka_time >= 0 && kafka_time <= kafka_time_max;
    return known ? kafka_time : -1;
}

int32_t log_epoch([[maybe_unused]] const rd_kafka_message_t *message) {
#if RD_KAFKA_VERSION >= 0x020100ff
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return rd_kafka_message_leader_epoch(message);
#endif
    return -1;
}

MessageMark log_mark(const rd_kafka_message_t *message) {
    auto size_of = [](const void *bytes, size_t size) {
        return bytes == nullptr ? -1 : static_cast<int64_t>(size);
    };
    return {message->offset, log_kafka_time(message),
            message_checksum(message->key, size_of(message->key, message->key_len), message->payload,
                             size_of(message->payload, message->len)),
            log_epoch(message)};
}

} // namespace heartbeat
