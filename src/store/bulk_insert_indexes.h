// Index entries for rows that load_rows has written.
#pragma once

extern "C" {
#include "postgres.h"

#include "executor/executor.h"
}

namespace heartbeat {

// A key that is stored already is an error, as with INSERT.
void load_indexes_insert(ResultRelInfo *partition, EState *estate, TupleTableSlot **rows, int count);

} // namespace heartbeat
