// Checks before each execution which tables the names in a statement mean. The owner of a table can rename it
// at any time. So a name can later mean a table of another role. statement.cpp calls it.
#pragma once

#include "server/statement_plan.h"

namespace heartbeat {

// Raises an error if a name in the statement now means a table of another role. Locks each bookkeeping table
// that the statement writes to. Raises an error if such a table has a trigger or a rule of another role
// (user_code.h).
void statement_check_relations(Statement *statement);

// Returns true if nothing that the statement uses has changed since the statement was parsed. If it returns
// false, the caller must parse the statement again before it checks the tables. Otherwise the server would
// plan the statement before the check. The planning evaluates column defaults, which can call functions of
// another role.
bool statement_is_valid(const Statement *statement);

} // namespace heartbeat
