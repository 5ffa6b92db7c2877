// Recovers a process of heartbeat after an error, and explains the error: the message, and the process or
// object that caused it. The ingest workers and the maintenance worker call it when a step or a duty fails.
#pragma once

#include "monitor/shared_state.h"

extern "C" {
#include "utils/elog.h"
}

namespace heartbeat {

// The last error. Each step or duty that can fail has its own Failure.
struct Failure {
    char message[state_text_size];
    bool is_of_row; // see subtransaction_is_row_error
    TimestampTz logged_at;
    bool is_of_lock;              // the error is a lock timeout
    bool passes;                  // the cause ends by itself, as a dump does
    char advice[state_text_size]; // the part of the error's hint, detail and context that a person can use
    char reason[state_text_size]; // for a state: the message and the cause
    char hint[state_text_size];
};

// Call it inside PG_CATCH. It ends the failed transaction and reports the error to the slot. It logs the
// error, and logs it again only once a minute while the message stays the same. If may_be_of_row() is true of
// the error, it does not report it yet: the caller tries again, and the error of that attempt is reported.
void failure_take(WorkerSlot *slot, Failure *failure, bool (*may_be_of_row)(const ErrorData *) = nullptr);

// Call it afterwards, outside of PG_CATCH. It finds the process or object that caused the error, and sets the
// reason and the hint.
void failure_explain(Failure *failure);

} // namespace heartbeat
