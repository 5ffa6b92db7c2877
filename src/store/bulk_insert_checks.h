// Whether bulk_insert_rows would do to a table what INSERT does.
#pragma once

extern "C" {
#include "postgres.h"

#include "nodes/execnodes.h"
#include "utils/relcache.h"
}

namespace heartbeat {

// No rules, row security, grants on columns, generated columns or triggers for each statement, for the
// current user.
bool bulk_insert_suits_table(Relation table);

// A table like its parent, without triggers, generated columns, exclusion constraints and deferrable keys.
bool bulk_insert_suits_partition(ResultRelInfo *partition, EState *estate);

} // namespace heartbeat
