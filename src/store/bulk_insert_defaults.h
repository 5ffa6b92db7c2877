// The columns that a bulk insert's source does not give, and that have a default.
#pragma once

extern "C" {
#include "postgres.h"

#include "executor/executor.h"
#include "utils/relcache.h"
}

namespace heartbeat {

struct BulkInsertDefault {
    int column;            // of the table, from 0
    ExprState *expression; // nullptr: the value is the same for all rows
    Datum value;
    bool null;
};

struct BulkInsertDefaults {
    BulkInsertDefault *items;
    int count;
};

// `given`: the columns that the source gives, from 0. Needs the executor.
BulkInsertDefaults bulk_insert_defaults_find(Relation table, const int *given, int given_count,
                                             EState *estate);

// Sets these columns of the row.
void bulk_insert_defaults_put(const BulkInsertDefaults &defaults, EState *estate, TupleTableSlot *slot);

} // namespace heartbeat
