// Remembers the customers whose readings this process has stored. A batch inserts a row into
// heartbeat_rollup_pending for each new customer, even a row with 0 readings, so that heartbeat counts the
// customer. A remembered customer needs no row with 0 readings. rollup_append.cpp calls this file for each
// customer of a batch.
#pragma once

#include "decode/batch.h"

namespace heartbeat {

struct CustomerNews {
    bool known;   // an earlier transaction or this transaction has inserted a row for the customer
    bool to_note; // the interval since the last row in heartbeat_arrivals is over: insert a new row
};

// Remembers the customer as known, for this source: a customer can have readings in several sources. If
// `to_note` of the result is true, the function remembers `note_until`: until this time, heartbeat_arrivals
// needs no new row for the customer. `now` and `note_until` are seconds of the monotonic clock. In a user's
// session the function remembers nothing, and returns false for `known` and `to_note`. The session can undo a
// part of its transaction, and the customer then has no row. Also, heartbeat_replay() stores readings that
// arrived long ago, and these must not write the present time to heartbeat_arrivals.
CustomerNews customers_meet(const Batch *batch, BatchBytes customer_id, int32_t source_id, uint32_t now,
                            uint32_t note_until);

} // namespace heartbeat
