// What a process of heartbeat makes of an error: what it says of it, and who or what is in the way.
#pragma once

#include "monitor/shared_state.h"

extern "C" {
#include "utils/elog.h"
}

namespace heartbeat {

// What was wrong when something failed the last time; each thing that may fail has its own.
struct Failure {
    char message[state_text_size];
    bool is_of_row; // see subtransaction_is_row_error
    TimestampTz logged_at;
    bool is_of_lock;              // a wait for a lock took too long
    bool passes;                  // what is in the way ends by itself, as a dump does
    char advice[state_text_size]; // what the error's own hint, detail and context say that a person can use
    char reason[state_text_size]; // for a state: the message, and what is in the way
    char hint[state_text_size];
};

// Inside PG_CATCH: ends the failed transaction and tells of the error; the log has it once a minute while it
// stays the same. An error of which may_be_of_row says so is told only when it comes again.
void failure_take(WorkerSlot *slot, Failure *failure, bool (*may_be_of_row)(const ErrorData *) = nullptr);

// After that, outside of PG_CATCH: finds who or what is in the way, and sets the reason and the hint.
void failure_explain(Failure *failure);

} // namespace heartbeat
