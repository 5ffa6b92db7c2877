// Server half: compares what the database has stored with what Kafka holds. Kafka is asked before the
// transaction begins, never within it.
#include "server.h"

#include "assignment.h"
#include "storage/offsets.h"
#include "storage/sql.h"

extern "C" {
#include "access/xact.h"
}

namespace heartbeat {

namespace {

constexpr int describe_timeout_ms = 2000; // the answer may wait behind a fetch that waits for messages
constexpr int ranges_timeout_ms = 2000;

bool is_own(const Assignment &assignment, int32_t partition) {
    return partition % assignment.workers == assignment.worker;
}

AssignmentResult give_up(Assignment *assignment, AssignmentResult result, const char *reason,
                         const char *hint) {
    strlcpy(assignment->reason, reason, sizeof(assignment->reason));
    strlcpy(assignment->hint, hint, sizeof(assignment->hint));
    return result;
}

StoredOffset *find(StoredOffset *offsets, size_t count, int32_t partition) {
    for (size_t i = 0; i < count; i++)
        if (offsets[i].partition == partition)
            return &offsets[i];
    return nullptr;
}

// Every worker sees to all partitions here, so that which one is first makes no difference. A partition that
// joins a topic which is being read begins at its beginning: whatever it has came meanwhile.
StoredOffset *load_or_begin(const TopicDescription &topic, const PartitionRange *ranges, size_t *count) {
    StoredOffset *offsets = offsets_load(settings.topic, count);
    bool new_topic = *count == 0;
    bool from_end = new_topic && settings.start_offset == static_cast<int>(StartOffset::latest);
    bool begun = false;
    for (int32_t partition = 0; partition < topic.partition_count; partition++) {
        if (find(offsets, *count, partition) != nullptr)
            continue;
        const PartitionRange &range = ranges[partition];
        offsets_begin(settings.topic, partition, from_end ? range.high : range.low, topic.cluster_id);
        begun = true;
    }
    return begun ? offsets_load(settings.topic, count) : offsets;
}

// Why the stored position cannot be read on from; false where it can.
bool find_doubt(const StoredOffset &stored, const PartitionRange &range, const TopicDescription &topic,
                Assignment *assignment) {
    const char *advice =
        "To go on from another offset: heartbeat_pause(), heartbeat_seek(partition, offset), "
        "heartbeat_resume(); or set heartbeat.offset_reset.";
    bool other_cluster = stored.cluster_id[0] != '\0' && topic.cluster_id[0] != '\0' &&
                         strcmp(stored.cluster_id, topic.cluster_id) != 0;
    if (other_cluster)
        snprintf(
            assignment->reason, sizeof(assignment->reason),
            "the offsets of topic \"%s\" are of Kafka cluster %s, and heartbeat.brokers leads to cluster %s",
            settings.topic, stored.cluster_id, topic.cluster_id);
    else if (stored.lost)
        snprintf(assignment->reason, sizeof(assignment->reason),
                 "topic \"%s\" was deleted, and the one that has its name now is another", settings.topic);
    else if (stored.next_offset < range.low)
        snprintf(assignment->reason, sizeof(assignment->reason),
                 "Kafka no longer holds offset %lld of partition %d of topic \"%s\": it begins at %lld",
                 static_cast<long long>(stored.next_offset), stored.partition, settings.topic,
                 static_cast<long long>(range.low));
    else if (stored.next_offset > range.high)
        snprintf(
            assignment->reason, sizeof(assignment->reason),
            "partition %d of topic \"%s\" ends at %lld, before the stored offset %lld: it was made again",
            stored.partition, settings.topic, static_cast<long long>(range.high),
            static_cast<long long>(stored.next_offset));
    else
        return false;
    strlcpy(assignment->hint, advice, sizeof(assignment->hint));
    return true;
}

// A topic does not lose partitions: one that has fewer than before was deleted and made again. A position
// that a person has given in advance, to a partition that nobody has seen, is of no cluster yet and says
// nothing.
void find_lost(StoredOffset *offsets, size_t count, const TopicDescription &topic) {
    bool fewer = false;
    for (size_t i = 0; i < count; i++)
        fewer = fewer || (offsets[i].partition >= topic.partition_count && !offsets[i].lost &&
                          offsets[i].cluster_id[0] != '\0');
    if (!fewer)
        return;
    offsets_mark_lost(settings.topic);
    for (size_t i = 0; i < count; i++)
        offsets[i].lost = true;
}

// In the transaction. Settles every doubt as heartbeat.offset_reset says; false where it says to stop.
bool settle(StoredOffset *offsets, size_t count, const PartitionRange *ranges, const TopicDescription &topic,
            Assignment *assignment) {
    auto reset = static_cast<OffsetReset>(settings.offset_reset);
    for (size_t i = 0; i < count; i++) {
        StoredOffset &stored = offsets[i];
        if (stored.partition >= topic.partition_count || !is_own(*assignment, stored.partition))
            continue;
        const PartitionRange &range = ranges[stored.partition];
        if (!find_doubt(stored, range, topic, assignment))
            continue;
        if (reset == OffsetReset::error)
            return false;
        int64_t to = reset == OffsetReset::earliest ? range.low : range.high;
        ereport(WARNING, (errmsg("heartbeat: %s", assignment->reason),
                          errdetail("By heartbeat.offset_reset, partition %d goes on at offset %lld.",
                                    stored.partition, static_cast<long long>(to)),
                          errhidecontext(true)));
        offsets_reset(settings.topic, stored.partition, stored.next_offset, to, assignment->reason);
        stored.next_offset = to;
    }
    if (topic.cluster_id[0] != '\0')
        offsets_set_cluster(settings.topic, topic.cluster_id, topic.partition_count, assignment->worker,
                            assignment->workers);
    return true;
}

AssignmentResult assign_own(Consumer *consumer, const StoredOffset *offsets, size_t count,
                            Assignment *assignment) {
    auto *positions = static_cast<PartitionPosition *>(palloc(sizeof(PartitionPosition) * (count + 1)));
    size_t own = 0;
    for (size_t i = 0; i < count; i++)
        if (offsets[i].partition < assignment->partition_count && is_own(*assignment, offsets[i].partition))
            positions[own++] = {offsets[i].partition, offsets[i].next_offset};
    Problem problem;
    if (!consumer_assign(consumer, positions, own, &problem))
        return give_up(assignment, AssignmentResult::unavailable, problem.text, "");
    return AssignmentResult::assigned;
}

void show_watermarks(const PartitionRange *ranges, const Assignment &assignment) {
    for (int32_t partition = assignment.worker; partition < assignment.partition_count;
         partition += assignment.workers)
        shared_state_partition(partition, ranges[partition].high);
}

// What Kafka holds of each of the topic's partitions, palloc'd; nullptr with *problem filled in.
PartitionRange *ask_ranges(Consumer *consumer, int32_t count, Problem *problem) {
    auto *ranges = static_cast<PartitionRange *>(palloc(sizeof(PartitionRange) * static_cast<size_t>(count)));
    for (int32_t partition = 0; partition < count; partition++)
        ranges[partition].partition = partition;
    return topic_ranges(consumer, ranges, static_cast<size_t>(count), ranges_timeout_ms, problem) ? ranges
                                                                                                  : nullptr;
}

AssignmentResult compare_and_assign(Consumer *consumer, const TopicDescription &topic,
                                    const PartitionRange *ranges, Assignment *assignment) {
    Extension extension;
    if (!transaction_begin(&extension, XACT_READ_COMMITTED))
        return AssignmentResult::uninstalled;
    size_t count;
    StoredOffset *offsets = load_or_begin(topic, ranges, &count);
    find_lost(offsets, count, topic);
    AssignmentResult result = settle(offsets, count, ranges, topic, assignment)
                                  ? assign_own(consumer, offsets, count, assignment)
                                  : AssignmentResult::failed;
    transaction_commit();
    return result;
}

} // namespace

AssignmentResult assignment_make(Consumer *consumer, Assignment *assignment) {
    TopicDescription topic;
    Problem problem;
    if (!topic_describe(consumer, describe_timeout_ms, &topic, &problem))
        return give_up(assignment, AssignmentResult::unavailable, problem.text,
                       "Check heartbeat.brokers and that the brokers run; connecting goes on by itself.");
    if (!topic.exists) {
        char reason[state_text_size];
        snprintf(reason, sizeof(reason), "topic \"%s\" does not exist", settings.topic);
        return give_up(assignment, AssignmentResult::unavailable, reason,
                       "Create it, or change heartbeat.topic; it is noticed by itself.");
    }
    assignment->partition_count = topic.partition_count;
    CHECK_FOR_INTERRUPTS(); // each question may take its time, and somebody may wait for this process to end
    PartitionRange *ranges = ask_ranges(consumer, topic.partition_count, &problem);
    if (ranges == nullptr)
        return give_up(assignment, AssignmentResult::unavailable, problem.text, "It is tried again.");
    CHECK_FOR_INTERRUPTS();
    show_watermarks(ranges, *assignment);
    return compare_and_assign(consumer, topic, ranges, assignment);
}

void assignment_mark_lost() {
    Extension extension;
    if (!transaction_begin(&extension, XACT_READ_COMMITTED))
        return;
    offsets_mark_lost(settings.topic);
    transaction_commit();
}

void assignment_refresh_watermarks(Consumer *consumer, const Assignment *assignment) {
    Problem problem;
    PartitionRange *ranges = ask_ranges(consumer, assignment->partition_count, &problem);
    if (ranges != nullptr)
        show_watermarks(ranges, *assignment);
}

} // namespace heartbeat
