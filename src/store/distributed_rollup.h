// The fold of the rollup where Citus has distributed the tables, and the customers that a rollup has found.
// rollup.cpp and rollup_rebuild.cpp call it.
#pragma once

#include "server/extension.h"

namespace heartbeat {

// Call it in a transaction. Moves rows of heartbeat_rollup_pending to heartbeat_rollup, few enough to keep
// the transaction short. True: more rows remain.
bool rollup_distributed_fold();

// Call it in a transaction. Adds the new ones of these customers to heartbeat_customers. The array has each
// customer once.
void rollup_distributed_customers(Datum customers);

} // namespace heartbeat
