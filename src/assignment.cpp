// Server half: compares what the database has stored with what Kafka holds. Kafka is asked before the
// transaction begins, never within it.
#include "server.h"

#include "assignment.h"
#include "control/progress.h"
#include "doubt.h"
#include "storage/sql.h"
#include "text.h"

extern "C" {
#include "access/xact.h"
}

namespace heartbeat {

namespace {

constexpr int describe_timeout_ms = 2000; // the answer may wait behind a fetch that waits for messages
constexpr int ranges_timeout_ms = 2000;
constexpr size_t partitions_told_max = 16;
constexpr int64_t witness_reach = 100000; // offsets

AssignmentResult give_up(Assignment *assignment, AssignmentResult result, const char *reason,
                         const char *hint) {
    text_copy(assignment->reason, reason);
    text_copy(assignment->hint, hint);
    return result;
}

AssignmentResult give_up(Assignment *assignment, AssignmentResult result, const Problem &problem,
                         const char *hint) {
    return give_up(assignment, result, text_from_utf8(problem.text), hint);
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
        offsets_begin(settings.topic, partition, from_end ? range.high : range.low, topic);
        begun = true;
    }
    return begun ? offsets_load(settings.topic, count) : offsets;
}

// Not where it is too far back: what was aborted since would be fetched again each time.
MessageMark usable_witness(const StoredOffset &stored, const PartitionRange &range) {
    bool usable = stored.witness.offset >= range.low && stored.witness.offset < stored.next_offset &&
                  stored.next_offset - stored.witness.offset <= witness_reach;
    return usable ? stored.witness : MessageMark{};
}

PartitionPosition position_of(const StoredOffset &stored, const PartitionRange &range) {
    PartitionPosition position = {stored.partition, stored.next_offset, usable_witness(stored, range)};
    position.trail = stored.trail;
    position.log_begin = range.low;
    position.log_end = range.high;
    return position;
}

// One line in the log, for a person who asks later where it began.
void tell_positions(const PartitionPosition *positions, size_t own, const PartitionRange *ranges) {
    StringInfoData line;
    initStringInfo(&line);
    for (size_t i = 0; i < std::min(own, partitions_told_max); i++)
        appendStringInfo(&line, "%s%d at %lld of %lld", i == 0 ? ": partition " : ", ",
                         positions[i].partition, static_cast<long long>(positions[i].offset),
                         static_cast<long long>(ranges[positions[i].partition].high));
    if (own > partitions_told_max)
        appendStringInfo(&line, ", and %zu more", own - partitions_told_max);
    ereport(LOG,
            (errmsg("heartbeat: reads topic \"%s\"%s", settings.topic, line.data), errhidecontext(true)));
}

AssignmentResult assign_own(Consumer *consumer, const StoredOffset *offsets, size_t count,
                            const PartitionRange *ranges, Assignment *assignment) {
    auto *positions = static_cast<PartitionPosition *>(palloc(sizeof(PartitionPosition) * (count + 1)));
    size_t own = 0;
    for (size_t i = 0; i < count; i++)
        if (assignment_has(*assignment, offsets[i].partition))
            positions[own++] = position_of(offsets[i], ranges[offsets[i].partition]);
    Problem problem;
    if (!consumer_assign(consumer, positions, own, &problem))
        return give_up(assignment, AssignmentResult::unavailable, problem, "");
    for (size_t i = 0; i < own; i++)
        progress_position(positions[i].partition, positions[i].offset, positions[i].witness.kafka_time);
    if (!assignment->told)
        tell_positions(positions, own, ranges);
    assignment->told = true;
    return AssignmentResult::assigned;
}

void show_watermarks(const PartitionRange *ranges, const Assignment &assignment) {
    for (int32_t partition = assignment.worker; partition < assignment.topic.partition_count;
         partition += assignment.workers)
        progress_watermark(partition, ranges[partition].high);
}

// What Kafka holds of each of the topic's partitions, palloc'd; nullptr with *problem filled in.
PartitionRange *ask_ranges(Consumer *consumer, int32_t count, Problem *problem) {
    auto *ranges = static_cast<PartitionRange *>(palloc(sizeof(PartitionRange) * static_cast<size_t>(count)));
    for (int32_t partition = 0; partition < count; partition++)
        ranges[partition].partition = partition;
    return topic_ranges(consumer, ranges, static_cast<size_t>(count), ranges_timeout_ms, problem) ? ranges
                                                                                                  : nullptr;
}

AssignmentResult compare_and_assign(Consumer *consumer, const PartitionRange *ranges,
                                    Assignment *assignment) {
    Extension extension;
    if (!transaction_begin(&extension, XACT_READ_COMMITTED))
        return AssignmentResult::uninstalled;
    size_t count;
    StoredOffset *offsets = load_or_begin(assignment->topic, ranges, &count);
    AssignmentResult result = doubts_settle(offsets, count, ranges, assignment)
                                  ? assign_own(consumer, offsets, count, ranges, assignment)
                                  : AssignmentResult::failed;
    transaction_commit();
    return result;
}

} // namespace

AssignmentResult assignment_make(Consumer *consumer, Assignment *assignment) {
    TopicDescription found;
    Problem problem;
    if (!topic_describe(consumer, describe_timeout_ms, &found, &problem))
        return give_up(assignment, AssignmentResult::unreachable, problem, brokers_hint);
    if (!found.exists) {
        char reason[state_text_size];
        text_print(reason, sizeof(reason), "topic \"%s\" does not exist", settings.topic);
        return give_up(assignment, AssignmentResult::unavailable, reason,
                       "Create it, or change heartbeat.topic; it is noticed by itself.");
    }
    // librdkafka that fetches by a topic's id gets nothing of one that is made again under its eyes
    bool is_other = !topic_is_same(assignment->topic, found);
    assignment->topic = found;
    if (is_other)
        return AssignmentResult::outdated;
    CHECK_FOR_INTERRUPTS(); // each question may take its time, and somebody may wait for this process to end
    PartitionRange *ranges = ask_ranges(consumer, found.partition_count, &problem);
    if (ranges == nullptr)
        return give_up(assignment, AssignmentResult::unavailable, problem, "It is tried again.");
    CHECK_FOR_INTERRUPTS();
    show_watermarks(ranges, *assignment);
    return compare_and_assign(consumer, ranges, assignment);
}

void assignment_mark_lost(const Assignment &assignment, const TopicLoss *losses, int count) {
    Extension extension;
    if (!transaction_begin(&extension, XACT_READ_COMMITTED))
        return;
    for (int i = 0; i < count; i++)
        doubt_mark(assignment.topic, losses[i]);
    transaction_commit();
}

void assignment_refresh_watermarks(Consumer *consumer, Assignment *assignment) {
    Problem problem;
    bool seen = assignment->topic.partition_count > 0; // not by a worker that was paused when it started
    if (!seen && (!topic_describe(consumer, describe_timeout_ms, &assignment->topic, &problem) ||
                  !assignment->topic.exists)) {
        assignment->topic.partition_count = 0;
        return;
    }
    PartitionRange *ranges = ask_ranges(consumer, assignment->topic.partition_count, &problem);
    if (ranges != nullptr)
        show_watermarks(ranges, *assignment);
}

} // namespace heartbeat
