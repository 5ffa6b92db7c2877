// Checks the tables of a statement before each execution. The owner of a table can rename the table at any
// time. So a name in the statement can later mean a table of another role. statement.cpp calls these
// functions.
#pragma once

#include "server/statement_plan.h"

namespace heartbeat {

// Raises an error if a name in the statement now means a table of another role. Locks each bookkeeping table
// that the statement writes to. Raises an error if such a table has a trigger or a rule of another role
// (user_code.h).
void statement_check_relations(Statement *statement);

// Returns true if no object that the statement uses has changed since the last parse of the statement. If the
// function returns false, the caller must first parse the statement again, and then check the tables.
// Otherwise the server would plan the statement before the check. During the planning, the server evaluates
// column defaults. A column default can call a function of another role.
bool statement_is_valid(const Statement *statement);

} // namespace heartbeat
