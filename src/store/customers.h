// The customers whom batches of this process have met.
#pragma once

#include "decode/batch.h"

namespace heartbeat {

struct CustomerNews {
    bool known;   // the customer's row is there, or comes with this transaction
    bool to_note; // the customer was heard, and no note says so as late as now
};

// From now on the customer is known, and noted until `note_until`, in whole seconds since 2000. A session may
// undo a part of its transaction, so it remembers nothing; and what it stores, as a replay does, has not just
// arrived.
CustomerNews customers_meet(const Batch *batch, BatchBytes customer_id, uint32_t now, uint32_t note_until);

} // namespace heartbeat
