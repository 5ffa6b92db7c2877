// What the names in a statement mean, looked at before each execution.
#pragma once

#include "server/statement_plan.h"

namespace heartbeat {

// Raises an error where a name of the statement's has come to mean somebody else's table, or where somebody's
// code is on a table of the bookkeeping that the statement writes to. Afterwards its tables are locked.
void statement_check_relations(Statement *statement);

// Whether nothing has changed since the statement was parsed. Otherwise it is parsed anew before it is looked
// at, since the server would plan it first, and evaluate defaults of columns meanwhile.
bool statement_is_valid(const Statement *statement);

} // namespace heartbeat
