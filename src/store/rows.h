// Inserts readings into one table by one statement or one bulk insert. If PostgreSQL refuses a reading, the
// callers (store.cpp and the table layouts) decide what to do.
#pragma once

#include "store/row_list.h"

namespace heartbeat {

// `argument` is a pointer to a Rows: subtransaction_try() needs functions with a parameter void *. Both
// functions set `stored` and `heart_rates` of the Rows, or raise an error.

// Stores every row unchanged. Raises an error if a unique index or a trigger prevents the insert of a row, or
// if a trigger may have changed a row.
void rows_insert_all(void *argument);

// Stores the rows whose key the table does not have yet. Raises an error if the table then does not have the
// key of a row: a user's index or trigger has prevented the insert.
void rows_insert_new(void *argument);

} // namespace heartbeat
