// Inserts rows from memory into a partitioned table, many rows at a time, as the server's COPY does.
// row_inserts.cpp calls this file for readings, and move.cpp writes rows with bulk_insert_flush(). INSERT
// stores one row at a time, and takes twice as long as a bulk insert. COPY needs the rows in its own format
// first, and takes a fifth longer than a bulk insert.
#pragma once

extern "C" {
#include "postgres.h"

#include "executor/executor.h"
#include "utils/relcache.h"

struct BulkInsertStateData;
}

#include <cstddef>

namespace heartbeat {

inline constexpr int load_columns_max = 5;

struct BulkInsertSource {
    size_t rows;
    int columns; // the number of columns that put_row() sets; the other columns get their defaults
    const char *names[load_columns_max];
    Oid types[load_columns_max];
    // Sets the values of one row, in the order of `names`. No value is NULL.
    void (*put_row)(void *argument, size_t row, Datum *values);
    void *argument;
};

// Stores all rows of `source` as the current user, and keeps the order of the rows within each table
// partition. If the table already has the key of a row, the function raises an error, as INSERT does. In four
// cases the result could differ from the result of INSERT: the function then stores nothing and returns
// false. (1) The table has INSERT triggers, rules, row security, generated columns, exclusion constraints or
// deferrable keys. (2) The user has the right INSERT only on single columns. (3) A column has another type
// than in `types`. (4) A table partition has partitions of its own, or is not a plain table with the columns
// of its parent.
bool bulk_insert_rows(Relation table, const BulkInsertSource &source);

// Writes rows that already satisfy the table's constraints, adds their index entries, and clears the slots.
void bulk_insert_flush(ResultRelInfo *table, EState *estate, TupleTableSlot **rows, int count,
                       BulkInsertStateData *bulk);

} // namespace heartbeat
