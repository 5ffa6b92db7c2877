// Control wing: from two times to offsets, and whether Kafka still holds what lies between.
#include "server.h"

#include "control/kafka_session.h"
#include "control/replay_plan.h"
#include "control/replay_read.h"
#include "settings.h"
#include "storage/offsets.h"
#include "storage/sql.h"
#include "text.h"

extern "C" {
#include "lib/stringinfo.h"
}

namespace heartbeat {

namespace {

constexpr int ranges_timeout_ms = 5000;

Statement select_gaps = {"SELECT from_offset, to_offset FROM @extschema@.heartbeat_gaps"
                         " WHERE topic = $1 AND partition = $2 AND from_offset < $4 AND to_offset > $3"
                         " ORDER BY from_offset",
                         4,
                         {TEXTOID, INT4OID, INT8OID, INT8OID},
                         0,
                         nullptr};

// A partition as Kafka and heartbeat_offsets have it.
struct Partition {
    StoredOffset stored;
    PartitionRange range;
    int64_t from; // the first offset at or after the span's times
    int64_t to;
    bool removed;             // Kafka may have held more of the span
    int64_t first_kafka_time; // of what it holds; -1: it holds nothing
};

[[noreturn]] void refuse_topic(const char *detail) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("topic \"%s\" is not the one that was read", settings.topic),
                    errdetail("%s", detail), errhint("heartbeat_status says how to go on.")));
}

void check_identity(const StoredOffset &stored, const TopicDescription &topic, const PartitionRange &range) {
    if (stored.lost)
        refuse_topic(stored.lost_reason);
    TopicDescription read = {};
    text_copy(read.cluster_id, stored.cluster_id);
    text_copy(read.topic_id, stored.topic_id);
    if (!topic_is_same(read, topic))
        refuse_topic("The cluster's id or the topic's has changed.");
    if (stored.next_offset > range.high)
        refuse_topic(psprintf("Partition %d ends at %lld, before the stored offset %lld.", stored.partition,
                              static_cast<long long>(range.high),
                              static_cast<long long>(stored.next_offset)));
}

int64_t to_kafka_time(TimestampTz time) {
    return std::max<int64_t>((to_unix_microseconds(time) + 999) / 1000, 0);
}

int64_t offset_at(Consumer *consumer, int32_t partition, TimestampTz time) {
    CHECK_FOR_INTERRUPTS();
    PartitionPosition position = {partition, 0};
    Problem problem = {};
    if (!topic_offsets_at(consumer, to_kafka_time(time), &position, 1, ranges_timeout_ms, &problem))
        kafka_session_refuse(problem.text);
    return position.offset;
}

// Where nothing was ever removed, or something earlier than the span is still there, all of the span is.
void look_for_removed(Consumer *consumer, const ReplaySpan &span, Partition *partition) {
    partition->first_kafka_time = -1;
    if (partition->range.low == 0 || partition->from > partition->range.low)
        return;
    if (partition->range.low == partition->range.high) {
        // the last message read was before the span
        const Witness &last = partition->stored.witness;
        partition->removed = last.offset < 0 || last.kafka_time >= to_kafka_time(span.from);
        return;
    }
    partition->first_kafka_time = replay_first_time(consumer, partition->stored.partition, partition->range);
    partition->removed = partition->first_kafka_time > to_kafka_time(span.from);
}

Partition look_at(Consumer *consumer, const ReplaySpan &span, const StoredOffset &stored,
                  const TopicDescription &topic) {
    Partition partition = {stored, {stored.partition, 0, 0}, 0, 0, false, -1};
    if (stored.partition >= topic.partition_count)
        refuse_topic(psprintf("It has %d partitions, and partition %d was read.", topic.partition_count,
                              stored.partition));
    Problem problem = {};
    CHECK_FOR_INTERRUPTS();
    if (!topic_ranges(consumer, &partition.range, 1, ranges_timeout_ms, &problem))
        kafka_session_refuse(problem.text);
    check_identity(stored, topic, partition.range);
    partition.from = offset_at(consumer, stored.partition, span.from);
    // what ingest has not reached is its own
    partition.to = std::min(offset_at(consumer, stored.partition, span.to), stored.next_offset);
    look_for_removed(consumer, span, &partition);
    return partition;
}

void append_held(StringInfo text, const Partition &partition) {
    appendStringInfo(text, "%sPartition %d ", text->len == 0 ? "" : " ", partition.stored.partition);
    if (partition.first_kafka_time < 0)
        appendStringInfo(text, "holds nothing before offset %lld.",
                         static_cast<long long>(partition.range.high));
    else
        appendStringInfo(text, "begins at offset %lld, of %s.", static_cast<long long>(partition.range.low),
                         timestamptz_to_str(to_timestamptz(partition.first_kafka_time * 1000)));
}

void refuse_removed(const Partition *partitions, size_t count) {
    StringInfoData held;
    initStringInfo(&held);
    for (size_t i = 0; i < count; i++)
        if (partitions[i].removed)
            append_held(&held, partitions[i]);
    if (held.len > 0)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("Kafka no longer holds all of that time of topic \"%s\"", settings.topic),
                        errdetail("%s", held.data),
                        errhint("Begin later, or replay the other partitions one by one.")));
}

void add_piece(ReplayPlan *plan, int32_t partition, int64_t from, int64_t to, bool skipped) {
    plan->pieces =
        plan->pieces == nullptr
            ? static_cast<ReplayPiece *>(palloc(sizeof(ReplayPiece)))
            : static_cast<ReplayPiece *>(repalloc(plan->pieces, sizeof(ReplayPiece) * (plan->count + 1)));
    plan->pieces[plan->count++] = {partition, from, std::max(from, to), skipped};
}

// What ingest has never read is new to its counters; the rest was counted.
void add_pieces(ReplayPlan *plan, const Partition &partition) {
    int32_t number = partition.stored.partition;
    int64_t at = partition.from;
    if (at >= partition.to)
        return add_piece(plan, number, at, at, false);
    if (at < partition.stored.first_offset) {
        int64_t end = std::min(partition.to, partition.stored.first_offset);
        add_piece(plan, number, at, end, true);
        at = end;
    }
    Datum values[4] = {CStringGetTextDatum(settings.topic), Int32GetDatum(number), Int64GetDatum(at),
                       Int64GetDatum(partition.to)};
    uint64_t gaps = statement_execute(&select_gaps, values, nullptr, SPI_OK_SELECT);
    for (uint64_t i = 0; i < gaps; i++) {
        int64_t begin = std::clamp(statement_int8(i, 1), at, partition.to);
        int64_t end = std::clamp(statement_int8(i, 2), at, partition.to);
        if (begin > at)
            add_piece(plan, number, at, begin, false);
        if (end > begin)
            add_piece(plan, number, begin, end, true);
        at = std::max(at, end);
    }
    SPI_freetuptable(SPI_tuptable);
    if (at < partition.to)
        add_piece(plan, number, at, partition.to, false);
}

} // namespace

ReplayPlan replay_plan(Consumer *consumer, const ReplaySpan &span) {
    size_t stored;
    StoredOffset *offsets = offsets_load(settings.topic, &stored);
    TopicDescription topic = kafka_session_describe(consumer);
    auto *partitions = static_cast<Partition *>(palloc(sizeof(Partition) * (stored + 1)));
    size_t count = 0;
    for (size_t i = 0; i < stored; i++)
        if (span.partition < 0 || offsets[i].partition == span.partition)
            partitions[count++] = look_at(consumer, span, offsets[i], topic);
    if (count == 0 && span.partition >= 0)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                 errmsg("partition %d of topic \"%s\" has not been read", span.partition, settings.topic),
                 errhint("heartbeat_partitions shows those that have been.")));
    refuse_removed(partitions, count);
    ReplayPlan plan = {nullptr, 0};
    for (size_t i = 0; i < count; i++)
        add_pieces(&plan, partitions[i]);
    return plan;
}

} // namespace heartbeat
