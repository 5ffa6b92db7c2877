// Checks before each execution which tables the names in a statement mean. A user can rename tables at any
// time, so a name can come to mean a table of another user. statement.cpp calls it.
#pragma once

#include "server/statement_plan.h"

namespace heartbeat {

// Raises an error if a name in the statement now means a table of another user, or if a bookkeeping table
// that the statement writes to has code of another user. When it returns, these bookkeeping tables are
// locked.
void statement_check_relations(Statement *statement);

// Returns true if nothing has changed since the statement was parsed. If it returns false, the caller parses
// the statement again before it checks the tables. Otherwise the server would plan the statement first, and
// would evaluate column defaults then.
bool statement_is_valid(const Statement *statement);

} // namespace heartbeat
