// A piece of work that may fail without failing its transaction.
#pragma once

#include "server/server.h"

namespace heartbeat {

// An error that was caught, for a person, in the database's encoding.
struct CaughtError {
    char sqlstate[6];
    char message[256];
};

// Runs work(argument) in a subtransaction. An error that `expected` says yes to undoes the work and returns
// false with *caught filled in; any other error is raised on.
bool subtransaction_try(void (*work)(void *argument), void *argument,
                        bool (*expected)(const ErrorData *error), CaughtError *caught);

// Errors that are about the row that is being stored, not about the database's state: data exceptions,
// constraints, and what a trigger raises, by the class of their SQLSTATE. Trying such a row again does not
// help. A partition's own bounds are none of them: they say that a partition is being made.
bool subtransaction_is_row_error(const ErrorData *error);

} // namespace heartbeat
