// Compares each reading that was not inserted with the stored reading. rows.cpp calls this file.
#pragma once

#include "store/row_list.h"

namespace heartbeat {

// For each reading that was not stored, sets `duplicate` or `conflict`, and the stored heart rate. If the
// table does not have the key of such a reading, a user's index or trigger has prevented the insert. The
// function then raises an error.
void rows_compare(const Rows &rows);

} // namespace heartbeat
