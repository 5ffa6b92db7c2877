// Checks before each execution which tables the names in a statement mean. A user can rename tables at any
// time. So a name can later mean a table of another user. statement.cpp calls it.
#pragma once

#include "server/statement_plan.h"

namespace heartbeat {

// Raises an error if a name in the statement now means a table of another user. Locks each bookkeeping table
// that the statement writes to, and raises an error if such a table has code of another user.
void statement_check_relations(Statement *statement);

// Returns true if nothing has changed since the statement was parsed. If it returns false, the caller must
// parse the statement again before it checks the tables. If the caller did not do this, the server would plan
// the statement before the check, and would evaluate column defaults during the planning.
bool statement_is_valid(const Statement *statement);

} // namespace heartbeat
