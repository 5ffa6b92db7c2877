// Decides whether bulk_insert_rows() and INSERT have the same result for a table. bulk_insert.cpp calls this
// file before it stores a row. If the results could differ, row_inserts.cpp uses INSERT.
#pragma once

extern "C" {
#include "postgres.h"

#include "nodes/execnodes.h"
#include "utils/relcache.h"
}

namespace heartbeat {

// Returns true if the table has no rules, no generated columns and no statement-level triggers for INSERT.
// The table must not be a table partition of another table. The current user must have the right INSERT on
// the whole table, not only on single columns, and no row security may apply to this user.
bool bulk_insert_suits_table(Relation table);

// Returns true if the table partition is a plain table with the columns of its parent. It must have no
// row-level triggers, no generated columns, no exclusion constraints and no deferrable keys.
bool bulk_insert_suits_partition(ResultRelInfo *partition, EState *estate);

} // namespace heartbeat
