// Readings into one table, by one statement.
#pragma once

#include "decode/batch.h"

namespace heartbeat {

// Readings of one table, in key order: which, whether they were stored, and with which heart rate, which a
// user's trigger may have changed.
struct Rows {
    Batch *batch;
    uint32_t *indexes;
    size_t count;
    bool *stored;
    double *heart_rates;
    bool anomalies;

    const BatchMessage &at(size_t i) const { return batch->messages[indexes[i]]; }
    Rows part(size_t first, size_t rows) const {
        return {batch, indexes + first, rows, stored + first, heart_rates + first, anomalies};
    }
};

// These take Rows *, as the work of a subtransaction may. They fill in `stored` and
// `heart_rates` or raise an error.

// Every row as it is, or an error where a unique index or a trigger keeps one of them out or may have changed
// one.
void rows_insert_all(void *argument);

// Those that are new. A row that is not stored, and whose key the table does not have either, is an error:
// users may have added indexes and triggers that keep rows out.
void rows_insert_new(void *argument);

} // namespace heartbeat
