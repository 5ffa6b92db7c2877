// Compares the offsets in heartbeat_offsets with the offsets that Kafka holds, and assigns Kafka partitions.
// This file asks Kafka before it begins a transaction, and never inside a transaction.
#include "server/server.h"

#include "ingest/assignment.h"
#include "ingest/leader_questions.h"
#include "ingest/offset_validation.h"
#include "ingest/stored_positions.h"
#include "ingest/topic_watch.h"
#include "monitor/worker_stats.h"
#include "server/extension.h"
#include "server/text.h"
#include "server/transaction.h"
#include "store/pause.h"

extern "C" {
#include "access/xact.h"
}

namespace heartbeat {

namespace {

constexpr size_t partitions_told_max = 16;

AssignmentResult give_up(Assignment *assignment, AssignmentResult result, const char *reason,
                         const char *hint) {
    text_copy(assignment->reason, reason);
    text_copy(assignment->hint, hint);
    return result;
}

AssignmentResult give_up(Assignment *assignment, AssignmentResult result, const Error &error,
                         const char *hint) {
    return give_up(assignment, result, text_from_utf8(error.text), hint);
}

// Logs one line with the offsets at which the worker begins to read the partitions.
void tell_positions(const PartitionPosition *positions, size_t own, const KafkaPartitions &partitions) {
    StringInfoData line;
    initStringInfo(&line);
    for (size_t i = 0; i < std::min(own, partitions_told_max); i++)
        appendStringInfo(&line, "%s%d at %lld of %lld", i == 0 ? ": partition " : ", ",
                         positions[i].partition, static_cast<long long>(positions[i].offset),
                         static_cast<long long>(partitions.partition[positions[i].partition].range.high));
    if (own > partitions_told_max)
        appendStringInfo(&line, ", and %zu more", own - partitions_told_max);
    ereport(LOG, (errcode(ERRCODE_SUCCESSFUL_COMPLETION),
                  errmsg("heartbeat: reads topic \"%s\"%s", partitions.source->topic, line.data),
                  errhidecontext(true)));
}

// Returns true if the partition belongs to this worker, the worker does not read the partition yet, and the
// leader has reported the partition's offsets.
bool can_join(const Assignment &assignment, int32_t partition) {
    const KafkaPartition &known = assignment.partitions.partition[partition];
    return assignment_has(assignment, partition) && !known.read && known.range.low >= 0;
}

AssignmentResult assign_own(Consumer *consumer, const StoredOffset *offsets, size_t count, bool join,
                            Assignment *assignment) {
    KafkaPartition *partitions = assignment->partitions.partition;
    auto *positions = static_cast<PartitionPosition *>(palloc(sizeof(PartitionPosition) * (count + 1)));
    size_t own = 0;
    for (size_t i = 0; i < count; i++)
        if (can_join(*assignment, offsets[i].partition))
            positions[own++] = stored_positions_of(offsets[i], partitions[offsets[i].partition].range);
    Error error;
    if (!(join ? consumer_join(consumer, positions, own, &error)
               : consumer_assign(consumer, positions, own, &error)))
        return give_up(assignment, AssignmentResult::unavailable, error, "");
    MonotonicTime now = monotonic_now();
    for (size_t i = 0; i < own; i++) {
        KafkaPartition *partition = &partitions[positions[i].partition];
        partition->read = true;
        partition->away = partition->trouble_until > now;
        partition->ask_at = now;
        worker_stats_position(partitions_key(assignment->partitions, positions[i].partition),
                              positions[i].offset, positions[i].last_message.kafka_time);
    }
    if (!assignment->told)
        tell_positions(positions, own, assignment->partitions);
    assignment->told = true;
    return AssignmentResult::assigned;
}

AssignmentResult compare_and_assign(Consumer *consumer, bool join, Assignment *assignment) {
    Extension extension;
    if (!transaction_begin(&extension, XACT_READ_COMMITTED))
        return AssignmentResult::uninstalled;
    SourceState state = pause_check(*assignment->partitions.source, assignment->waits_for_change);
    if (state == SourceState::changed || state == SourceState::busy) {
        // do not call stored_positions_load(): it would store offsets, possibly for a dropped source
        transaction_abandon();
        return state == SourceState::busy ? AssignmentResult::busy : AssignmentResult::changed;
    }
    size_t count;
    StoredOffset *offsets = stored_positions_load(assignment->partitions, &count);
    int32_t partitions = assignment->partitions.topic.partition_count;
    auto *ranges =
        static_cast<PartitionRange *>(palloc(sizeof(PartitionRange) * static_cast<size_t>(partitions)));
    for (int32_t i = 0; i < partitions; i++)
        ranges[i] = can_join(*assignment, i) ? assignment->partitions.partition[i].range
                                             : PartitionRange{i, -1, -1}; // unknown range: not validated
    AssignmentResult result = AssignmentResult::failed;
    switch (offset_validation_run(offsets, count, ranges, assignment->partitions,
                                  &assignment->suspected_ranges, assignment->reason, assignment->hint)) {
    case OffsetValidation::valid:
        result = assign_own(consumer, offsets, count, join, assignment);
        break;
    case OffsetValidation::suspected:
        leader_questions_ask_anew(&assignment->partitions);
        result = AssignmentResult::unavailable;
        break;
    case OffsetValidation::invalid:
        break;
    }
    transaction_commit();
    return result;
}

AssignmentResult answer_news(TopicNews news, const Error &error, Assignment *assignment) {
    char reason[state_text_size];
    switch (news) {
    case TopicNews::missing:
        text_print(reason, sizeof(reason), "topic \"%s\" does not exist",
                   assignment->partitions.source->topic);
        return give_up(
            assignment, AssignmentResult::unavailable, reason,
            assignment->partitions.source->own_topic
                ? "Create the topic, or correct the source with heartbeat_alter_source(). heartbeat "
                  "then continues automatically."
                : "Create the topic, or correct heartbeat.topic. heartbeat then continues "
                  "automatically.");
    case TopicNews::other:
        return AssignmentResult::outdated;
    case TopicNews::unreachable:
        return give_up(assignment, AssignmentResult::unreachable, error,
                       assignment_brokers_hint(*assignment->partitions.source));
    case TopicNews::none:
    case TopicNews::found:
    case TopicNews::fewer: // offset_validation_run() finds the missing partitions and explains them
        break;
    }
    return AssignmentResult::asking;
}

bool has_own(const Assignment &assignment) {
    bool own = false;
    partitions_each_own(assignment.partitions, [&](int32_t) { own = true; });
    return own;
}

} // namespace

const char *assignment_brokers_hint(const Source &source) {
    return psprintf(
        "Check that the brokers run, and check %s and the file of %s. heartbeat tries to connect again "
        "automatically. It reads a changed file after a reload of the configuration.",
        source_brokers_name(source), source_config_file_name(source));
}

AssignmentResult assignment_make(Consumer *consumer, Assignment *assignment) {
    KafkaPartitions *partitions = &assignment->partitions;
    Error error = {};
    TopicNews news = topic_watch_look(partitions, consumer, &error);
    AssignmentResult result = answer_news(news, error, assignment);
    bool asked_anyway = result == AssignmentResult::unreachable && partitions->known;
    if (!partitions->known || (result != AssignmentResult::asking && !asked_anyway))
        return result;
    partitions_take_moves(partitions);
    leader_questions_ask(partitions, consumer, true, false);
    partitions_show(*partitions, PartitionState::asked);
    if (partitions_gather(*partitions))
        return AssignmentResult::asking;
    if (partitions->topic_is_old)
        return result;
    if (has_own(*assignment) && !partitions_to_join(*partitions)) {
        if (!partitions_explain(*partitions, assignment->reason, assignment->hint))
            return AssignmentResult::asking;
        return AssignmentResult::unavailable;
    }
    return compare_and_assign(consumer, false, assignment);
}

bool assignment_tend(Consumer *consumer, Assignment *assignment) {
    KafkaPartitions *partitions = &assignment->partitions;
    Error error = {};
    TopicNews news = topic_watch_look(partitions, consumer, &error);
    if (news == TopicNews::missing || news == TopicNews::other || news == TopicNews::fewer)
        return true;
    partitions_take_moves(partitions);
    bool taken = consumer_assign_state(consumer, &error) == AssignState::taken;
    PartitionTrouble trouble;
    if (taken && consumer_next_trouble(consumer, &trouble)) {
        partitions_trouble(partitions, trouble);
        if (!consumer_leave(consumer, trouble.partition, &error))
            return true;
    }
    leader_questions_ask(partitions, consumer, false, false);
    partitions_show(*partitions, PartitionState::asked);
    return false;
}

AssignmentResult assignment_join(Consumer *consumer, Assignment *assignment) {
    return compare_and_assign(consumer, true, assignment);
}

void assignment_mark_lost(const Assignment &assignment, const TopicLoss *losses, int count) {
    Extension extension;
    if (!transaction_begin(&extension, XACT_READ_COMMITTED))
        return;
    bool changed = pause_check(*assignment.partitions.source, true) == SourceState::changed;
    for (int i = 0; i < count && !changed; i++)
        offset_validation_mark(assignment.partitions, losses[i]);
    transaction_commit();
}

void assignment_refresh_watermarks(Consumer *consumer, Assignment *assignment) {
    KafkaPartitions *partitions = &assignment->partitions;
    Error error = {};
    topic_watch_look(partitions, consumer, &error);
    if (!partitions->known)
        return;
    partitions_take_moves(partitions);
    leader_questions_ask(partitions, consumer, false, true);
    partitions_show(*partitions, PartitionState::paused);
}

void assignment_forget(Consumer *consumer, Assignment *assignment) {
    topic_watch_forget(&assignment->partitions, consumer);
}

} // namespace heartbeat
