// Adds index entries for rows that bulk_insert_flush() has written to a table. bulk_insert.cpp calls this
// file for each chunk of rows.
#pragma once

extern "C" {
#include "postgres.h"

#include "executor/executor.h"
}

namespace heartbeat {

// Raises an error, as INSERT does, if a unique index already has the key of a row.
void bulk_insert_indexes_add(ResultRelInfo *partition, EState *estate, TupleTableSlot **rows, int count);

} // namespace heartbeat
