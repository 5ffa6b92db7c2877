// Index entries for rows that bulk_insert_rows has written.
#pragma once

extern "C" {
#include "postgres.h"

#include "executor/executor.h"
}

namespace heartbeat {

// A key that is stored already is an error, as with INSERT.
void bulk_insert_indexes_add(ResultRelInfo *partition, EState *estate, TupleTableSlot **rows, int count);

} // namespace heartbeat
