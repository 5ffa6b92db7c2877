// How the maintenance worker gets on with each of its duties, in shared memory. What fails
// again and again is the state of the whole, although ingest goes on.
#pragma once

#include "monitor/aggregate_status.h"

namespace heartbeat {

enum class Duty : uint8_t { partitions, retention, indexes, fold, rollup, alerts, events, summary };

// Called by the maintenance worker alone.
void duties_forget(); // when it starts
void duty_begins(Duty duty);
void duty_done(Duty duty);
// `patiently`: what is in the way goes away by itself, as a dump does, and is shown much later.
void duty_failed(Duty duty, const char *reason, const char *hint, bool patiently);

// With the lock of shared memory held: a duty that fails, or does not end, is the state where ingest runs.
void duties_look(Overall *overall, TimestampTz now);

// The same as a sentence for a hint, for a state that is another one; false where all is well.
bool duties_describe(char *sentence, size_t size);

} // namespace heartbeat
