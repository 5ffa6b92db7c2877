// Stores the results of the maintenance worker's duties in shared memory, with their times. If a duty
// fails again and again, aggregate_status.cpp shows this failure as the state of heartbeat as a whole,
// although ingest continues.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

enum class Duty : uint8_t { partitions, retention, indexes, fold, rollup, alerts, events, summary, packing };

// The maintenance worker calls duties_forget(), duty_begins(), duty_done() and duty_failed(). For the duty
// `packing`, the process that packs old weeks also calls duty_begins(), duty_done() and duty_failed().
void duties_forget(); // the maintenance worker calls this function at its start
void duty_begins(Duty duty);
void duty_done(Duty duty);
// `patiently` is true if the cause of the failure ends without help (for example, pg_dump holds a lock).
// heartbeat_status shows such a failure only after the duty has been failing for 15 minutes.
void duty_failed(Duty duty, const char *reason, const char *hint, bool patiently);

void duty_forget(Duty duty); // forgets the failures of a duty that heartbeat no longer has

struct DutyTrouble {
    const char *name; // as in heartbeat_maintenance
    Moment since;
    char reason[state_text_size];
    char hint[state_text_size];
};

// Call this function while you hold the lock of shared memory. If a duty fails again and again, or takes too
// long, the function sets *trouble and returns true.
bool duties_find_trouble(DutyTrouble *trouble, MonotonicTime now);

// Looks for the same trouble as duties_find_trouble(), and writes a sentence about this trouble. The caller
// appends the sentence to the hint when heartbeat_status shows a state that has another cause. Returns false
// if no duty has trouble.
bool duties_describe(char *sentence, size_t size);

} // namespace heartbeat
