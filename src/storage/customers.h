// Storage wing: the customers whom batches of this process have met.
#pragma once

#include "stream/batch.h"

namespace heartbeat {

// Whether the customer's row is there, or comes with this transaction; from now on it is known. A session may
// undo a part of its transaction, so it remembers nothing.
bool customers_is_known(const Batch *batch, BatchBytes customer_id);

} // namespace heartbeat
