// Compares the stored offsets with the offsets that Kafka holds. By default the worker stops at a mismatch,
// because a wrong guess about the next offset could lose readings.
#include "server/server.h"

#include "ingest/offset_mismatch.h"
#include "ingest/offset_validation.h"
#include "server/text.h"
#include "store/source_calls.h"

namespace heartbeat {

namespace {

// Returns true if the stored offset proves that the topic had more partitions before. A stored offset without
// a cluster id proves nothing: a person has set it for a partition that no worker has seen. If the topic
// still has the stored id, nobody has recreated the topic, and `topic` is only an old description.
bool is_beyond(const StoredOffset &stored, const TopicDescription &topic) {
    bool same = stored.topic_id[0] != '\0' && strcmp(stored.topic_id, topic.topic_id) == 0;
    return stored.partition >= topic.partition_count && !stored.lost && stored.cluster_id[0] != '\0' && !same;
}

// Kafka never removes partitions of a topic. So if the topic has fewer partitions than before, it was
// recreated, and the function marks all stored offsets as lost. But for some time a broker can return an old
// description, with fewer partitions. If the topic has no id that proves the change, the worker must check
// twice: after the first check, the function sets `reason` and returns false.
bool find_lost(const Source &source, StoredOffset *offsets, size_t count, const TopicDescription &topic,
               Suspicions *suspicions, char (&reason)[state_text_size]) {
    bool fewer = false, confirmed = false;
    for (size_t i = 0; i < count; i++) {
        if (!is_beyond(offsets[i], topic))
            continue;
        fewer = true;
        confirmed = confirmed || offset_mismatch_ids_differ(offsets[i].topic_id, topic.topic_id) ||
                    suspicion_is_confirmed(suspicions, offsets[i].partition);
    }
    if (!fewer)
        return true;
    text_print(reason, sizeof(reason),
               "topic \"%s\" was deleted and recreated: it has %d partitions now, and had more before",
               source.topic, topic.partition_count);
    if (!confirmed)
        return false;
    offsets_mark_lost(source, source.topic, reason);
    for (size_t i = 0; i < count; i++) {
        if (offsets[i].lost)
            continue;
        offsets[i].lost = true;
        text_copy(offsets[i].lost_reason, reason);
    }
    return true;
}

void print_advice(char (&hint)[state_text_size], const Source &source) {
    text_print(hint, sizeof(hint), "To continue at another offset, call %s, or %s.",
               source_calls_seek(source, "partition, offset"), source_calls_reset(source));
}

void print_truncated_advice(char (&hint)[state_text_size], const Source &source, int32_t partition,
                            int64_t offset) {
    const char *to = psprintf("%d, %lld", partition, static_cast<long long>(offset));
    text_print(
        hint, sizeof(hint),
        "To read the messages that the log has now, call %s, or %s. heartbeat stores no reading twice.",
        source_calls_seek(source, to), source_calls_reset(source));
}

void move(const Source &source, StoredOffset *stored, int64_t to, const char *reason) {
    offsets_reset(source, stored->partition, stored->next_offset, to, reason);
    stored->next_offset = to;
    stored->last_message = {};
    stored->trail = {};
    stored->truncated_to = -1;
}

// Call this function if Kafka has truncated the log. Returns the truncation offset: ingest has not read the
// messages that Kafka now holds from this offset on. If this offset is not known, or is no longer in the log,
// the function returns the beginning of the log.
int64_t first_new_offset(const StoredOffset &stored, const PartitionRange &range) {
    return stored.truncated_to >= range.low && stored.truncated_to <= range.high ? stored.truncated_to
                                                                                 : range.low;
}

// Moves a stored offset to the place that the source's offset_reset requires. After the topic was recreated
// or the log was truncated, ingest has never read the messages from `begin` on. If offset_reset is `latest`,
// the worker skips these messages, so the function writes their offsets to heartbeat_gaps.
void reset(const Source &source, StoredOffset *stored, const PartitionRange &range, OffsetMismatch mismatch,
           const char *reason) {
    bool to_end = source.offset_reset == OffsetReset::latest;
    int64_t begin = mismatch == OffsetMismatch::truncated ? first_new_offset(*stored, range) : range.low;
    int64_t to = to_end ? range.high : begin;
    ereport(WARNING,
            (errcode(ERRCODE_WARNING), errmsg("heartbeat: %s", reason),
             errdetail("The worker continues partition %d at offset %lld, as %s requires.", stored->partition,
                       static_cast<long long>(to), source_calls_reset_name(source)),
             errhidecontext(true)));
    if (mismatch != OffsetMismatch::removed && to_end)
        move(source, stored, begin, reason);
    move(source, stored, to, reason);
}

// Returns true if the range of offsets in the leader's answer is the only sign of a mismatch. A leader can
// serve an old log for a moment, so the worker must check such a mismatch a second time.
bool is_of_range(const StoredOffset &stored, const TopicDescription &topic, OffsetMismatch mismatch) {
    return mismatch != OffsetMismatch::removed && !stored.lost &&
           !offset_mismatch_ids_differ(stored.cluster_id, topic.cluster_id) &&
           !offset_mismatch_ids_differ(stored.topic_id, topic.topic_id);
}

} // namespace

void offset_validation_mark(const KafkaPartitions &partitions, const TopicLoss &loss) {
    const Source &source = *partitions.source;
    const TopicDescription &topic = partitions.topic;
    const char *name = text_from_utf8(loss.topic);
    const char *reason = text_from_utf8(loss.reason.text);
    if (loss.partition >= 0 && loss.lowest >= 0)
        return offsets_mark_truncated(source, name, loss.partition, loss.lowest, loss.position, reason);
    // Kafka holds none of the marked messages. A topic without an id then counts as recreated
    if (loss.partition < 0 || topic.topic_id[0] == '\0')
        return offsets_mark_lost(source, name, reason);
    char truncated[state_text_size];
    offset_mismatch_print_truncated(truncated, loss.partition, name, loss.highest, loss.position);
    offsets_mark_truncated(source, name, loss.partition, 0, loss.position, truncated);
}

OffsetValidation offset_validation_run(StoredOffset *offsets, size_t count, const PartitionRange *ranges,
                                       const KafkaPartitions &partitions, Suspicions *suspicions,
                                       char (&reason)[state_text_size], char (&hint)[state_text_size]) {
    const Source &source = *partitions.source;
    const TopicDescription &topic = partitions.topic;
    if (!find_lost(source, offsets, count, topic, suspicions, reason)) {
        text_copy(hint, suspicion_hint);
        return OffsetValidation::suspected;
    }
    auto *checked = static_cast<int32_t *>(palloc(sizeof(int32_t) * (count + 1)));
    size_t checked_count = 0;
    char found[state_text_size], first_suspicion[state_text_size] = "";
    for (size_t i = 0; i < count; i++) {
        StoredOffset &stored = offsets[i];
        if (stored.partition < topic.partition_count && !partitions_own(partitions, stored.partition))
            suspicion_end(suspicions, stored.partition); // find_lost() may have suspected this partition
        if (!partitions_own(partitions, stored.partition))
            continue;
        const PartitionRange &range = ranges[stored.partition];
        if (range.low < 0)
            continue; // the leader has not answered, or the worker already reads the partition
        checked[checked_count++] = stored.partition;
        OffsetMismatch mismatch = offset_mismatch_find(source, stored, range, topic, found);
        if (mismatch == OffsetMismatch::none) {
            suspicion_end(suspicions, stored.partition);
            continue;
        }
        if (is_of_range(stored, topic, mismatch) && !suspicion_is_confirmed(suspicions, stored.partition)) {
            if (first_suspicion[0] == '\0')
                text_copy(first_suspicion, found);
            continue;
        }
        text_copy(reason, found);
        if (source.offset_reset == OffsetReset::error) {
            if (mismatch == OffsetMismatch::truncated)
                print_truncated_advice(hint, source, stored.partition, first_new_offset(stored, range));
            else
                print_advice(hint, source);
            return OffsetValidation::invalid;
        }
        reset(source, &stored, range, mismatch, reason);
    }
    if (first_suspicion[0] != '\0') {
        text_copy(reason, first_suspicion);
        text_copy(hint, suspicion_hint);
        return OffsetValidation::suspected;
    }
    offsets_set_identity(source, topic, checked, checked_count);
    return OffsetValidation::valid;
}

} // namespace heartbeat
