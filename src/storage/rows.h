// Storage wing: readings into one table, by one statement.
#pragma once

#include "stream/batch.h"

namespace heartbeat {

// Readings of one table, in key order: which, and whether they were stored.
struct Rows {
    Batch *batch;
    uint32_t *indexes;
    size_t count;
    bool *stored;
    bool anomalies;

    const BatchMessage &at(size_t i) const { return batch->messages[indexes[i]]; }
};

// These take Rows *, as the work of a subtransaction may. They fill in `stored` or raise an error.

// Every row, or an error where a unique index or a trigger keeps one of them out.
void rows_insert_all(void *argument);

// Those that are new. A row that is not stored, and whose key the table does not have either, is an error:
// users may have added indexes and triggers that keep rows out.
void rows_insert_new(void *argument);

} // namespace heartbeat
