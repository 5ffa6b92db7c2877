// Divides the offsets that a replay reads into replay pieces (replay_piece.h). A new replay piece begins
// where a range in heartbeat_gaps begins, where this range ends, and at the first offset that ingest has
// read. replay.cpp calls this file before it reads messages.
#include "server/server.h"

#include "admin/replay_plan.h"
#include "admin/replay_removed.h"
#include "server/statement.h"

namespace heartbeat {

namespace {

constexpr Statement::Types gap_types = {TEXTOID, INT4OID, INT8OID, INT8OID, TEXTOID};
constexpr const char *select_gaps_sql = R"sql(
    SELECT from_offset, to_offset FROM @extschema@.heartbeat_gaps
    WHERE topic = $1 AND partition = $2 AND from_offset < $4 AND to_offset > $3@source@
    ORDER BY from_offset)sql";

// The tables of heartbeat 1.1 and 1.2 have no column for the source: all rows belong to the source `default`.
constexpr StatementPart of_source = {"@source@", R"sql( AND source = $5)sql"};
constexpr StatementPart of_any = {"@source@", R"sql( AND $5 = 'default')sql"};

Statement select_gaps = {gap_types, {of_source}, select_gaps_sql};
Statement select_old_gaps = {gap_types, {of_any}, select_gaps_sql};

void add_piece(ReplayPlan *plan, int32_t partition, int64_t from, int64_t to, bool skipped) {
    plan->pieces =
        plan->pieces == nullptr
            ? static_cast<ReplayPiece *>(palloc(sizeof(ReplayPiece)))
            : static_cast<ReplayPiece *>(repalloc(plan->pieces, sizeof(ReplayPiece) * (plan->count + 1)));
    plan->pieces[plan->count++] = {partition, from, std::max(from, to), skipped, plan->rows};
}

// Adds the replay pieces of one partition. If `skipped` of a replay piece is false, the counters in
// heartbeat_offsets have already counted its messages.
void add_pieces(ReplayPlan *plan, const Source &source, const ReplayPartition &partition) {
    int32_t number = partition.stored.partition;
    int64_t at = partition.from;
    if (at >= partition.to)
        return add_piece(plan, number, at, at, false);
    if (at < partition.stored.first_offset) {
        int64_t end = std::min(partition.to, partition.stored.first_offset);
        add_piece(plan, number, at, end, true);
        at = end;
    }
    Datum values[5] = {CStringGetTextDatum(source.topic), Int32GetDatum(number), Int64GetDatum(at),
                       Int64GetDatum(partition.to), CStringGetTextDatum(source.name)};
    uint64_t gaps = statement_execute(offsets_have_sources() ? &select_gaps : &select_old_gaps, values,
                                      nullptr, SPI_OK_SELECT);
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
    size_t count;
    ReplayPartition *partitions = replay_partitions_find(consumer, span, &count);
    replay_removed_refuse(span.source, consumer, partitions, count);
    ReplayPlan plan = {nullptr, 0, 0};
    for (; plan.rows < count; plan.rows++)
        add_pieces(&plan, span.source, partitions[plan.rows]);
    return plan;
}

} // namespace heartbeat
