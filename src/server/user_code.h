// Code of others on the tables of heartbeat's own bookkeeping. It would run as the role that
// writes there, which is the extension's owner or the workers' role, so whatever writes there looks first,
// and refuses.
#pragma once

extern "C" {
#include "postgres.h"
}

namespace heartbeat {

// Whether it is one of the tables that nobody but heartbeat writes.
bool user_code_is_bookkeeping(Oid table);

// Locks a bookkeeping table for writing, so that nobody changes what is looked at until the transaction ends,
// and raises an error where a trigger, a rule, a policy or another owner is found on it or on one of its
// partitions.
void user_code_refuse(Oid table);

} // namespace heartbeat
