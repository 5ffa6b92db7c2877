// Records when each duty of the maintenance worker began, succeeded or failed. The records are in shared
// memory. If a duty fails again and again, aggregate_status.cpp shows this failure as the state of heartbeat
// as a whole, although ingest continues.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

enum class Duty : uint8_t { partitions, retention, indexes, fold, rollup, alerts, events, summary };

// Only the maintenance worker calls these four functions.
void duties_forget(); // call it when the worker starts
void duty_begins(Duty duty);
void duty_done(Duty duty);
// `patiently`: the cause ends by itself, as a dump does, so the failure is shown only after 15 minutes.
void duty_failed(Duty duty, const char *reason, const char *hint, bool patiently);

struct DutyTrouble {
    TimestampTz since;
    char reason[state_text_size];
    char hint[state_text_size];
};

// Call it while you hold the lock of shared memory. Returns true and sets *trouble if a duty fails again and
// again, or takes too long.
bool duties_find_trouble(DutyTrouble *trouble, TimestampTz now);

// Writes a sentence about the trouble that duties_find_trouble() finds, for the hint of another state.
// Returns false if no duty has trouble.
bool duties_describe(char *sentence, size_t size);

} // namespace heartbeat
