// Rows into a partitioned table, a page at a time as the server's COPY stores them, but from
// memory: INSERT, which stores one row at a time, takes twice as long, and COPY's own format a fifth.
#pragma once

extern "C" {
#include "postgres.h"

#include "executor/executor.h"
#include "utils/relcache.h"

struct BulkInsertStateData;
}

#include <cstddef>

namespace heartbeat {

inline constexpr int load_columns_max = 4;

struct BulkInsertSource {
    size_t rows;
    int columns; // how many the source gives; the others get their defaults
    const char *names[load_columns_max];
    Oid types[load_columns_max];
    // Sets the row's values, none of them NULL, in the order of the names.
    void (*put_row)(const void *argument, size_t row, Datum *values);
    const void *argument;
};

// Stores all rows of the source, in its order within each partition, as the current user. A key that is
// stored already is an error, as with INSERT. False, and nothing is stored, where that would not be what
// INSERT does: where there are triggers, rules, row security, grants on columns, generated columns, deferred
// keys, a column of another type, a partition that is no table like its parent, or partitions of partitions.
bool bulk_insert_rows(Relation table, const BulkInsertSource &source);

// Writes rows that have passed the table's constraints, with their index entries, and clears them.
void bulk_insert_flush(ResultRelInfo *table, EState *estate, TupleTableSlot **rows, int count,
                       BulkInsertStateData *bulk);

} // namespace heartbeat
