// Remembers the customers whose readings this process has stored, so that a batch does not write a customer's
// row again. rollup_append.cpp calls it for each customer of a batch.
#pragma once

#include "decode/batch.h"

namespace heartbeat {

struct CustomerNews {
    bool known;   // the customer's row was committed, or this transaction inserts it
    bool to_note; // a row of heartbeat_arrivals is to be written: the last one is no longer valid at `now`
};

// Remembers the customer as known, and, if to_note is set, that its row in heartbeat_arrivals is valid until
// `note_until`. Both times are in seconds since 2000. In a user's session the function remembers nothing, and
// returns false for `known` and `to_note`. The session may undo a part of its transaction. It may also store
// readings that have not just arrived, as heartbeat_replay() does.
CustomerNews customers_meet(const Batch *batch, BatchBytes customer_id, uint32_t now, uint32_t note_until);

} // namespace heartbeat
