// Adds rows to heartbeat_events. event_recorder.cpp, offsets.cpp, replay.cpp, retry.cpp and sources.cpp call
// events_record(). This file does not depend on the kinds of events.
#pragma once

extern "C" {
#include "postgres.h"

#include "datatype/timestamp.h"
}

namespace heartbeat {

// Calls heartbeat_record_event() in the current transaction. `reason` may be nullptr; `details` is a jsonb.
void events_record(const char *kind, const char *reason, Datum details, TimestampTz happened_at);

} // namespace heartbeat
