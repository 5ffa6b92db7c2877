// Adds index entries for rows that bulk_insert_flush() has written to a table. bulk_insert.cpp calls it for
// each chunk of rows.
#pragma once

extern "C" {
#include "postgres.h"

#include "executor/executor.h"
}

namespace heartbeat {

// If a unique index already has a key, this raises an error, as INSERT does.
void bulk_insert_indexes_add(ResultRelInfo *partition, EState *estate, TupleTableSlot **rows, int count);

} // namespace heartbeat
