// Refuses a bookkeeping table that has a trigger of another role, a rule, row level security, or an
// expression that can run code of a role. The extension's owner or the workers' role writes to the
// bookkeeping tables. So the code of another role, for example in a trigger, would run with the rights of the
// owner or of the workers' role. Every function that writes to a bookkeeping table calls user_code_refuse()
// first.
#pragma once

extern "C" {
#include "postgres.h"
}

namespace heartbeat {

// Returns true for a bookkeeping table. Only heartbeat writes to such a table.
bool user_code_is_bookkeeping(Oid table);

// Locks a bookkeeping table for writing, so that no session can change its triggers and rules until the
// transaction ends. Raises an error if the table or one of its table partitions has a trigger of another
// role, a rule, or row level security. Also raises an error for an expression that can run code of a role
// (table_expressions.h), and if such a table does not belong to the extension's owner.
void user_code_refuse(Oid table);

} // namespace heartbeat
