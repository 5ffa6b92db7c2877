// Refuses code of other users on the tables of heartbeat's bookkeeping, such as triggers. Such code would run
// as the extension's owner or the workers' role, because that role writes the table. Every function that
// writes to a bookkeeping table calls user_code_refuse() first.
#pragma once

extern "C" {
#include "postgres.h"
}

namespace heartbeat {

// True if only heartbeat writes this table.
bool user_code_is_bookkeeping(Oid table);

// Locks a bookkeeping table for writing, so that no session can change its triggers and rules until the
// transaction ends. Raises an error if the table or one of its partitions has a trigger, a rule, a policy or
// another owner.
void user_code_refuse(Oid table);

} // namespace heartbeat
