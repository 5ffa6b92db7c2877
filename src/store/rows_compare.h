// Compares the readings that were not inserted with the readings that the table has. rows.cpp calls it.
#pragma once

#include "store/row_list.h"

namespace heartbeat {

// Sets `duplicate` or `conflict` of each reading that was not stored, with the stored heart rate. Raises an
// error if the table does not have the key of such a reading, because then a user's index or trigger has
// prevented the insert.
void rows_compare(const Rows &rows);

} // namespace heartbeat
