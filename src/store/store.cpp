// Stores the readings of a batch in heartbeat_records and heartbeat_anomalies, and calls the other files of
// src/store for dead letters, the rollup and notifications. Usually the table layout inserts all rows at
// once. If the caller asks for isolation, this file inserts the rows by halves.
#include "server/server.h"

#include "server/arrays.h"
#include "server/extension.h"
#include "server/subtransaction.h"
#include "server/text.h"
#include "store/announce.h"
#include "store/dead_letters.h"
#include "store/rollup_append.h"
#include "store/rows.h"
#include "store/store.h"
#include "store/tables.h"

extern "C" {
#include "utils/memutils.h"
}

namespace heartbeat {

namespace {

// True if the last batch had rows that were already stored. The next batch then probably also has such rows,
// for example in a replay. A batch without such rows clears the flag.
bool replaying_of[2] = {}; // records, anomalies

// Uses a memory context of its own. The store tries a refused batch again in smaller and smaller halves. This
// takes many attempts, and each attempt allocates arrays.
bool try_rows(Rows *rows, CaughtError *refusal) {
    MemoryContext attempt =
        AllocSetContextCreate(CurrentMemoryContext, "heartbeat attempt", ALLOCSET_DEFAULT_SIZES);
    MemoryContext before = MemoryContextSwitchTo(attempt);
    bool stored = subtransaction_try(rows_insert_new, rows, subtransaction_is_row_error, refusal);
    MemoryContextSwitchTo(before);
    MemoryContextDelete(attempt);
    return stored;
}

// Stores the rows by halves until it has found each row that the database refuses. Moves the accepted rows to
// the front, and returns their number.
size_t store_isolated(Rows rows) {
    CaughtError refusal;
    if (rows.count == 0 || try_rows(&rows, &refusal))
        return rows.count;
    if (rows.count == 1) {
        // convert the message, because the texts of a batch are UTF-8
        if (!batch_reject(rows.batch, rows.indexes[0], refusal.sqlstate, text_to_utf8(refusal.message)))
            ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
        return 0;
    }
    size_t half = rows.count / 2;
    size_t left = store_isolated(rows.part(0, half));
    size_t right = store_isolated(rows.part(half, rows.count - half));
    std::copy(rows.indexes + half, rows.indexes + half + right, rows.indexes + left);
    std::copy(rows.stored + half, rows.stored + half + right, rows.stored + left);
    std::copy(rows.heart_rates + half, rows.heart_rates + half + right, rows.heart_rates + left);
    return left + right;
}

void count_rows(const Rows &rows, PartitionCounts *counts) {
    for (size_t i = 0; i < rows.count; i++) {
        const BatchMessage &message = rows.at(i);
        PartitionCounts &partition = counts[message.partition_index];
        if (rows.stored[i])
            partition.stored[static_cast<int>(message.heart_rate_class)]++;
        else
            partition.duplicates++;
    }
}

// Stores the readings of one list, and removes the refused readings from the list.
Rows store_list(Batch *batch, bool anomalies, bool isolate, PartitionCounts *counts) {
    auto &indexes = anomalies ? batch->anomalies : batch->records;
    Rows rows = {batch, indexes.data(), indexes.size(), nullptr, nullptr, anomalies};
    rows.stored = static_cast<bool *>(palloc0(rows.count + 1));
    rows.heart_rates = static_cast<double *>(palloc(sizeof(double) * (rows.count + 1)));
    if (isolate) {
        rows.count = store_isolated(rows);
        batch_shorten(batch, anomalies, rows.count);
    } else if (rows.count > 0) {
        tables_layout().insert(&rows, &replaying_of[anomalies]);
    }
    count_rows(rows, counts);
    return rows;
}

} // namespace

PartitionCounts *store_batch(Batch *batch, const char *topic, bool isolate) {
    auto *counts =
        static_cast<PartitionCounts *>(palloc0(sizeof(PartitionCounts) * batch->partitions.size()));
    Rows records = store_list(batch, false, isolate, counts);
    Rows anomalies = store_list(batch, true, isolate, counts);
    // If a reading was refused, batch_reject() has also converted its duplicates into dead letters. So they
    // do not count as duplicates here.
    for (const BatchMessage &message : batch->messages)
        counts[message.partition_index].duplicates += message.duplicate;
    announce_anomalies(batch, anomalies.stored);
    if (topic != nullptr && !batch->dead_letters.empty())
        dead_letters_store(batch, topic, counts);
    if (!batch->minutes.empty())
        rollup_append_store(records, anomalies);
    tables_prepare_commit();
    return counts;
}

} // namespace heartbeat
