// Finds expressions of a bookkeeping table that could run code of another role: conditions of triggers
// (WHEN), constraints, defaults, generated columns, indexes, partition keys and statistics. Also finds types
// of columns that could run code of another role. user_code.cpp calls this file.
#pragma once

extern "C" {
#include "postgres.h"

#include "utils/relcache.h"
}

namespace heartbeat {

// Returns a text that names such an expression or column type, for example `constraint "positive"`. Returns
// nullptr if the table has no such expression and no such column type. The catalog does not show which role
// has written an expression. Even a function of the server can run code of a role: query_to_xml() runs any
// query. So an expression of the table may use only two kinds of functions: immutable functions of the
// server, and the functions that heartbeat's own defaults use. If the table has no such expression, the
// function remembers this until the table changes.
const char *table_expressions_find(Relation table);

} // namespace heartbeat
