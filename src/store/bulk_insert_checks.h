// Decides whether bulk_insert_rows() does the same to a table as INSERT does. bulk_insert.cpp calls it before
// it stores a row. If the answer is no, the caller uses INSERT.
#pragma once

extern "C" {
#include "postgres.h"

#include "nodes/execnodes.h"
#include "utils/relcache.h"
}

namespace heartbeat {

// True if the table has no rules, generated columns or statement-level triggers, and if neither row security
// nor grants on single columns apply to the current user.
bool bulk_insert_suits_table(Relation table);

// True if the partition is a plain table with the columns of its parent, and has no row-level triggers,
// generated columns, exclusion constraints or deferrable keys.
bool bulk_insert_suits_partition(ResultRelInfo *partition, EState *estate);

} // namespace heartbeat
