// The search goes back over the remembered messages in growing steps, until it finds a message that Kafka's
// log still has. From this message the search goes forward to the first remembered message that differs from
// the log.
#include "kafka/log_search.h"

#include "decode/utf8_text.h"
#include "kafka/consumer_client.h"
#include "kafka/log_loss.h"
#include "kafka/log_mark.h"
#include "kafka/log_move.h"

#include <algorithm>
#include <chrono>
#include <vector>

namespace heartbeat {

namespace {

// If a broker has lost the log of one partition, it may have lost other logs too. To report all losses
// together, the client waits at most this time for the examinations of the other partitions.
constexpr std::chrono::seconds others_may_take{1};
constexpr int64_t read_over = 5000; // up to this number of messages, reading is faster than a seek

Examined result_of(bool done) {
    return done ? Examined::passed_over : Examined::trouble;
}

// Returns the marks of the remembered messages with offsets below `end`, in ascending order of offset. Leaves
// out the messages before the beginning of Kafka's log.
std::vector<MessageMark> marks_below(const Consumer &consumer, const PartitionPosition &position,
                                     int64_t end) {
    std::vector<MessageMark> marks(position.trail.marks, position.trail.marks + position.trail.count);
    auto recent = consumer.memory->recent.find(position.partition);
    if (recent != consumer.memory->recent.end())
        marks.insert(marks.end(), recent->second.marks.begin(), recent->second.marks.end());
    if (position.last_message.offset >= 0)
        marks.push_back(position.last_message);
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
    log_loss_describe(consumer->topic.c_str(), examination, &loss);
    if (consumer->losses.empty())
        consumer->losses_due = std::chrono::steady_clock::now() + others_may_take;
    consumer->losses.push_back(loss);
    examination.step = ExaminationStep::lost;
    forget_epoch_end(consumer, loss.partition);
    return Examined::passed_over;
}

// Returns the broker's answer: the offset at which the epoch of the last consumed message ends. Returns -1 if
// the broker has not answered.
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

// Decides the result after the last message that the search can read: the log is the same, or it is another
// log. Before that, librdkafka may have to ask the broker where the epoch ends.
Examined conclude(Consumer *consumer, size_t index) {
    Examination &examination = consumer->examinations[index];
    int32_t partition = consumer->positions[index].partition;
    int64_t heard = epoch_end(*consumer, partition);
    int64_t highest = std::min(examination.differs, examination.log_end);
    bool is_other = highest < examination.next;
    // heartbeat 1.1 stored positions without a checksum. For such a position, the search compares only the
    // Kafka times, and another message can have the same Kafka time as the last consumed message.
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

// Goes back to an older remembered message.
Examined step_back(Consumer *consumer, size_t index) {
    Examination &examination = consumer->examinations[index];
    if (examination.at == 0)
        return conclude(consumer, index);
    examination.at -= std::min(examination.at, examination.stride);
    examination.stride *= 2;
    return result_of(log_move(consumer, index, examination.marks[examination.at].offset));
}

// Continues with the next remembered message whose offset is between `agrees` and `differs`.
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

// Continues the search when the log has no message at the offset that the search waits for. Compaction may
// have removed the message, or another log never had it.
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
    consumer->memory->remember_partition(batch, consumer->positions[index].partition,
                                         consumer->positions.size());
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
        // The log was truncated again. The offset validation of the next assignment reports the truncation.
        return Examined::trouble;
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

} // namespace heartbeat
