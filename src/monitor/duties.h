// How the maintenance worker gets on with each of its duties, in shared memory. What fails
// again and again is the state of the whole, although ingest goes on.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

enum class Duty : uint8_t { partitions, retention, indexes, fold, rollup, alerts, events, summary };

// Called by the maintenance worker alone.
void duties_forget(); // when it starts
void duty_begins(Duty duty);
void duty_done(Duty duty);
// `patiently`: what is in the way goes away by itself, as a dump does, and is shown much later.
void duty_failed(Duty duty, const char *reason, const char *hint, bool patiently);

struct DutyTrouble {
    TimestampTz since;
    char reason[state_text_size];
    char hint[state_text_size];
};

// With the lock of shared memory held: false where no duty fails again and again, and each one ends.
bool duties_find_trouble(DutyTrouble *trouble, TimestampTz now);

// The same as a sentence for a hint, for a state that is another one; false where all is well.
bool duties_describe(char *sentence, size_t size);

} // namespace heartbeat
