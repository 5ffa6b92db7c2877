// Runs work that may fail without failing its transaction. store.cpp calls it for readings that PostgreSQL
// may refuse, and status.cpp for tables that may be unreadable.
#pragma once

#include "server/server.h"

namespace heartbeat {

// A caught error, for a person to read, in the database's encoding.
struct CaughtError {
    char sqlstate[6];
    char message[256];
};

// Runs work(argument) in a subtransaction. If `expected` accepts an error, the function undoes the work, sets
// *caught and returns false. Any other error is raised again.
bool subtransaction_try(void (*work)(void *argument), void *argument,
                        bool (*expected)(const ErrorData *error), CaughtError *caught);

// True for an error that the row causes and not the database's state: a data exception, a constraint, or an
// error that a trigger raises. The class of the SQLSTATE decides this. Such a row fails at every attempt. The
// bounds of a table partition do not count: that error means that another process is just making the
// partition.
bool subtransaction_is_row_error(const ErrorData *error);

} // namespace heartbeat
