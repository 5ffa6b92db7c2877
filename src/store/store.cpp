// Stores the readings of a batch in heartbeat_records and heartbeat_anomalies, and calls the other files of
// src/store for dead letters, the rollup and notifications. Usually one call of the table layout inserts all
// rows of a table. If the parameter `isolate` is true, this file instead inserts the rows by halves, to find
// the rows that the database refuses.
#include "server/server.h"

#include "server/arrays.h"
#include "server/extension.h"
#include "server/subtransaction.h"
#include "server/text.h"
#include "store/announce.h"
#include "store/conflicts.h"
#include "store/dead_letters.h"
#include "store/offsets.h"
#include "store/rollup_append.h"
#include "store/rows.h"
#include "store/store.h"
#include "store/tables.h"
#include "store/user_triggers.h"

extern "C" {
#include "utils/memutils.h"
}

namespace heartbeat {

namespace {

// For each table: true if the last batch had rows that the table already had. During a replay, for example,
// the next batch probably has such rows too.
bool replaying_of[2] = {}; // records, anomalies

// store_isolated_messages() repeats its attempt if a message has become a dead letter. Usually two attempts
// are enough. From attempt attempts_max on, each message that repeats a reading of a dead letter becomes a
// dead letter too. Without this limit a batch could need as many attempts as it has messages.
constexpr int attempts_max = 8;

[[noreturn]] void fail_out_of_memory() {
    ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
}

// store_isolated() makes many attempts to insert rows, and each attempt allocates arrays. So each attempt has
// its own memory context, which this function deletes.
bool try_rows(Rows *rows, CaughtError *refusal) {
    MemoryContext attempt =
        AllocSetContextCreate(CurrentMemoryContext, "heartbeat attempt", ALLOCSET_DEFAULT_SIZES);
    MemoryContext before = MemoryContextSwitchTo(attempt);
    bool stored = subtransaction_try(rows_insert_new, rows, subtransaction_is_row_error, refusal);
    MemoryContextSwitchTo(before);
    MemoryContextDelete(attempt);
    return stored;
}

// Tries to store the rows. If the database refuses one of several rows, stores each half of the rows in the
// same way. The message of a single refused row becomes a dead letter. Moves the accepted rows to the front
// of `rows`, and returns their number.
size_t store_isolated(Rows rows) {
    CaughtError refusal;
    if (rows.count == 0 || try_rows(&rows, &refusal))
        return rows.count;
    if (rows.count == 1) {
        // convert the error message, because the texts of a batch are UTF-8
        if (!batch_reject(rows.batch, rows.indexes[0], refusal.sqlstate, text_to_utf8(refusal.message)))
            fail_out_of_memory();
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

// The rows of a batch for each of the two tables.
struct Lists {
    Batch *batch;
    Rows rows[2]; // records, anomalies
};

Rows rows_of(Batch *batch, bool anomalies) {
    auto &indexes = anomalies ? batch->anomalies : batch->records;
    Rows rows = {batch, indexes.data(), indexes.size(), nullptr, nullptr, anomalies};
    rows.stored = static_cast<bool *>(palloc0(rows.count + 1));
    rows.heart_rates = static_cast<double *>(palloc(sizeof(double) * (rows.count + 1)));
    return rows;
}

// Returns false if the attempt must be undone. First case: the database has refused one reading of a message,
// and stored another reading of this message. Second case: a message became a dead letter, and a later
// message with the same reading did not (conflicts_lost_first()).
bool store_lists_isolated(void *argument) {
    auto *lists = static_cast<Lists *>(argument);
    bool whole = true;
    for (bool anomalies : {false, true}) {
        Rows &rows = lists->rows[anomalies];
        rows = rows_of(lists->batch, anomalies);
        rows.count = store_isolated(rows);
        batch_shorten(lists->batch, anomalies, rows.count);
    }
    for (const Rows &rows : lists->rows)
        for (size_t i = 0; whole && i < rows.count; i++)
            whole = !rows.batch->message_of(rows.at(i)).is_dead_letter();
    return whole && !conflicts_lost_first(lists->batch);
}

// Stores either all readings of a message, or no reading of the message. If the database refuses one of a
// message's readings, the message becomes a dead letter. This function then undoes the attempt, makes the
// lists of the batch again without this message, and tries again. A list contains only the first of several
// readings with the same key. If the message of the first reading is now a dead letter, the new list contains
// the second reading. The database can refuse the second reading too, and the function then makes another
// attempt.
void store_isolated_messages(Lists *lists) {
    Batch *batch = lists->batch;
    for (int attempt = 1; !subtransaction_keep_if(store_lists_isolated, lists); attempt++) {
        CHECK_FOR_INTERRUPTS();
        if ((attempt >= attempts_max && !batch_reject_repetitions(batch)) || !batch_seal_again(batch))
            fail_out_of_memory();
    }
}

void store_lists(Lists *lists) {
    for (bool anomalies : {false, true}) {
        lists->rows[anomalies] = rows_of(lists->batch, anomalies);
        if (lists->rows[anomalies].count > 0)
            tables_layout().insert(&lists->rows[anomalies], &replaying_of[anomalies]);
    }
}

// Counts a reading that was not stored, except if its message is a dead letter.
void count_unstored(const Batch *batch, const BatchReading &reading, PartitionCounts *counts) {
    const BatchMessage &message = batch->message_of(reading);
    if (message.is_dead_letter())
        return;
    counts[message.partition_index].duplicates += reading.duplicate;
    counts[message.partition_index].conflicts += reading.conflict;
}

void count_rows(const Rows &rows, PartitionCounts *counts) {
    for (size_t i = 0; i < rows.count; i++) {
        const BatchReading &reading = rows.at(i);
        if (rows.stored[i])
            counts[rows.batch->message_of(reading).partition_index]
                .stored[static_cast<int>(reading.heart_rate_class)]++;
        else
            count_unstored(rows.batch, reading, counts);
    }
}

PartitionCounts *count_all(const Lists &lists) {
    const Batch *batch = lists.batch;
    auto *counts =
        static_cast<PartitionCounts *>(palloc0(sizeof(PartitionCounts) * batch->partitions.size()));
    for (const Rows &rows : lists.rows)
        count_rows(rows, counts);
    for (uint32_t index : batch->repetitions)
        count_unstored(batch, batch->readings[index], counts);
    for (const BatchMessage &message : batch->messages)
        if (!message.is_dead_letter() && !message.left_out)
            counts[message.partition_index].readings += message.readings;
    return counts;
}

} // namespace

PartitionCounts *store_batch(Batch *batch, const Source *source, bool isolate) {
    Lists lists = {batch, {}};
    if (isolate)
        store_isolated_messages(&lists);
    else
        store_lists(&lists);
    conflicts_settle(batch, offsets_have_sources() && !user_triggers_may_change());
    PartitionCounts *counts = count_all(lists);
    announce_anomalies(batch, lists.rows[1].stored);
    if (source != nullptr)
        dead_letters_store(batch, *source, counts);
    if (!batch->minutes.empty())
        rollup_append_store(lists.rows[0], lists.rows[1], source);
    tables_prepare_commit();
    return counts;
}

} // namespace heartbeat
