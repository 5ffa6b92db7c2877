// Inserts readings into one table by one statement or one bulk insert. store.cpp and the table layouts call
// this file, and decide how to handle a reading that PostgreSQL refuses.
#pragma once

#include "store/row_list.h"

namespace heartbeat {

// subtransaction_try() can call these functions, so the functions have the parameter `argument`: a pointer to
// a Rows. The functions set `stored` and `heart_rates`, or raise an error.

// Stores every row unchanged. Raises an error if a unique index or a trigger prevents the insert of a row, or
// if a trigger may have changed a row.
void rows_insert_all(void *argument);

// Stores the rows whose key the table does not have yet. Then looks for the keys of all rows in the table. If
// a key is missing, a user-defined index or trigger has kept the row out of the table. The function then
// raises an error.
void rows_insert_new(void *argument);

} // namespace heartbeat
