// Compares each reading that was not inserted with the stored reading. rows.cpp calls this file.
#pragma once

#include "store/row_list.h"

namespace heartbeat {

// For each reading of `rows` that was not stored, sets `duplicate` or `conflict`, and `stored_heart_rate`.
// Raises an error if the table has no row with the key of the reading. In this case a user's index or trigger
// has prevented the insert.
void rows_compare(const Rows &rows);

} // namespace heartbeat
