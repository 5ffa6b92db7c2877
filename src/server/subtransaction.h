// Runs work in a subtransaction, so that an error in this work does not end the transaction. store.cpp stores
// readings in a subtransaction, because PostgreSQL can refuse readings. status.cpp reads tables in a
// subtransaction, because a session cannot always read these tables.
#pragma once

#include "server/server.h"

namespace heartbeat {

// A caught error as a text for a person, in the database's encoding.
struct CaughtError {
    char sqlstate[6];
    char message[256];
    char detail[384]; // empty: the error has no detail
};

// Runs work(argument) in a subtransaction. If the work raises an error and expected(error) returns true, the
// function undoes the work, sets *caught and returns false. If expected(error) returns false, the function
// raises the error again.
bool subtransaction_try(void (*work)(void *argument), void *argument,
                        bool (*expected)(const ErrorData *error), CaughtError *caught);

// Runs work(argument) in a subtransaction. If work() returns false, the function undoes the work. Returns the
// result of work(). If work() raises an error, the function raises the error again.
bool subtransaction_keep_if(bool (*work)(void *argument), void *argument);

// Returns true if a row has caused the error. Such a row fails at every attempt. Returns false if the state
// of the database has caused the error. The class of the SQLSTATE decides this. A row causes data exceptions,
// violated constraints, and errors that a trigger raises. The function also returns false if the row is
// outside the bounds of its table partition. Another process is then creating a table partition for the row,
// so a later attempt can succeed.
bool subtransaction_is_row_error(const ErrorData *error);

} // namespace heartbeat
