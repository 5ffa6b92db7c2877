// The readings of a batch that go into one table. store.cpp makes these lists. Other files use the lists to
// insert rows and to compare rows.
#pragma once

#include "decode/batch.h"

#include <algorithm>

namespace heartbeat {

// The readings for one table, in the order of the table's primary key. `indexes` has the index of each
// reading in batch->readings. `stored[i]` is true if the reading was stored, and `heart_rates[i]` is then the
// stored heart rate. A user's trigger can change the heart rate before PostgreSQL stores it.
struct Rows {
    Batch *batch;
    uint32_t *indexes;
    size_t count;
    bool *stored;
    double *heart_rates;
    bool anomalies;

    const BatchReading &at(size_t i) const { return batch->readings[indexes[i]]; }
    // Call this function when PostgreSQL has stored row `i` with this heart rate. An earlier attempt may have
    // set `duplicate`, `conflict` or `other_device` of the reading, so the function clears these three
    // fields.
    void take_stored(size_t i, double heart_rate) const {
        BatchReading &reading = batch->readings[indexes[i]];
        reading.duplicate = reading.conflict = reading.other_device = false;
        stored[i] = true;
        heart_rates[i] = heart_rate;
    }
    bool all_stored() const {
        return std::all_of(stored, stored + count, [](bool one) { return one; });
    }
    Rows part(size_t first, size_t rows) const {
        return {batch, indexes + first, rows, stored + first, heart_rates + first, anomalies};
    }
};

} // namespace heartbeat
