// Stores a batch that a replay has read, except the messages that are unresolved dead letters. For each
// partition this file counts the stored rows, the duplicates and the dead letters. replay.cpp calls this file
// for each batch.
#include "server/server.h"

#include "admin/replay_store.h"
#include "server/statement.h"
#include "server/transaction.h"
#include "store/counter_adjustments.h"
#include "store/offsets.h"
#include "store/store.h"

namespace heartbeat {

namespace {

// The counters have already counted the message of an unresolved dead letter. If the replay stored the
// readings of this message, the counters would count the message a second time. So the replay leaves out this
// message, and only heartbeat_retry_dead_letters() can store the readings. A dead letter with the code
// CONFLICT is different, because the counters have counted the readings of its message. So the replay stores
// this message like any other message.
constexpr Statement::Types unresolved_types = {TEXTOID, INT4OID, INT8OID, INT8OID, TEXTOID};
constexpr const char *select_unresolved_sql = R"sql(
    SELECT "offset" FROM @extschema@.heartbeat_dead_letters
    WHERE topic = $1 COLLATE "C"@source@ AND partition = $2 AND "offset" >= $3 AND "offset" < $4
        AND resolved_at IS NULL AND error_code <> 'CONFLICT')sql";

// The tables of heartbeat 1.1 and 1.2 have no column for the source: all rows belong to the source `default`.
constexpr StatementPart of_source = {"@source@", R"sql( AND source = $5)sql"};
constexpr StatementPart of_any = {"@source@", R"sql( AND $5 = 'default')sql"};

Statement select_unresolved = {unresolved_types, {of_source}, select_unresolved_sql};
Statement select_old_unresolved = {unresolved_types, {of_any}, select_unresolved_sql};

void leave_out_dead_letters(Batch *batch, const Source &source, const BatchPartition &read) {
    Datum values[5] = {CStringGetTextDatum(source.topic), Int32GetDatum(read.partition),
                       Int64GetDatum(read.first_offset), Int64GetDatum(read.next_offset),
                       CStringGetTextDatum(source.name)};
    uint64_t count = statement_execute(offsets_have_sources() ? &select_unresolved : &select_old_unresolved,
                                       values, nullptr, SPI_OK_SELECT);
    for (uint64_t i = 0; i < count; i++)
        batch_leave_out(batch, read.partition, statement_int8(i, 1));
    SPI_freetuptable(SPI_tuptable);
}

// Adds the number of the batch's offsets to `rewound`, like a seek to an earlier offset. If `skipped` is
// false, ingest has already read these offsets, and the counters have counted each reading. So each reading
// now counts as a duplicate, even if its row was deleted and the replay has stored it again. counts.conflicts
// has the readings in conflict, but not those of messages that were already in heartbeat_dead_letters (see
// dead_letters.cpp).
void count_read(CounterAdjustment *adjustment, const BatchPartition &read, const PartitionCounts &counts,
                bool skipped) {
    adjustment->rewound += read.next_offset - read.first_offset;
    adjustment->empty_offsets += read.next_offset - read.first_offset - read.messages;
    adjustment->messages += partition_messages(read, counts);
    adjustment->ignored += read.ignored;
    adjustment->dead_letters += counts.dead_letters;
    adjustment->readings += counts.readings;
    adjustment->conflicts += counts.conflicts;
    int64_t stored = 0;
    for (int i = 0; skipped && i < heart_rate_classes; i++) {
        adjustment->stored[i] += counts.stored[i];
        stored += counts.stored[i];
    }
    adjustment->duplicates += counts.readings - counts.conflicts - stored;
    if (stored > 0) {
        counter_adjustments_event(adjustment, read.first_event);
        counter_adjustments_event(adjustment, read.last_event);
    }
}

// Adds the batch's counts of one partition to the counter adjustments and to the result.
void count(CounterAdjustment *adjustment, const BatchPartition &read, const PartitionCounts &counts,
           bool skipped, ReplayProgress *progress) {
    count_read(adjustment, read, counts, skipped);
    int64_t records = counts.stored[static_cast<int>(HeartRateClass::normal)], anomalies = -records;
    for (int64_t stored : counts.stored)
        anomalies += stored;
    progress->messages += read.messages;
    progress->records += records;
    progress->anomalies += anomalies;
    progress->dead_letters += counts.dead_letters;
    progress->duplicates += counts.duplicates;
    progress->conflicts += counts.conflicts;
    progress->ignored += read.ignored;
}

} // namespace

void replay_store(const ReplayReader &reader, HTAB *adjustments, ReplayProgress *all) {
    Batch *batch = reader.batch;
    for (const BatchPartition &read : batch->partitions)
        leave_out_dead_letters(batch, reader.source, read);
    if (!batch_seal(batch))
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    ActingRole before;
    role_enter(&before);
    const PartitionCounts *counts = store_batch(batch, &reader.source, true);
    role_leave(before);
    for (size_t i = 0; i < batch->partitions.size(); i++) {
        const BatchPartition &read = batch->partitions[i];
        const ReplayPiece &piece = *replay_find_piece(&reader, read.partition);
        count(counter_adjustments_of(adjustments, reader.source.name, reader.source.topic, read.partition,
                                     false),
              read, counts[i], piece.skipped, &all[piece.row]);
    }
}

} // namespace heartbeat
