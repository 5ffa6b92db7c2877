// What the three kinds of process (launcher, maintenance, ingest worker) have in common.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

inline constexpr char library_name[] = "heartbeat";

// Signal handlers, then signals; connects to the database (nullptr: to the shared catalogs only) with
// settings that no user's defaults can spoil; takes the slot. Ends the process where somebody else has the
// slot.
void process_start(const char *database, WorkerSlot *slot);

// Interrupts and a reload of the configuration, if due; true if it was reloaded. Ends the process where the
// postmaster has died.
bool process_interrupts();

// What pg_stat_activity shows as wait_event, by a name of its own from PostgreSQL 17 on.
enum class ProcessWait { messages, rest };
uint32_t process_wait_event(ProcessWait wait);

// Sleeps until the latch is set, milliseconds pass (-1: no limit) or the postmaster dies, which ends the
// process.
void process_sleep(long milliseconds);

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
// stays the same.
void process_recover(WorkerSlot *slot, Failure *failure);

// After that, outside of PG_CATCH: finds who or what is in the way, and sets the reason and the hint.
void process_explain(Failure *failure);

} // namespace heartbeat
