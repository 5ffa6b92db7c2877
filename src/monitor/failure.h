// Recovers a process of heartbeat after an error. Explains the error by its message and by the process or
// object that caused the error. The workers and the process that packs old weeks call these functions when a
// step or a duty fails.
#pragma once

#include "monitor/shared_state.h"
#include "server/clock.h"

extern "C" {
#include "utils/elog.h"
}

namespace heartbeat {

// The last error. Each step or duty that can fail has its own Failure.
struct Failure {
    char message[state_text_size];
    int code;       // the SQLSTATE
    bool is_of_row; // a row has caused the error: see subtransaction_is_row_error()
    MonotonicTime logged_at;
    bool is_of_limit;             // the batch is larger than a limit of the server
    bool is_of_lock;              // the error is a lock timeout
    bool passes;                  // the cause of the error ends by itself (for example, a running pg_dump)
    char advice[state_text_size]; // the parts of the error's hint, detail and context that help a person
    char reason[state_text_size]; // the reason of a state: the error's message and its cause
    char hint[state_text_size];
};

// Ends the failed transaction. Call this function inside PG_CATCH, after process_refuse_cancel().
//
// If may_be_of_row() returns true, a row of the batch can have caused the error. Then the function returns
// false, and does not log the error. The caller stores the batch in smaller and smaller parts, until a part
// has only the row that caused the error, and reports this part's error.
//
// If may_be_of_row() returns false or is nullptr, the function returns true, and logs the error. The caller
// then writes the error to its slot. While the message of the error stays the same, the function logs the
// error at most once a minute.
bool failure_take(Failure *failure, bool (*may_be_of_row)(const ErrorData *) = nullptr);

// Call this function after failure_take(), outside of PG_CATCH. The function finds the process or object that
// caused the error, and sets the reason and the hint.
void failure_explain(Failure *failure);

} // namespace heartbeat
