// The fold of the rollup where Citus has distributed the tables, and the customers that any
// rollup has met.
#pragma once

#include "server/extension.h"

namespace heartbeat {

// In a transaction: what ingest has appended to heartbeat_rollup_pending, so much of it at once that it stays
// short, is moved to heartbeat_rollup. True: there is more.
bool rollup_distributed_fold();

// In a transaction: adds those of an array of customers, each in it once, that are new.
void rollup_distributed_customers(Datum customers);

} // namespace heartbeat
