// The statements that insert readings, and the bulk insert. rows.cpp and rows_compare.cpp call them, and
// decide what happens with a row that was not inserted.
#pragma once

#include "store/row_list.h"

extern "C" {
#include "postgres.h"
}

namespace heartbeat {

inline constexpr int row_columns_max = 5;

// Makes the parameters of the statements: arrays of customers, heart rates and times, for anomalies an array
// of their types, and last an array of devices, which a database of version 1.x does not take.
void row_inserts_columns(const Rows &rows, Datum *columns);

// Inserts the rows whose key the table does not have. Returns their number. The result of the statement has
// customer, time, heart rate and device of each of them, in the order of the key.
uint64_t row_inserts_new(const Rows &rows);

// Inserts every row, by a bulk insert if that gives the same result. Raises an error if it cannot.
void row_inserts_every(const Rows &rows);

} // namespace heartbeat
