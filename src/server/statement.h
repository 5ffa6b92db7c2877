// Executes statements of constant text, and reads what they gave.
#pragma once

#include "server/statement_plan.h"

namespace heartbeat {

// Executes it in the current SPI connection; raises an error unless it ends with the expected code
// (SPI_OK_...). Returns the rows processed. nulls may be nullptr. Before, an error where a name means
// somebody else's table, or where somebody's code is on a table of the bookkeeping that it writes to.
uint64_t statement_execute(Statement *statement, const Datum *values, const char *nulls, int expected);

// A value of the rows that the last statement gave: rows are counted from 0, columns from 1. The owner of a
// table can change a column's type at any time, so each of these raises an error where the column is not of
// the type. Those without `null` also raise one where the value is NULL.
Datum statement_value(uint64_t row, int column, Oid type, bool *null);
Datum statement_value(uint64_t row, int column, Oid type);
bool statement_bool(uint64_t row, int column);
int32_t statement_int4(uint64_t row, int column);
int64_t statement_int8(uint64_t row, int column);
char *statement_text(uint64_t row, int column); // palloc'd; nullptr for NULL

} // namespace heartbeat
