// The put_row() of a bulk insert sets only some columns of the table. This file sets the other columns that
// have a default. bulk_insert.cpp calls this file.
#pragma once

extern "C" {
#include "postgres.h"

#include "executor/executor.h"
#include "utils/relcache.h"
}

namespace heartbeat {

struct BulkInsertDefault {
    int column;            // the table's column, counted from 0
    ExprState *expression; // nullptr: the value is the same for all rows
    Datum value;
    bool null;
};

struct BulkInsertDefaults {
    BulkInsertDefault *items;
    int count;
};

// `given` has the numbers of the columns that put_row() sets, counted from 0.
BulkInsertDefaults bulk_insert_defaults_find(Relation table, const int *given, int given_count,
                                             EState *estate);

// Sets each column of `defaults` in the row of `slot`.
void bulk_insert_defaults_put(const BulkInsertDefaults &defaults, EState *estate, TupleTableSlot *slot);

} // namespace heartbeat
