// The statements that insert readings, and the bulk insert. rows.cpp and rows_compare.cpp call these
// functions, and decide what happens with a row that was not inserted.
#pragma once

#include "store/row_list.h"

extern "C" {
#include "postgres.h"
}

namespace heartbeat {

inline constexpr int row_columns_max = 5;

// Makes the parameters of the INSERT statements: arrays of customers, heart rates, times and devices. For
// anomalies, an array of anomaly types comes before the devices. The statements for a database of version 1.x
// do not use the devices.
void row_inserts_columns(const Rows &rows, Datum *columns);

// Inserts the rows whose key the table does not have. Returns the number of inserted rows. The result of the
// statement has the customer, time, heart rate and device of each inserted row, in the order of the key.
uint64_t row_inserts_new(const Rows &rows);

// Inserts every row. Uses a bulk insert if its result is the same as the result of INSERT. Raises an error if
// the database refuses a row.
void row_inserts_every(const Rows &rows);

} // namespace heartbeat
