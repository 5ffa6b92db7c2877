// Checks the tables of a statement before each execution. The owner of a table can rename the table at any
// time. So a name in the statement can later mean a table of another role. statement.cpp calls these
// functions.
#pragma once

#include "server/statement_plan.h"

namespace heartbeat {

// Raises an error if a name in the statement now means a table of another role. Also calls user_code_refuse()
// for each bookkeeping table that the statement writes to.
void statement_check_relations(Statement *statement);

// Returns true if no object that the statement uses has changed since the last parse of the statement. If the
// function returns false, the caller must parse the statement again before it checks the tables. Without the
// new parse, the check would see only the old tables, and the server would plan the statement with unchecked
// tables. That is a danger even before the execution: the planner evaluates column defaults, which can call a
// function of another role.
bool statement_is_valid(const Statement *statement);

} // namespace heartbeat
