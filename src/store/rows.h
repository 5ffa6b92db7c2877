// Inserts readings into one table by one statement or one bulk insert. store.cpp and the table layouts call
// it. They decide how to handle a reading that PostgreSQL refuses.
#pragma once

#include "decode/batch.h"

#include <algorithm>

namespace heartbeat {

// The readings for one table, in the order of the table's primary key. `indexes` has the place of each
// reading in batch->readings. `stored` says which readings were stored. `heart_rates` has the stored heart
// rates, because a user's trigger may have changed them.
struct Rows {
    Batch *batch;
    uint32_t *indexes;
    size_t count;
    bool *stored;
    double *heart_rates;
    bool anomalies;

    const BatchReading &at(size_t i) const { return batch->readings[indexes[i]]; }
    bool all_stored() const {
        return std::all_of(stored, stored + count, [](bool one) { return one; });
    }
    Rows part(size_t first, size_t rows) const {
        return {batch, indexes + first, rows, stored + first, heart_rates + first, anomalies};
    }
};

// subtransaction_try() can call these functions, so they have the parameter `argument`. It is a Rows *. The
// functions set `stored` and `heart_rates`, or raise an error.

// Stores every row unchanged. Raises an error if a unique index or a trigger keeps a row out, or if a trigger
// may have changed a row.
void rows_insert_all(void *argument);

// Stores the rows whose key the table does not have yet. If the table still does not have the key of a row
// afterwards, a user-defined index or trigger has kept this row out. The function then raises an error.
void rows_insert_new(void *argument);

} // namespace heartbeat
