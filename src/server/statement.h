// Executes statements of constant text, and reads their results. All floors above call these functions. This
// file does not depend on the meaning of a statement.
#pragma once

#include "server/statement_plan.h"

namespace heartbeat {

// Executes the statement in the current SPI connection, and returns the number of processed rows. `nulls` may
// be nullptr. Before the execution, the function checks the tables: see statement_check_relations(). After
// the execution, the function raises an error if the result is not `expected` (SPI_OK_...). After a statement
// that writes, the function also raises an error if a table of the extension is unlogged.
uint64_t statement_execute(Statement *statement, const Datum *values, const char *nulls, int expected);

// Raises an error if a statement has returned more rows than fit into the caller's array. Call this function
// before you fill the array.
void statement_check_room(uint64_t rows, uint64_t room);

// The functions below return a value from the rows of the last statement. The first row has the number 0, and
// the first column has the number 1. The owner of a table can change a column's type at any time. So each
// function raises an error if the column does not have the expected type. For NULL, statement_text() returns
// nullptr, and the version of statement_value() with `null` sets *null. Every other function raises an error
// for NULL.
Datum statement_value(uint64_t row, int column, Oid type, bool *null);
Datum statement_value(uint64_t row, int column, Oid type);
bool statement_bool(uint64_t row, int column);
int32_t statement_int4(uint64_t row, int column);
int64_t statement_int8(uint64_t row, int column);
char *statement_text(uint64_t row, int column); // palloc'd; nullptr for NULL

} // namespace heartbeat
