// A batch becomes rows of heartbeat_records and heartbeat_anomalies, and of what goes with
// them.
#include "server/server.h"

#include "server/arrays.h"
#include "server/extension.h"
#include "server/subtransaction.h"
#include "server/text.h"
#include "store/announce.h"
#include "store/dead_letters.h"
#include "store/distribution.h"
#include "store/rollup_append.h"
#include "store/rows.h"
#include "store/store.h"
#include "store/user_triggers.h"

extern "C" {
#include "utils/memutils.h"
}

namespace heartbeat {

namespace {

// Below this, ON CONFLICT costs less than the subtransaction that a plain insert needs.
constexpr size_t plain_insert_min = 256;

// A batch met rows that were stored already, so the next one probably will: a replay. Cleared by one that
// does not.
bool replaying_of[2] = {}; // records, anomalies

// Rows are being copied to the nodes, or were when an error came.
bool copying_to_nodes = false;

bool is_kept_out(const ErrorData *error) {
    return error->sqlerrcode == ERRCODE_UNIQUE_VIOLATION ||
           error->sqlerrcode == ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION;
}

bool all_stored(const Rows &rows) {
    return std::all_of(rows.stored, rows.stored + rows.count, [](bool stored) { return stored; });
}

// Citus reports a row that a node refuses as an error inside the server, and of a session that a node has
// lost it can say the same. So no subtransaction is tried here, which only the first of both would survive:
// the whole batch is undone, and stored again with care.
void store_rows_on_nodes(Rows *rows, bool *replaying) {
    if (!*replaying && !user_triggers_present()) {
        *replaying = copying_to_nodes = true;
        rows_insert_all(rows);
        *replaying = copying_to_nodes = false;
        return;
    }
    rows_insert_new(rows);
    *replaying = !all_stored(*rows);
}

// Since offsets keep Kafka from delivering twice, a conflict is rare: the plain insert, which costs two
// thirds of ON CONFLICT, is tried first.
void store_rows(Rows *rows) {
    CaughtError conflict;
    bool &replaying = replaying_of[rows->anomalies];
    if (distribution_is_active()) {
        store_rows_on_nodes(rows, &replaying);
        return;
    }
    if (rows->count >= plain_insert_min && !replaying && !user_triggers_present() &&
        subtransaction_try(rows_insert_all, rows, is_kept_out, &conflict))
        return;
    rows_insert_new(rows);
    replaying = !all_stored(*rows);
}

// Reading by reading, a batch has many tries, and each leaves its arrays.
bool try_rows(Rows *rows, CaughtError *refusal) {
    MemoryContext attempt =
        AllocSetContextCreate(CurrentMemoryContext, "heartbeat attempt", ALLOCSET_DEFAULT_SIZES);
    MemoryContext before = MemoryContextSwitchTo(attempt);
    bool stored = subtransaction_try(rows_insert_new, rows, subtransaction_is_row_error, refusal);
    MemoryContextSwitchTo(before);
    MemoryContextDelete(attempt);
    return stored;
}

// By halves, down to the rows that the database refuses. Returns how many of the rows are left, moved to the
// front.
size_t store_isolated(Rows rows) {
    CaughtError refusal;
    if (rows.count == 0 || try_rows(&rows, &refusal))
        return rows.count;
    if (rows.count == 1) {
        // the texts of a batch are UTF-8
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

// Stores the readings of one list; takes those off it that were refused.
Rows store_list(Batch *batch, std::vector<uint32_t> &indexes, bool anomalies, bool isolate,
                PartitionCounts *counts) {
    Rows rows = {batch, indexes.data(), indexes.size(), nullptr, nullptr, anomalies};
    rows.stored = static_cast<bool *>(palloc0(rows.count + 1));
    rows.heart_rates = static_cast<double *>(palloc(sizeof(double) * (rows.count + 1)));
    if (isolate) {
        rows.count = store_isolated(rows);
        indexes.resize(rows.count);
    } else if (rows.count > 0) {
        store_rows(&rows);
    }
    count_rows(rows, counts);
    return rows;
}

} // namespace

PartitionCounts *store_batch(Batch *batch, const char *topic, bool isolate) {
    auto *counts =
        static_cast<PartitionCounts *>(palloc0(sizeof(PartitionCounts) * batch->partitions.size()));
    Rows records = store_list(batch, batch->records, false, isolate, counts);
    Rows anomalies = store_list(batch, batch->anomalies, true, isolate, counts);
    for (const BatchMessage &message : batch->messages) // a refused reading has taken its duplicates along
        counts[message.partition_index].duplicates += message.duplicate;
    announce_anomalies(batch, anomalies.stored);
    if (topic != nullptr && !batch->dead_letters.empty())
        dead_letters_store(batch, topic, counts);
    if (!batch->minutes.empty())
        rollup_append_store(records, anomalies);
    distribution_commit_durably();
    return counts;
}

bool store_may_be_refused(const ErrorData *error) {
    bool copying = copying_to_nodes;
    copying_to_nodes = false;
    return copying && error->sqlerrcode == ERRCODE_INTERNAL_ERROR;
}

} // namespace heartbeat
