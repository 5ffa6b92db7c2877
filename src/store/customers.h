// Remembers the customers whose readings this process has stored. For a customer that this process does not
// remember, a batch always inserts a row into heartbeat_rollup_pending, even a row with 0 readings, so that
// heartbeat counts the customer. For a remembered customer, a batch inserts no row with 0 readings.
// rollup_append.cpp calls this file for each customer of a batch.
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
// session the function remembers nothing, and returns false for `known` and `to_note`. There are two reasons.
// First, the session can undo a part of its transaction, and the customer then has no row. Second, the
// session can store readings that arrived long ago, as heartbeat_replay() does. heartbeat_arrivals must not
// get the present time for such readings.
CustomerNews customers_meet(const Batch *batch, BatchBytes customer_id, int32_t source_id, uint32_t now,
                            uint32_t note_until);

} // namespace heartbeat
