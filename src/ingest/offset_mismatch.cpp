// Compares a stored offset with the description of the topic, and with the range of offsets that Kafka holds.
#include "server/server.h"

#include "ingest/offset_mismatch.h"
#include "server/text.h"

namespace heartbeat {

namespace {

// The stored marks describe messages that a worker has consumed (see MessageMark). Returns true if Kafka can
// still hold one of these messages, because its offset is in `range`.
bool has_marks_in(const StoredOffset &stored, const PartitionRange &range) {
    auto is_in = [&](const MessageMark &mark) {
        return mark.offset >= range.low && mark.offset < range.high;
    };
    return is_in(stored.last_message) ||
           std::any_of(stored.trail.marks, stored.trail.marks + stored.trail.count, is_in);
}

} // namespace

bool offset_mismatch_ids_differ(const char *stored, const char *found) {
    return stored[0] != '\0' && found[0] != '\0' && strcmp(stored, found) != 0;
}

void offset_mismatch_print_truncated(char *reason, int32_t partition, const char *topic, int64_t highest,
                                     int64_t position) {
    text_print(
        reason, state_text_size,
        "Kafka's log of partition %d was truncated to an offset up to %lld: topic \"%s\" had been read up "
        "to offset %lld",
        partition, static_cast<long long>(highest), topic, static_cast<long long>(position));
}

OffsetMismatch offset_mismatch_find(const Source &source, const StoredOffset &stored,
                                    const PartitionRange &range, const TopicDescription &topic,
                                    char *reason) {
    auto next_offset = static_cast<long long>(stored.next_offset);
    if (offset_mismatch_ids_differ(stored.cluster_id, topic.cluster_id)) {
        text_print(
            reason, state_text_size,
            "the stored offsets of topic \"%s\" belong to Kafka cluster %s, but the cluster of %s is %s",
            source.topic, stored.cluster_id, source_brokers_name(source), topic.cluster_id);
        return OffsetMismatch::other_topic;
    }
    if (stored.lost && stored.truncated_to < 0) {
        text_copy(reason, state_text_size, stored.lost_reason);
        return OffsetMismatch::other_topic;
    }
    if (offset_mismatch_ids_differ(stored.topic_id, topic.topic_id)) {
        text_print(
            reason, state_text_size,
            "topic \"%s\" was deleted and recreated: its id is %s, but the stored offsets belong to id %s",
            source.topic, topic.topic_id, stored.topic_id);
        return OffsetMismatch::other_topic;
    }
    if (stored.lost) {
        text_copy(reason, state_text_size, stored.lost_reason);
        return OffsetMismatch::truncated;
    }
    if (stored.next_offset < range.low) {
        text_print(reason, state_text_size,
                   "Kafka no longer holds offset %lld of partition %d of topic \"%s\": the partition begins "
                   "at offset %lld",
                   next_offset, stored.partition, source.topic, static_cast<long long>(range.low));
        return OffsetMismatch::removed;
    }
    if (stored.next_offset <= range.high || has_marks_in(stored, range))
        return OffsetMismatch::none; // the consumer later compares the stored marks with Kafka's messages
    if (stored.topic_id[0] != '\0' && topic.topic_id[0] != '\0') {
        offset_mismatch_print_truncated(reason, stored.partition, source.topic, range.high,
                                        stored.next_offset);
        return OffsetMismatch::truncated;
    }
    text_print(reason, state_text_size,
               "partition %d of topic \"%s\" ends at offset %lld, before the stored offset %lld: the topic "
               "was recreated",
               stored.partition, source.topic, static_cast<long long>(range.high), next_offset);
    return OffsetMismatch::other_topic;
}

} // namespace heartbeat
