// For each partition that has a row in heartbeat_offsets, asks Kafka which offsets belong to the time span of
// a replay. This file raises an error if the topic is not the topic that ingest has read. replay_plan.cpp
// calls this file.
#include "server/server.h"

#include "admin/kafka_session.h"
#include "admin/replay_partitions.h"
#include "server/text.h"

namespace heartbeat {

namespace {

constexpr int ranges_timeout_ms = 5000;

[[noreturn]] void refuse_topic(const Source &source, const char *detail) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("topic \"%s\" is not the topic that heartbeat has read", source.topic),
                    errdetail("%s", detail), errhint("heartbeat_source_status describes how to continue.")));
}

void check_identity(const Source &source, const StoredOffset &stored, const TopicDescription &topic,
                    const PartitionRange &range) {
    if (stored.lost)
        refuse_topic(source, stored.lost_reason);
    TopicDescription read = {};
    text_copy(read.cluster_id, stored.cluster_id);
    text_copy(read.topic_id, stored.topic_id);
    if (!topic_is_same(read, topic))
        refuse_topic(source, "The id of the cluster or of the topic has changed.");
    if (stored.next_offset > range.high)
        refuse_topic(source, psprintf("Partition %d ends at offset %lld, before the stored offset %lld.",
                                      stored.partition, static_cast<long long>(range.high),
                                      static_cast<long long>(stored.next_offset)));
}

int64_t to_kafka_time(TimestampTz time) {
    int64_t microseconds = to_unix_microseconds(time);
    return std::max<int64_t>(microseconds / 1000 + (microseconds % 1000 > 0 ? 1 : 0), 0);
}

// Asks for the first offset and the end offset of all partitions at once.
void ask_ranges(const Source &source, Consumer *consumer, ReplayPartition *partitions, size_t count) {
    CHECK_FOR_INTERRUPTS();
    auto *ranges = static_cast<PartitionRange *>(palloc(sizeof(PartitionRange) * (count + 1)));
    for (size_t i = 0; i < count; i++)
        ranges[i] = {partitions[i].stored.partition, 0, 0};
    Error error = {};
    if (!kafka_session_ranges(consumer, ranges, count, ranges_timeout_ms, &error))
        kafka_session_refuse(source, error.text);
    for (size_t i = 0; i < count; i++)
        partitions[i].range = ranges[i];
    pfree(ranges);
}

int64_t *ask_offsets_at(const Source &source, Consumer *consumer, const ReplayPartition *partitions,
                        size_t count, int64_t kafka_time) {
    CHECK_FOR_INTERRUPTS();
    auto *positions = static_cast<PartitionPosition *>(palloc(sizeof(PartitionPosition) * (count + 1)));
    for (size_t i = 0; i < count; i++)
        positions[i] = {partitions[i].stored.partition, 0};
    Error error = {};
    if (!kafka_session_offsets_at(consumer, kafka_time, positions, count, ranges_timeout_ms, &error))
        kafka_session_refuse(source, error.text);
    auto *offsets = static_cast<int64_t *>(palloc(sizeof(int64_t) * (count + 1)));
    for (size_t i = 0; i < count; i++)
        offsets[i] = positions[i].offset;
    pfree(positions);
    return offsets;
}

// Returns whether Kafka may have removed messages of the span. The span is complete if Kafka has never
// removed a message of the partition, or if Kafka still holds a message from before the span.
bool may_be_removed(const ReplayPartition &partition) {
    return partition.range.low > 0 && partition.from <= partition.range.low;
}

// Like may_be_removed(), but also returns false if Kafka holds a message with exactly the time at which the
// span begins. `after` is the first offset with a time later than the span's beginning.
bool is_removed(const ReplayPartition &partition, const ReplaySpan &span, int64_t after) {
    if (!may_be_removed(partition))
        return false;
    if (partition.range.low < partition.range.high)
        return after == partition.from;
    // if Kafka holds no message, the span is complete only if the last consumed message was before the span
    const MessageMark &last = partition.stored.last_message;
    return last.offset < 0 || last.kafka_time >= to_kafka_time(span.from);
}

// Returns true if a person has set an offset that Kafka has not reached yet, and ingest has never read the
// partition.
bool is_ahead(const ReplayPartition &partition) {
    return !partition.stored.was_read && partition.stored.next_offset > partition.range.high;
}

void look_at(Consumer *consumer, const ReplaySpan &span, const TopicDescription &topic,
             ReplayPartition *partitions, size_t count) {
    ask_ranges(span.source, consumer, partitions, count);
    for (size_t i = 0; i < count; i++)
        if (!is_ahead(partitions[i]))
            check_identity(span.source, partitions[i].stored, topic, partitions[i].range);
    const int64_t *from = ask_offsets_at(span.source, consumer, partitions, count, to_kafka_time(span.from));
    const int64_t *to = ask_offsets_at(span.source, consumer, partitions, count, to_kafka_time(span.to));
    bool any_removed = false;
    for (size_t i = 0; i < count; i++) {
        partitions[i].from = from[i];
        partitions[i].to =
            is_ahead(partitions[i])
                ? from[i]                                            // ingest has read nothing yet
                : std::min(to[i], partitions[i].stored.next_offset); // ingest itself reads the later offsets
        any_removed = any_removed || may_be_removed(partitions[i]);
    }
    if (!any_removed)
        return;
    const int64_t *after =
        ask_offsets_at(span.source, consumer, partitions, count, to_kafka_time(span.from) + 1);
    for (size_t i = 0; i < count; i++)
        partitions[i].removed = is_removed(partitions[i], span, after[i]);
}

// Returns whether the topic has this partition. If the topic lacks a partition that ingest has read, the
// function raises an error, because ingest must have read another topic. A partition that ingest has never
// read has a row only because a person has set its offset in advance.
bool has_partition(const Source &source, const StoredOffset &stored, const TopicDescription &topic) {
    if (stored.partition < topic.partition_count)
        return true;
    if (stored.was_read)
        refuse_topic(
            source,
            psprintf("The topic has %d partitions, numbered from 0, but heartbeat has read partition %d.",
                     topic.partition_count, stored.partition));
    return false;
}

} // namespace

ReplayPartition *replay_partitions_find(Consumer *consumer, const ReplaySpan &span, size_t *found) {
    size_t stored;
    StoredOffset *offsets = offsets_load(span.source, &stored);
    TopicDescription topic = kafka_session_describe(span.source, consumer);
    auto *partitions = static_cast<ReplayPartition *>(palloc(sizeof(ReplayPartition) * (stored + 1)));
    size_t count = 0;
    for (size_t i = 0; i < stored; i++)
        if ((span.partition < 0 || offsets[i].partition == span.partition) &&
            has_partition(span.source, offsets[i], topic))
            partitions[count++] = {offsets[i], {}, 0, 0, false};
    if (count == 0 && span.partition >= 0)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("heartbeat has not read partition %d of topic \"%s\"", span.partition,
                               span.source.topic),
                        errhint("heartbeat_partitions shows the partitions that heartbeat has read.")));
    look_at(consumer, span, topic, partitions, count);
    *found = count;
    return partitions;
}

} // namespace heartbeat
